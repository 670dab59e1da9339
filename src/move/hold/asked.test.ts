import { beforeEach, describe, expect, test } from "vitest";
import { localVolumes, type LocalVolume } from "../../api/kinds/local-volume.ts";
import { ASKED_ANNOTATION } from "../../api/names.ts";
import { localVolumeSpec } from "../../api/testing/local-volume.fixture.ts";
import { manualClock, type ManualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../../kube/client.ts";
import { KubeError } from "../../kube/errors.ts";
import { LabKube } from "../../lab/api/testing/lab-kube.fixture.ts";
import { recordingLog, type RecordingLog } from "../../observe/testing/recording-log.fixture.ts";
import { AskedRecorder } from "./asked.ts";
import { epochOfAsked } from "./asked-epoch.ts";
import type { AskRecord } from "./decide.ts";

const VOLUME = "/apis/mooring.dev/v1alpha1/localvolumes/v";
const KEEPER = "/api/v1/namespaces/mooring/pods/keeper-a";

let clock: ManualClock;
let kube: LabKube;
let log: RecordingLog;
let recorder: AskedRecorder;
beforeEach(() => {
  clock = manualClock();
  kube = new LabKube({ clock });
  log = recordingLog();
  recorder = new AskedRecorder({ client: new KubeClient(kube), clock, log });
  kube.put(VOLUME, { spec: localVolumeSpec("a") });
});

const stored = (): LocalVolume => kube.at(VOLUME) as LocalVolume;
const asked = () => stored().status?.asked;
const askedEpoch = () => epochOfAsked(asked() ?? { at: now() });
/** The volume as a replica has read it now. */
const read = (): AskRecord["volumes"][number] => {
  const { metadata, spec } = stored();
  return {
    name: "v",
    uid: metadata?.uid ?? "",
    resourceVersion: metadata?.resourceVersion ?? "",
    epoch: spec.epoch,
  };
};
const now = (): string => new Date(clock.now()).toISOString();
/** As a move does it. */
const place = (nodeName: string): void => {
  const { spec, status } = stored();
  kube.put(VOLUME, { spec: { ...spec, nodeName, epoch: spec.epoch + 1 }, status: { ...status, movedAt: now() } });
};
/** As a replica of a version writes it that does not know the epoch. */
const recordAsBefore = async (gracePeriodSeconds?: number): Promise<void> => {
  const { uid, resourceVersion } = read();
  const status = { asked: { at: now(), gracePeriodSeconds: gracePeriodSeconds ?? null } };
  await new KubeClient(kube).patchMerge(
    localVolumes,
    { name: "v" },
    { metadata: { uid, resourceVersion }, status },
    { subresource: "status" },
  );
};
async function record(volume: AskRecord["volumes"][number], gracePeriodSeconds?: number): Promise<void> {
  recorder.record({ volumes: [volume], ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }) });
  await clock.advance(0);
}

test("a request is recorded with its time, its grace period, and the epoch that it is about", async () => {
  await record(read(), 7);
  expect(asked()).toEqual({ at: now(), gracePeriodSeconds: 7, epoch: 1, epochAt: now() });
});

test("the next one replaces all of it", async () => {
  await record(read(), 7);
  place("b");
  await record(read());
  expect(asked()).toEqual({ at: now(), epoch: 2, epochAt: now() });
});

test("one from the version before gets an epoch with the next request", async () => {
  const { spec } = stored();
  kube.put(VOLUME, { spec: { ...spec, epoch: 4 }, status: { asked: { at: "2029-01-01T00:00:00Z" } } });
  await record(read());
  expect(asked()).toEqual({ at: now(), epoch: 4, epochAt: now() });
});

describe("while replicas of a version before the epoch answer too", () => {
  test("one of them leaves a record without an epoch, whatever was there", async () => {
    await record(read());
    expect(askedEpoch()).toBe(1);
    place("b");
    await clock.advance(1);
    await recordAsBefore(7);
    expect(asked()).toMatchObject({ at: now(), gracePeriodSeconds: 7 });
    expect(askedEpoch()).toBeUndefined();
  });

  test("ours leaves a whole one over theirs", async () => {
    await record(read());
    place("b");
    await clock.advance(1);
    await recordAsBefore(7);
    await clock.advance(1);
    await record(read());
    expect(asked()).toEqual({ at: now(), epoch: 2, epochAt: now() });
    expect(askedEpoch()).toBe(2);
  });
});

describe("a replica whose cache is behind", () => {
  test("a move writes nothing, over no record", async () => {
    const behind = read();
    place("b");
    await record(behind);
    expect(asked()).toBeUndefined();
    expect(log.lines).toEqual([]);
  });

  test("a move does not replace what was asked of the new node", async () => {
    const behind = read();
    place("b");
    await record(read());
    const kept = asked();
    await clock.advance(1_000);
    await record(behind);
    expect(asked()).toEqual(kept);
  });

  test("records the request for the new node as soon as it knows it: the next one, 5 s later", async () => {
    const behind = read();
    place("b");
    await record(behind);
    await clock.advance(5_000);
    await record(read());
    expect(asked()).toEqual({ at: now(), epoch: 2, epochAt: now() });
  });

  test("another volume of that name is not written either", async () => {
    const behind = read();
    kube.remove(VOLUME);
    kube.put(VOLUME, { metadata: { uid: "another" }, spec: localVolumeSpec("b") });
    await record(behind);
    expect(asked()).toBeUndefined();
    kube.remove(VOLUME);
    await clock.advance(10_000);
    await record(behind);
    expect(log.lines).toEqual([]);
  });
});

describe("every ten seconds", () => {
  test("at most, one volume is written", async () => {
    await record(read());
    const first = asked()?.at;
    await clock.advance(9_000);
    await record(read());
    expect(asked()?.at).toBe(first);
    await clock.advance(1_000);
    await record(read());
    expect(asked()?.at).toBe(now());
  });

  test("but in the next epoch at once: the record before does not count there", async () => {
    await record(read());
    place("b");
    await clock.advance(2_000);
    await record(read());
    expect(asked()).toEqual({ at: now(), epoch: 2, epochAt: now() });
  });

  test("but after a write that has failed at the next request", async () => {
    kube.intercept = () => {
      throw new KubeError({ code: 500, reason: "InternalError", message: "etcd is away" });
    };
    await record(read());
    expect(asked()).toBeUndefined();
    expect(log.lines).toHaveLength(1);
    kube.intercept = () => undefined;
    await clock.advance(5_000);
    await record(read());
    expect(asked()?.at).toBe(now());
  });

  test("at most, one keeper is written", async () => {
    kube.put(KEEPER, { metadata: { namespace: "mooring" }, spec: { containers: [{ name: "main", image: "i" }] } });
    const keeper = { volumes: [], keeper: { namespace: "mooring", name: "keeper-a" } };
    const annotation = (): string | undefined => kube.at(KEEPER)?.metadata?.annotations?.[ASKED_ANNOTATION];
    recorder.record(keeper);
    await clock.advance(0);
    const first = annotation();
    expect(first).toBe(now());
    await clock.advance(9_000);
    recorder.record(keeper);
    await clock.advance(1_000);
    expect(annotation()).toBe(first);
    recorder.record(keeper);
    await clock.advance(0);
    expect(annotation()).toBe(now());
  });
});

describe("what it remembers", () => {
  test("is what was asked for in the last ten seconds, whether it moves or goes meanwhile", async () => {
    for (let move = 0; move < 20; move += 1) {
      await record(read());
      place(move % 2 === 0 ? "b" : "a");
      await clock.advance(1_000);
    }
    expect(recorder.size).toBe(10);
    kube.remove(VOLUME);
    await clock.advance(10_000);
    recorder.record({ volumes: [] });
    expect(recorder.size).toBe(0);
  });
});

test("a field that the kinds do not have is cut off, as the epoch by those of the version before", async () => {
  const client = new KubeClient(kube);
  const { uid, resourceVersion } = read();
  const status = { asked: { at: now(), epoch: 1, nobodyKnowsThis: true } };
  await client.patchMerge(
    localVolumes,
    { name: "v" },
    { metadata: { uid, resourceVersion }, status },
    { subresource: "status" },
  );
  expect(asked()).toEqual({ at: now(), epoch: 1 });
});
