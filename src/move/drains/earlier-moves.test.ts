import { expect, test } from "vitest";
import type { MovePhase, VolumeMove, VolumeMoveStatus } from "../../api/kinds/volume-move.ts";
import { keptUntil, restsOf, volumesMoving } from "./earlier-moves.ts";

const END = Date.UTC(2026, 0, 1);
const at = (seconds: number): string => new Date(END + seconds * 1000).toISOString();
const condition = (type: string, reason: string) => ({
  type,
  status: "True" as const,
  reason,
  message: "",
  lastTransitionTime: at(0),
});

function move(phase: MovePhase, status: VolumeMoveStatus = {}, spec: Partial<VolumeMove["spec"]> = {}): VolumeMove {
  return {
    metadata: { name: "m" },
    spec: { volumes: [{ name: "v", mode: "Copy" }], from: "a", reason: "Drain", ...spec },
    status: { phase, ...status },
  };
}
const undone = (seconds: number, reason = "MOVE_AGENT_REFUSED"): VolumeMove =>
  move("Cancelled", { finishedAt: at(seconds), conditions: [condition("Cancelled", reason)] });

test("a volume rests longer after each move that was undone", () => {
  const rest = (...moves: VolumeMove[]) => (restsOf(moves, "a").get("v")?.until ?? NaN) - END;
  expect(rest(undone(0))).toBe(5_000);
  expect(rest(undone(0), undone(5))).toBe(15_000);
  expect(rest(undone(0), undone(5), undone(20))).toBe(40_000);
  expect(rest(...Array.from({ length: 50 }, () => undone(0)))).toBe(300_000);
});
test("the last of them says why", () => {
  const [first, last] = [undone(0), undone(9)].map((one, index) => {
    return { ...one, status: { ...one.status, message: `Cancelled. ${String(index)}` } };
  }) as [VolumeMove, VolumeMove];
  for (const moves of [
    [first, last],
    [last, first],
  ]) {
    expect(restsOf(moves, "a").get("v")?.why).toBe("Cancelled. 1");
  }
});
test("it does not rest after a drain that was called off, nor after a move that was done", () => {
  expect(restsOf([undone(0, "MOVE_NODE_STAYS"), move("Done", { finishedAt: at(0) })], "a").size).toBe(0);
});
test("it does not rest for moves from other nodes, or that someone asked for", () => {
  const others = [
    { ...undone(0), spec: { ...undone(0).spec, from: "b" } },
    { ...undone(0), spec: { ...undone(0).spec, reason: "Request" as const } },
  ];
  expect(restsOf(others, "a").size).toBe(0);
});

test("a move that runs, or is about to begin, keeps a drain from making another", () => {
  const begun = { ...move("Planned", {}, { reason: "Request" }), status: {} };
  for (const one of [move("Copying"), move("Undoing"), move("Planned"), begun]) {
    expect(volumesMoving([one]).has("v")).toBe(true);
  }
});
test("one that someone asked for and that waits for something does not", () => {
  const blocked = { conditions: [condition("Blocked", "MOVE_TARGET_UNFIT")] };
  expect(volumesMoving([move("Planned", blocked, { reason: "Request" })]).has("v")).toBe(false);
  expect(volumesMoving([move("Planned", blocked)]).has("v")).toBe(true);
  expect(volumesMoving([move("Fenced", blocked, { reason: "Request" })]).has("v")).toBe(true);
});
test("one that has ended does not", () => {
  expect(volumesMoving([move("Done"), move("Cancelled")]).size).toBe(0);
});

test("moves of drains are kept for a day after their end, also those that moor made ahead of a cordon", () => {
  const DAY_MS = 24 * 3600 * 1000;
  const ahead = { labels: { "mooring.dev/drain-ahead": "true" } };
  const kept = (made: VolumeMove, metadata: object = {}) => {
    const until = keptUntil({ ...made, metadata: { ...made.metadata, ...metadata } });
    return until === undefined ? undefined : until - END;
  };
  const done = move("Done", { finishedAt: at(0) });
  const requested = move("Done", { finishedAt: at(1) }, { reason: "Request" });
  expect(kept(done)).toBe(DAY_MS);
  expect(kept(undone(0))).toBe(DAY_MS);
  expect(kept(requested, ahead)).toBe(DAY_MS + 1000);
  expect(kept(requested)).toBeUndefined();
  expect(kept(move("Committed", {}, { reason: "Request" }), ahead)).toBeUndefined();
  expect(kept(done, { deletionTimestamp: at(1) })).toBeUndefined();
});
