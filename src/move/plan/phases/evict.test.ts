import { expect, test } from "vitest";
import type { MoveSnapshot, PodView } from "../snapshot.ts";
import { someEvicted } from "./evict.ts";

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
