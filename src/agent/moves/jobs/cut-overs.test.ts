import { expect, test } from "vitest";
import type { MovePhase } from "../../../api/kinds/volume-move.ts";
import { CutOvers, mayCutOver, type CutOverOf } from "./cut-overs.ts";

const MINUTE = 60_000;

const moveIn = (phase: MovePhase, sealing = 1): CutOverOf =>
  ({
    metadata: { name: "m", uid: "u", resourceVersion: "1" },
    spec: { volumes: [{ name: "pvc-1", mode: "Copy" }], from: "node-a", reason: "Drain" },
    status: { phase, target: "node-b", sealing },
  }) as unknown as CutOverOf;

/** Whether a cut-over is seen at node-a, in so many milliseconds. */
function seer() {
  let [moves, now] = [[] as CutOverOf[], 0];
  const cutOvers = new CutOvers(() => moves, { monotonic: () => now });
  return (move: CutOverOf, atMs: number, nodes = ["node-a"]): boolean => {
    [moves, now] = [[move], atMs];
    return cutOvers.isAt(nodes);
  };
}

test("a move counts while it is Fenced or Sealed, on its two nodes only", () => {
  const isSeen = seer();
  for (const phase of ["Planned", "Copying", "Prepared", "Committed", "Done", "Undoing"] as const) {
    expect(isSeen(moveIn(phase), 0), phase).toBe(false);
    expect(mayCutOver(moveIn(phase), ["node-a"]), phase).toBe(false);
  }
  for (const phase of ["Fenced", "Sealed"] as const) {
    for (const [nodes, is] of [
      [["node-a"], true],
      [["node-c", "node-b"], true],
      [["node-c"], false],
    ] as const) {
      expect(isSeen(moveIn(phase), 0, [...nodes]), phase).toBe(is);
      expect(mayCutOver(moveIn(phase), nodes), phase).toBe(is);
    }
  }
});

test("a fence that has waited too long for its pods does not count until the volume is sealed", () => {
  const isSeen = seer();
  expect(isSeen(moveIn("Fenced"), 5 * MINUTE)).toBe(true);
  expect(isSeen(moveIn("Fenced"), 7 * MINUTE - 1)).toBe(true);
  expect(isSeen(moveIn("Fenced"), 7 * MINUTE)).toBe(false);
  expect(isSeen(moveIn("Sealed"), 60 * MINUTE)).toBe(true);
  expect(isSeen(moveIn("Sealed"), 99 * MINUTE)).toBe(true);
});

test("the time of each fence of a move is counted from its own beginning", () => {
  const isSeen = seer();
  isSeen(moveIn("Fenced"), 0);
  expect(isSeen(moveIn("Fenced"), 3 * MINUTE)).toBe(false);
  expect(isSeen(moveIn("Fenced", 2), 3 * MINUTE)).toBe(true);
  // Also when it goes back to Prepared, where the sealing stays.
  isSeen(moveIn("Prepared", 2), 4 * MINUTE);
  expect(isSeen(moveIn("Fenced", 2), 9 * MINUTE)).toBe(true);
});
