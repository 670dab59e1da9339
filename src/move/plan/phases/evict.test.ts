import { expect, test } from "vitest";
import type { MoveSnapshot, PodView } from "../snapshot.ts";
import { planEviction, someEvicted } from "./evict.ts";

const view = (uid: string, change: Partial<PodView> = {}): PodView => ({
  namespace: "ns",
  name: "db-0",
  uid,
  nodeName: "a",
  deletionTimestamp: undefined,
  deletionGracePeriodSeconds: undefined,
  finished: false,
  volumes: ["v"],
  unmovable: undefined,
  ...change,
});
const ENDING = { deletionTimestamp: "2030-01-01T00:00:00Z" };

/** `recorded`: the UIDs that the move wrote down when it entered Fenced. */
const snapshot = (recorded: readonly string[] | undefined, pods: readonly PodView[]): MoveSnapshot =>
  ({ move: { status: { pods: recorded?.map((uid) => ({ uid })) } }, pods }) as unknown as MoveSnapshot;

test.each<[string, boolean, readonly string[] | undefined, readonly PodView[]]>([
  ["no pod was written down", false, undefined, [view("1")]],
  ["no pod ran", false, [], []],
  ["all run", false, ["1", "2"], [view("1"), view("2")]],
  ["all run, beside one that is ending and was not written down", false, ["1"], [view("1"), view("2", ENDING)]],
  ["one is gone", true, ["1", "2"], [view("2")]],
  ["one is ending", true, ["1", "2"], [view("1"), view("2", ENDING)]],
  ["one has finished", true, ["1", "2"], [view("1", { finished: true }), view("2")]],
  ["one was made again under its name", true, ["1"], [view("3")]],
])("a group is partly evicted or not: %s", (_title, expected, recorded, pods) => {
  expect(someEvicted(snapshot(recorded, pods))).toBe(expected);
});

test("a move that has no status yet has evicted nothing", () => {
  expect(someEvicted({ move: {}, pods: [] } as unknown as MoveSnapshot)).toBe(false);
});

interface Asked {
  readonly at: string;
  readonly gracePeriodSeconds?: number;
  readonly epoch?: number;
  readonly epochAt?: string;
}

/** An eviction in a move of these volumes, which have all come to epoch 2 at the time MOVED. */
const graceOf = (reason: string, ...asked: readonly (Asked | undefined)[]): unknown =>
  planEviction(
    {
      move: { spec: { reason }, status: { evictedAt: new Date(0).toISOString() } },
      fresh: new Set(["move", "volumes", "pods"]),
      source: { name: "a" },
      pods: [view("1")],
      evictions: new Map(),
      volumes: asked.map((one) => ({ volume: { spec: { epoch: 2 }, status: { asked: one, movedAt: MOVED } } })),
    } as unknown as MoveSnapshot,
    1,
  );
const BEFORE = "2029-12-31T23:59:50Z";
const MOVED = "2029-12-31T23:59:55Z";
const EARLY = "2030-01-01T00:00:00Z";
const LATE = "2030-01-01T00:00:10Z";

test.each<[claim: string, seconds: number | undefined, asked: readonly (Asked | undefined)[]]>([
  ["that of the pod, if nobody has asked", undefined, [undefined]],
  [
    "that of the last request",
    7,
    [
      { at: LATE, gracePeriodSeconds: 7, epoch: 2 },
      { at: EARLY, gracePeriodSeconds: 1, epoch: 2 },
    ],
  ],
  [
    "that of the pod, if the last request names none",
    undefined,
    [
      { at: LATE, epoch: 2 },
      { at: EARLY, gracePeriodSeconds: 1, epoch: 2 },
    ],
  ],
  [
    "not that of the drain that has brought the volume here",
    undefined,
    [{ at: LATE, gracePeriodSeconds: 7, epoch: 1 }],
  ],
  ["that of a request without an epoch: the version before has written it", 7, [{ at: LATE, gracePeriodSeconds: 7 }]],
  ["not that of a request without an epoch from before the move", undefined, [{ at: BEFORE, gracePeriodSeconds: 7 }]],
  [
    "that of a request that the version before has written over one with an epoch",
    7,
    [{ at: LATE, gracePeriodSeconds: 7, epoch: 1, epochAt: EARLY }],
  ],
  [
    "not that of such a request from before the move",
    undefined,
    [{ at: BEFORE, gracePeriodSeconds: 7, epoch: 1, epochAt: "2029-12-31T23:59:40Z" }],
  ],
  [
    "that of a request with its epoch, although its time is before that of the move",
    7,
    [{ at: BEFORE, gracePeriodSeconds: 7, epoch: 2, epochAt: BEFORE }],
  ],
])("the grace period of an eviction is %s", (_claim, gracePeriodSeconds, asked) => {
  expect(graceOf("Drain", ...asked)).toMatchObject({ step: "evict", gracePeriodSeconds });
});

test("a move that a person made has the grace period of the pod", () => {
  const last = { at: LATE, gracePeriodSeconds: 7, epoch: 2 };
  expect(graceOf("Request", last)).toMatchObject({ step: "evict", gracePeriodSeconds: undefined });
});
