import { describe, expect, it } from "vitest";
import { movePhase, NEXT_PHASES, type MovePhase } from "./volume-move.ts";

/** Every way from Planned that visits no phase twice. */
function ways(way: readonly MovePhase[] = ["Planned"]): (readonly MovePhase[])[] {
  const last = way.at(-1) ?? "Planned";
  const onward = NEXT_PHASES[last].filter((next) => !way.includes(next));
  return [way, ...onward.flatMap((next) => ways([...way, next]))];
}

describe("the phases of a move", () => {
  it("can all be reached", () => {
    expect(new Set(ways().flat())).toEqual(new Set(movePhase.options));
  });

  it("lead to a commit only through a seal under a fence", () => {
    const committing = ways().filter((way) => way.includes("Committed"));
    expect(committing.length).toBeGreaterThan(0);
    for (const way of committing) {
      const commit = way.indexOf("Committed");
      expect(way.slice(commit - 2, commit)).toEqual(["Fenced", "Sealed"]);
    }
  });

  it("lead nowhere back after the commit", () => {
    expect([NEXT_PHASES.Committed, NEXT_PHASES.Done]).toEqual([["Done"], []]);
  });

  it("end a fenced move that is given up only by an undo", () => {
    const cancelled = ways().filter((way) => way.at(-1) === "Cancelled");
    for (const way of cancelled) expect(["Fenced", "Sealed"]).not.toContain(way.at(-2));
  });
});
