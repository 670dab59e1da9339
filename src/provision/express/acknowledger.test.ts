import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { manualClock, settle } from "../../effects/testing/manual-clock.fixture.ts";
import { systemRandom } from "../../effects/node/random.ts";
import { KubeClient } from "../../kube/client.ts";
import { KubeError } from "../../kube/errors.ts";
import { Informer } from "../../kube/watch/informer.ts";
import { persistentVolumes, type PersistentVolume } from "../../kube/kinds.ts";
import { manyListeners } from "../../kube/many-listeners.ts";
import { recordingLog } from "../../kube/testing/recording-log.fixture.ts";
import { LabKube } from "../../lab/api/testing/lab-kube.fixture.ts";
import { silentLog, type Log } from "../../observe/log.ts";
import type { Recorder } from "../events.ts";
import { VOLUME_SPEC } from "../testing/harness.fixture.ts";
import { KcmVolumeWorker } from "../testing/kcm-volume-worker.fixture.ts";
import { Acknowledger } from "./acknowledger.ts";

const stops: AbortController[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});

async function start(log: Log = silentLog) {
  const clock = manualClock();
  const kube = new LabKube({ clock });
  const kcm = new KcmVolumeWorker(kube);
  const client = new KubeClient(kube);
  const events: string[] = [];
  const recorder: Recorder = {
    record: ({ kind, name }, { reason, message }) => events.push(`${reason} ${kind} ${name}: ${message}`),
  };
  const deps = { client, clock, random: systemRandom(), log, recorder };
  const volumes = new Informer<PersistentVolume>(deps, { resource: persistentVolumes });
  const stop = new AbortController();
  manyListeners(stop.signal);
  stops.push(stop);
  void volumes.run(stop.signal);
  await volumes.synced();
  const acknowledger = new Acknowledger({ ...deps, volumes }, { owner: "test", namespace: "ours" });
  void acknowledger.run(stop.signal);
  const ask = (claim?: string): { answered: boolean } => {
    const question = { answered: false };
    void acknowledger.acknowledged(claim === undefined ? undefined : { metadata: { name: claim } }, stop.signal).then(
      () => {
        question.answered = true;
      },
      () => undefined,
    );
    return question;
  };
  let made = 0;
  const writeVolume = (): string => {
    made += 1;
    const name = `pvc-${String(made)}`;
    const claimRef = { name: "c", namespace: "n", uid: String(made) };
    kube.put(`/api/v1/persistentvolumes/${name}`, {
      metadata: { name },
      spec: { ...VOLUME_SPEC, claimRef },
    } satisfies PersistentVolume);
    return name;
  };
  return { kube, kcm, clock, ask, writeVolume, stop, acknowledger, events };
}

test("nobody is answered before kube-controller-manager has answered twice", async () => {
  const { kcm, ask, kube } = await start();
  const question = ask();
  await settle();
  expect(question.answered).toBe(false);
  kcm.drain(); // The new canary becomes Available: no answer to anything yet.
  await settle();
  expect(question.answered).toBe(false);
  kcm.drain();
  await settle();
  expect(question.answered).toBe(false);
  kcm.drain();
  await settle();
  expect(question.answered).toBe(true);
  expect(kube.log.filter((line) => line.startsWith("PATCH")).length).toBe(2);
});

test("who asks during a round is not answered by it, but by the two after it", async () => {
  const { kcm, ask } = await start();
  const before = ask();
  await settle();
  kcm.drain(); // The new canary becomes Available, and the first round begins.
  await settle();
  const during = ask();
  await settle();
  for (const answers of [
    [false, false],
    [true, false],
    [true, true],
  ]) {
    kcm.drain();
    await settle();
    expect([before.answered, during.answered]).toEqual(answers);
  }
});

test("nor is a volume taken for known that was written between a round's answer and our hearing of it", async () => {
  const { kcm, ask, writeVolume } = await start();
  ask();
  await settle();
  kcm.drain();
  await settle();
  kcm.step(); // The round is answered, which queues the canary again: ahead of the volume.
  const volume = writeVolume();
  const question = ask();
  await settle();
  kcm.step(); // The next round is answered from there.
  await settle();
  expect([kcm.known.has(volume), question.answered]).toEqual([false, false]);
  kcm.drain();
  await settle();
  expect([kcm.known.has(volume), question.answered]).toEqual([true, true]);
});

test("while nobody asks, nothing is written", async () => {
  const { kcm, ask, kube } = await start();
  const question = ask();
  for (let round = 0; round < 5; round += 1) {
    await settle();
    kcm.drain();
  }
  expect(question.answered).toBe(true);
  const written = kube.log.length;
  await settle();
  expect(kube.log.length).toBe(written);
});

const refused = (code: number): KubeError =>
  new KubeError({ code, reason: code === 403 ? "Forbidden" : "Invalid", message: "denied: only local volumes" });

test.each([
  [400, "POST"],
  [403, "POST"],
  [422, "POST"],
  [403, "PATCH"],
  [422, "PATCH"],
])("a refusal with %i of its %s is told once, and the canary tried again minutes later", async (code, method) => {
  const log = recordingLog();
  const { ask, clock, kcm, kube, events } = await start(log);
  const sent = (): number => kube.log.filter((line) => line.startsWith("sent")).length;
  kube.intercept = (request) => {
    if (request.method !== method || !request.path.includes("/persistentvolumes")) return;
    kube.log.push("sent");
    throw refused(code);
  };
  const question = ask("data");
  ask("other");
  for (let second = 0; second < 60; second += 1) {
    await clock.advance(1_000);
    kcm.drain();
  }
  expect(sent()).toBeLessThanOrEqual(11);
  const before = sent();
  await clock.advance(300_000);
  expect(sent() - before).toBeLessThanOrEqual(11);
  const told = log.lines.filter(({ level }) => level === "warn");
  expect(told.map(({ msg }) => msg)).toEqual(["the acknowledgement canary was refused, express bind is off"]);
  expect(events).toEqual([
    expect.stringMatching(/^ExpressBindOff PersistentVolumeClaim data: .*denied: only local volumes$/),
  ]);
  expect(question.answered).toBe(false);
  kube.intercept = () => undefined;
  await clock.advance(300_000);
  for (let round = 0; round < 5; round += 1) {
    kcm.drain();
    await settle();
  }
  expect(question.answered).toBe(true);
});

test("the canary goes with our namespace, where we may read it", async () => {
  const canaries = async (may: boolean) => {
    const { ask, kube } = await start();
    kube.put("/api/v1/namespaces/ours", { metadata: { name: "ours", uid: "uid-of-ours" } });
    kube.intercept = ({ path }) => {
      if (!may && path.endsWith("/namespaces/ours")) throw refused(403);
    };
    ask();
    await settle();
    return kube.list("/api/v1/persistentvolumes").map(({ metadata }) => metadata?.ownerReferences);
  };
  const owner = { apiVersion: "v1", kind: "Namespace", name: "ours", uid: "uid-of-ours" };
  expect(await canaries(true)).toEqual([[owner]]);
  expect(await canaries(false)).toEqual([undefined]);
});

test("a canary that somebody claimed is replaced", async () => {
  const { kcm, ask, kube, clock } = await start();
  ask();
  for (let round = 0; round < 5; round += 1) {
    await settle();
    kcm.drain();
  }
  const [path] = [...kube.log].filter((line) => line.startsWith("PATCH")).map((line) => line.split(" ")[1] ?? "");
  const stolen = (path ?? "").replace(/\/status$/, "");
  const canary = kube.at(stolen) as PersistentVolume;
  kube.put(stolen, { ...canary, spec: { ...canary.spec, claimRef: { name: "thief" } } } as PersistentVolume);
  const question = ask();
  for (let round = 0; round < 8; round += 1) {
    await clock.advance(1_000); // The theft may be noticed only in the middle of a round, which is then tried again after a pause.
    kcm.drain();
  }
  expect(question.answered).toBe(true);
  expect(kube.log.filter((line) => line === "POST /api/v1/persistentvolumes").length).toBe(2);
});

test("whatever the worker's backlog and resyncs, an answer means that every volume written before the question is known", async () => {
  const action = fc.oneof(
    { weight: 4, arbitrary: fc.constant("write" as const) },
    { weight: 8, arbitrary: fc.constant("step" as const) },
    { weight: 2, arbitrary: fc.constant("ask" as const) },
    { weight: 2, arbitrary: fc.constant("resync" as const) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 20, maxLength: 80 }), async (actions) => {
      const { kcm, ask, writeVolume, stop } = await start();
      const written: string[] = [];
      const questions: { question: { answered: boolean }; before: string[] }[] = [];
      // Compared once: an expect() for each of 22,000 answers took a fifth of the time.
      const tooEarly: string[] = [];
      const steps = [...actions, ...Array.from({ length: 30 }, () => "step" as const)];
      for (const [at, name] of steps.entries()) {
        if (name === "write") written.push(writeVolume());
        else if (name === "step") kcm.step();
        else if (name === "resync") kcm.resync((names) => names.toReversed());
        else questions.push({ question: ask(), before: [...written] });
        await settle(3);
        for (const { question, before } of questions) {
          if (!question.answered) continue;
          const unknown = before.filter((volume) => !kcm.known.has(volume));
          tooEarly.push(...unknown.map((volume) => `after action ${String(at)}: ${volume} is not known`));
        }
      }
      expect(tooEarly).toEqual([]);
      stop.abort();
    }),
    { numRuns: 150 },
  );
});
