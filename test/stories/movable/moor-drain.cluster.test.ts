import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { closeNamespace, openNamespace } from "../support/cleanup.ts";
import { allReady, limit, endedMovesOf, movesOf, onlyOn, podsLeftOn, uncordonAll } from "../support/drains.ts";
import { toYaml } from "../support/manifest.ts";
import { openMoor, type Moor } from "../support/moor.ts";
import { MOVABLE_CLASS, useMovable } from "../support/movable.ts";
import { localVolume, nodeNameOf, readyOn, volumeOf } from "../support/movable-objects.ts";
import { nothingLeftBehind } from "../support/moves.ts";
import { cordon } from "../support/nodes.ts";
import type { Pod } from "../support/objects.ts";
import { checkRecords, moreRecords, recordWriter } from "../support/records.ts";
import { budget } from "../support/workloads.ts";

const on = useMovable(["node-files", "programs"]);
const NS = "movable-moor-drain";
const WRITERS = ["w-0", "w-1"] as const;
/** A copy of three minutes at the story's bandwidth, which it takes off. */
const MIB = 24;
const SLOW = "128Ki";
let moor: Moor;
let node = "";

const CONTAINER = {
  name: "main",
  image: "docker.io/library/busybox:latest",
  imagePullPolicy: "IfNotPresent",
  command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"],
};

/** Pods without a volume. */
function workload(kind: "Deployment" | "DaemonSet", name: string): object {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers: [CONTAINER] } };
  const spec = { selector: { matchLabels: labels }, template };
  return { apiVersion: "apps/v1", kind, metadata: { name, namespace: NS }, spec };
}

/** A budget that allows nothing. */
const BUDGET = budget(NS, "web", "web", { maxUnavailable: 0 });

async function podOf(app: string, onNode?: string): Promise<Pod> {
  return await on.ground.waitFor(`a pod of ${app} to run`, async (saw) => {
    const pods = await on.ground.list<Pod>("pods", { namespace: NS, labelSelector: `app=${app}` });
    saw(pods.map(({ metadata, spec, status }) => ({ name: metadata.name, node: spec.nodeName, status })));
    return pods.find(
      ({ metadata, spec, status }) =>
        metadata.deletionTimestamp === undefined &&
        status.phase === "Running" &&
        (onNode === undefined || spec.nodeName === onNode),
    );
  });
}

async function isCordoned(): Promise<boolean> {
  const found = await on.ground.get<{ spec: { unschedulable?: boolean } }>("Node", node);
  return found?.spec.unschedulable === true;
}

/** What a drain says of a copy that is in progress. */
const COPYING = /volume \S+: Copying to node \S+, [\d.]+ MiB of /;

/** Where each of these texts begins in the other one; -1 where it is not there. */
function placesOf(text: string, ...parts: readonly RegExp[]): number[] {
  return parts.map((part) => text.search(part));
}

beforeAll(async () => {
  const { ground } = on;
  moor = await openMoor(ground);
  await openNamespace(ground, NS);
  node = ground.nodes[0] ?? "";
  await onlyOn(ground, node, async () => {
    await ground.apply(toYaml(recordWriter(NS, "w", MOVABLE_CLASS, { replicas: 2 }), workload("Deployment", "web")));
    await allReady(ground, NS, WRITERS);
    await podOf("web", node);
  });
  await ground.apply(toYaml(workload("DaemonSet", "every")));
  await podOf("every", node);
  for (const pod of WRITERS) {
    const fill = `dd if=/dev/urandom of=/data/filling bs=1M count=${String(MIB)} && sync /data/filling`;
    expect((await ground.exec(NS, pod, ["sh", "-c", fill])).code).toBe(0);
  }
});
afterEach(async () => {
  await uncordonAll(on.ground);
});
afterAll(async () => {
  await closeNamespace(on.ground, NS);
  await moor.close();
});

test("moor drain: interrupted in the middle of a copy, and gone on with", async () => {
  const { ground } = on;
  const before = await Promise.all(WRITERS.map((pod) => readyOn(ground, NS, pod)));
  const first = moor.start("drain", node, "--bandwidth", SLOW);
  await ground.waitFor("a copy to be half-way", () => (COPYING.test(first.stderr()) ? true : undefined));
  first.interrupt();
  const interrupted = await first.ended;
  expect([interrupted.code, interrupted.stdout]).toEqual([130, ""]);
  expect(interrupted.stderr).toMatch(
    new RegExp(
      `^The drain is not complete: node ${node} is not cordoned; 2 of its VolumeMoves continue\\. ` +
        `To continue: moor drain ${node}\\. To cancel: kubectl delete volumemove drain-${node}-\\S+ drain-${node}-\\S+\\.$`,
      "m",
    ),
  );
  // Nobody has noticed anything: the pods run where they were, on a node that takes others.
  expect(await isCordoned()).toBe(false);
  for (const { metadata } of before) {
    expect((await readyOn(ground, NS, metadata.name)).metadata.uid).toBe(metadata.uid);
  }
  const acknowledged = await Promise.all(WRITERS.map((pod) => moreRecords(ground, NS, pod)));

  const second = moor.start("drain", node, "--timeout=400s");
  await ground.waitFor("the copies to be gone on with", () => (COPYING.test(second.stderr()) ? true : undefined));
  for (const pod of WRITERS) {
    const move = (await movesOf(ground, await volumeOf(ground, NS, `data-${pod}`))).at(-1);
    await limit(ground, move?.metadata?.name ?? "", null);
  }
  const { code, stderr, stdout } = await second.ended;
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  // The pod of web, and whatever else of the cluster happened to run there.
  const gone = stderr.match(/ pod \S+: gone$/gm)?.length ?? 0;
  expect(stdout).toMatch(
    new RegExp(
      `^Node ${node} is drained: 2 volumes moved \\([\\d.]+ MiB\\), ${gone === 1 ? "1 pod" : `${String(gone)} pods`} evicted, \\d+s\n$`,
    ),
  );
  const at = "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z ";
  const line = (text: string): RegExp => new RegExp(`${at}${text}`, "m");
  const places = placesOf(
    stderr,
    line(`node ${node}: its volumes move before it is cordoned$`),
    line(`volume ${NS}/data-w-\\d: Copying to node \\S+, [\\d.]+ MiB of [\\d.]+ MiB \\(\\d+%\\)`),
    line(`volume ${NS}/data-w-\\d: Done, on node \\S+, [\\d.]+ MiB`),
    line(`node ${node}: cordoned, its pods are evicted$`),
    line(`pod ${NS}/every-\\S+: is not evicted: it belongs to DaemonSet every$`),
    line(`pod ${NS}/web-\\S+: gone$`),
    line(`node ${node}: drained$`),
  );
  expect(places, stderr).not.toContain(-1);
  const [begins, copies, done, cordoned] = places as [number, number, number, number];
  expect([begins, copies, done, cordoned]).toEqual([begins, copies, done, cordoned].toSorted((a, b) => a - b));
  expect(stderr.trimEnd().split("\n").at(-1)).toMatch(line(`node ${node}: drained$`));
  for (const claim of ["data-w-0", "data-w-1"]) {
    const volume = `volume ${NS}/${claim}: Done`;
    expect(stderr.indexOf(volume), volume).toBeLessThan(cordoned);
  }
  // Neither a bar nor anything else that only a terminal understands.
  expect(stderr).not.toContain("\u001b");
  expect(stderr).not.toContain("[#");

  expect(await isCordoned()).toBe(true);
  expect(await podsLeftOn(ground, node)).toEqual([]);
  for (const [index, pod] of WRITERS.entries()) {
    const after = await readyOn(ground, NS, pod, before[index]?.metadata.uid);
    expect(nodeNameOf(after)).not.toBe(node);
    expect((await checkRecords(ground, NS, pod, ...acknowledged.slice(index, index + 1))).faults).toEqual([]);
  }
  expect((await podOf("web")).spec.nodeName).not.toBe(node);
  expect((await podOf("every", node)).spec.nodeName).toBe(node);
  await nothingLeftBehind(ground);
});

test("moor undo brings a volume that has moved back, with what was written since", async () => {
  const { ground } = on;
  const before = await readyOn(ground, NS, "w-0");
  const acknowledged = await moreRecords(ground, NS, "w-0");
  const { code, stderr, stdout } = await moor.run("undo", "data-w-0", "-n", NS);
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(
    new RegExp(`^VolumeMove data-w-0-\\S+: Done, \\S+ from node ${nodeNameOf(before)} to node ${node}\n$`),
  );
  expect(stderr).toMatch(
    new RegExp(`^The copy on node ${nodeNameOf(before)} is the volume\\. .* lacks the later writes`),
  );
  expect(nodeNameOf(await readyOn(ground, NS, "w-0", before.metadata.uid))).toBe(node);
  expect((await checkRecords(ground, NS, "w-0", acknowledged)).faults).toEqual([]);
});

/** The events that `moor drain -o json` has printed so far; the last line may be a part of one. */
function eventsIn(stdout: string): { event: string; pod?: string; state: string; why?: string }[] {
  const lines = stdout.slice(0, stdout.lastIndexOf("\n") + 1).split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as ReturnType<typeof eventsIn>[number]);
}

test("moor drain shows what a budget holds, and ends when it is interrupted and when its time is up", async () => {
  const { ground } = on;
  const web = nodeNameOf(await podOf("web"));
  await ground.apply(toYaml(BUDGET));
  try {
    const first = moor.start("drain", web, "-o", "json");
    const held = await ground.waitFor("the budget to hold a pod", (saw) => {
      saw(first.stdout() + first.stderr());
      return eventsIn(first.stdout()).find(({ event, state }) => event === "pod" && state === "Held");
    });
    first.interrupt();
    expect((await first.ended).code).toBe(130);
    expect(held).toMatchObject({
      event: "pod",
      node: web,
      pod: expect.stringMatching(new RegExp(`^${NS}/web-`)) as string,
      why: expect.stringMatching(/would violate the pod's disruption budget/) as string,
    });
    const { code, stderr } = await moor.run("drain", web, "-o", "json", "--timeout=5s");
    expect([code, stderr]).toEqual([
      7,
      expect.stringMatching(/^The drain is not complete: .*\n.*\(MOOR_TIMED_OUT\)\n$/s) as string,
    ]);
  } finally {
    await ground.delete(toYaml(BUDGET));
  }
});

test("moor release: the drain leaves the volume, its pod waits for the node, and the release is taken back", async () => {
  const { ground } = on;
  const before = await readyOn(ground, NS, "w-0");
  const acknowledged = await moreRecords(ground, NS, "w-0");
  const home = nodeNameOf(before);
  const volume = await volumeOf(ground, NS, "data-w-0");
  const asked = await moor.run("release", home);
  expect([asked.code, asked.stderr]).toEqual([6, expect.stringMatching(/MOOR_RELEASE_UNCONFIRMED/) as string]);
  expect(asked.stdout).toMatch(new RegExp(`^${NS}/data-w-0 +${volume} .* the only copy stays on node ${home};`, "m"));
  expect((await moor.run("release", home, "--yes")).code).toBe(0);
  const drained = await moor.run("drain", home, "--timeout=400s");
  expect({ code: drained.code, stderr: drained.code === 0 ? "" : drained.stderr }).toEqual({ code: 0, stderr: "" });
  expect(drained.stderr).toMatch(/volume \S+\/data-w-0: stays on its node, node \S+ was released/);
  expect((await localVolume(ground, volume))?.spec.nodeName).toBe(home);
  await cordon(ground, home, false);
  expect(nodeNameOf(await readyOn(ground, NS, "w-0", before.metadata.uid))).toBe(home);
  // Not earlier: the volume of a pod that waits would leave a cordoned node that is not released.
  const taken = await moor.run("release", home, "--undo");
  expect([taken.code, taken.stdout]).toEqual([0, expect.not.stringMatching(/released\)/) as string]);
  expect((await checkRecords(ground, NS, "w-0", acknowledged)).faults).toEqual([]);
  await nothingLeftBehind(ground);
});

test("moor drain with a pod selector moves the volume of one pod, and leaves the other pod alone", async () => {
  const { ground } = on;
  const stays = await readyOn(ground, NS, "w-0");
  const home = nodeNameOf(stays);
  if (nodeNameOf(await readyOn(ground, NS, "w-1")) !== home) {
    const moved = await moor.run("move", "data-w-1", "-n", NS, "--to", home);
    expect({ code: moved.code, stderr: moved.code === 0 ? "" : moved.stderr }).toEqual({ code: 0, stderr: "" });
  }
  const before = await readyOn(ground, NS, "w-1");
  expect(nodeNameOf(before)).toBe(home);
  const acknowledged = await moreRecords(ground, NS, "w-1");
  const selector = "statefulset.kubernetes.io/pod-name in (w-1)";
  const { code, stderr, stdout } = await moor.run("drain", home, "--pod-selector", selector, "--timeout=400s");
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(new RegExp(`^Node ${home} is drained: 1 volume moved `));
  expect(stderr).not.toContain("w-0");
  expect(nodeNameOf(await readyOn(ground, NS, "w-1", before.metadata.uid))).not.toBe(home);
  expect((await checkRecords(ground, NS, "w-1", acknowledged)).faults).toEqual([]);
  expect((await readyOn(ground, NS, "w-0")).metadata.uid).toBe(stays.metadata.uid);
  await nothingLeftBehind(ground);
});

test("moor drain of two nodes empties both, and moves no volume from one to the other", async () => {
  const { ground } = on;
  const before = await Promise.all(WRITERS.map((pod) => readyOn(ground, NS, pod)));
  const leaving = before.map((pod) => nodeNameOf(pod));
  // As the story before has left them.
  expect(new Set(leaving).size).toBe(2);
  const remaining = ground.nodes.find((name) => !leaving.includes(name));
  const acknowledged = await Promise.all(WRITERS.map((pod) => moreRecords(ground, NS, pod)));
  const { code, stderr, stdout } = await moor.run("drain", ...leaving, "--timeout=400s");
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(new RegExp(`^Nodes ${leaving.join(", ")} are drained: 2 volumes moved `));
  const drained = placesOf(stderr, ...leaving.map((name) => new RegExp(`node ${name}: drained$`, "m")));
  expect(drained).toEqual(drained.toSorted((a, b) => a - b));
  expect(drained).not.toContain(-1);
  for (const [index, pod] of WRITERS.entries()) {
    expect(await podsLeftOn(ground, leaving[index] ?? "")).toEqual([]);
    expect(nodeNameOf(await readyOn(ground, NS, pod, before[index]?.metadata.uid))).toBe(remaining);
    expect((await checkRecords(ground, NS, pod, ...acknowledged.slice(index, index + 1))).faults).toEqual([]);
    // Once, and not by way of the other one.
    const moves = await endedMovesOf(ground, await volumeOf(ground, NS, `data-${pod}`));
    const last = moves.filter(({ spec }) => spec.from === leaving[index]).at(-1);
    expect([last?.status?.phase, last?.status?.target, moves.at(-1)]).toEqual(["Done", remaining, last]);
  }
  await nothingLeftBehind(ground);
});
