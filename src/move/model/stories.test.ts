import { describe, expect, test } from "vitest";
import { without } from "../plan/change-volume.ts";
import { precopy, pull } from "./agent.fixture.ts";
import { Leader } from "./leader.fixture.ts";
import type { Sabotage } from "./sabotage.fixture.ts";
import { broken, type Story } from "./story.fixture.ts";

/*
 * Traces that are too rare to wait for in the drawn runs. Each is played as the protocol is, and
 * with the defect that it once showed or was thought up for.
 */

/**
 * The target is lost when it has copied, the pod comes back and writes, then the target is there
 * again.
 */
function sealedTwice(story: Story): void {
  const { world } = story;
  world.nodes.change("a", (node) => ({ ...node, cordoned: true }));
  story.until("Sealed");
  world.nodes.remove("b");
  story.step();
  expect(story.phase()).toBe("Fenced");
  // The copy that was under way is finished, and reported for the sealing of before.
  const stale = world.copies.get("v0.a")?.status?.move;
  if (stale !== undefined) {
    const status = { move: { ...stale, role: "Target" as const, state: "Copied" as const, sealing: 1 } };
    if (world.copies.get("v0.b") === undefined) {
      world.copies.create("v0.b", "copy-b", { spec: { volume: "v0", nodeName: "b" }, status });
    } else world.copies.change("v0.b", (copy) => ({ ...copy, status }));
  }
  story.until("Prepared");
  world.nodes.change("a", (node) => ({ ...node, cordoned: false }));
  while (world.volumes.get("v0")?.spec.fence !== undefined) story.step();
  story.runPod();
  world.nodes.create("b", "node-b", { ready: true, cordoned: false });
  story.until("Sealed");
  for (let steps = 0; steps < 3; steps++) story.step();
  story.until("Done");
}

/**
 * A controller has sent the new place and crashed; the move is removed by force, and the pod goes
 * on at the source.
 */
function latePlace(story: Story): void {
  const { world } = story;
  const zombie = new Leader(world, "zombie");
  story.until("Committed");
  for (let round = 0; round < 5; round++) {
    zombie.hear(true);
    zombie.thinkOf("m", () => undefined);
    const step = zombie.inFlight?.step;
    if (step?.step === "change-volume" && step.change === "place") break;
    zombie.carryOut();
  }
  expect(zombie.inFlight?.step).toMatchObject({ change: "place" });
  world.forced = true;
  world.moves.remove("m");
  story.leader.inFlight = story.leader.repair("v0");
  story.leader.carryOut();
  expect(world.volumes.get("v0")?.spec).toMatchObject({ nodeName: "a", epoch: 1 });
  story.runPod();
  zombie.carryOut();
  world.check();
}

/**
 * Someone takes the fence of a committed move off, the source opens its copy, and the pod writes to
 * it.
 */
function tornFence(story: Story): void {
  const { world } = story;
  story.until("Committed");
  world.torn = true;
  world.volumes.change("v0", (volume) => ({ ...volume, spec: without(volume.spec, "m-uid") }));
  story.runPod();
  for (let steps = 0; steps < 5; steps++) story.step();
  expect(world.moves.get("m")?.status?.conditions?.[0]?.reason).toBe("MOVE_FENCE_GONE");
}

/**
 * Between two reads of a controller that is behind, the other one takes the fence off, fences again
 * and commits.
 */
function lateUnfence(story: Story): void {
  const { world } = story;
  const behind = new Leader(world, "behind");
  story.until("Fenced");
  while (world.volumes.get("v0")?.spec.fence === undefined) story.step();
  // No pod of the group is evicted: its budget never allows it.
  world.moves.change("m", (move) => ({ ...move, status: { ...move.status, phase: "Prepared" } }));
  behind.hear(true);
  let reads = 0;
  behind.thinkOf("m", () => {
    reads += 1;
    if (reads === 1) story.until("Committed");
  });
  behind.carryOut();
  story.until("Done");
}

/** A commit is on its way when the move is undone and the pod goes on at the source. */
function lateCommit(story: Story): void {
  const { world } = story;
  const zombie = new Leader(world, "zombie");
  story.until("Sealed");
  story.settle();
  zombie.hear(true);
  zombie.thinkOf("m", () => undefined);
  expect(zombie.inFlight?.step).toMatchObject({ status: { phase: "Committed" } });
  story.deleteMove();
  story.until("Cancelled");
  story.runPod();
  zombie.carryOut();
  world.check();
}

/** The move is deleted when it is committed. */
function deletedTooLate(story: Story): void {
  story.until("Committed");
  story.deleteMove();
  story.until("Done");
}

/** The target's agent is started again when it has reported its copy, and the commit comes then. */
function copiedTwice(story: Story): void {
  const { world } = story;
  story.until("Sealed");
  story.settle();
  const move = world.moves.get("m");
  if (move === undefined) throw new Error("no move");
  const again = pull(world, world.machine("b"), "v0", move);
  for (let steps = 0; steps < 4; steps++) again.next();
  // What the controller reads next was reported before.
  const copied = world.copies.history("v0.b").findLast((one) => one?.status?.move?.state === "Copied");
  if (copied !== undefined) world.copies.change("v0.b", () => copied);
  story.until("Committed");
  while (again.next().done !== true);
  story.until("Done");
}

/** A live pass is in the middle of its work when the move goes on. */
function lateLivePass(story: Story): void {
  const { world } = story;
  story.until("Copying");
  while (world.copies.get("v0.a")?.status?.move?.state !== "Checked") story.settle();
  const move = world.moves.get("m");
  if (move === undefined) throw new Error("no move");
  const live = precopy(world, world.machine("b"), "v0", move);
  for (let steps = 0; steps < 4; steps++) live.next();
  story.until("Sealed");
  story.settle();
  // The agent ends it before the final pass begins.
  if (world.sabotage === "a live pass goes on after the final pass") live.next();
  story.until("Done");
}

/** A second move of the same volumes finds what the first one's agents have reported. */
function secondMove(story: Story): void {
  const { world } = story;
  world.workload.clear();
  story.until("Sealed");
  story.settle();
  story.deleteMove();
  story.untilGone();
  story.makeMove("second");
  story.until("Planned");
  // No pod runs, so no live pass is waited for, and none has begun here.
  while (story.phase() !== "Prepared") story.step();
  story.until("Sealed");
  for (let steps = 0; steps < 3; steps++) story.step();
  story.until("Done");
}

const STORIES: readonly (readonly [string, (story: Story) => void, Sabotage])[] = [
  ["a report of an old sealing is never committed", sealedTwice, "reports of an old sealing count"],
  ["a late place finds another version", latePlace, "a new place ignores the version it was decided on"],
  ["nothing is placed over a fence that is gone", tornFence, "a new place does not look at the fence"],
  ["a late commit finds another version", lateCommit, "the commit ignores the version it was decided on"],
  ["nothing is undone after the commit", deletedTooLate, "an undo after the commit"],
  ["what is committed was not copied again", copiedTwice, "the target copies again what it has reported as copied"],
  ["a report of another move is never committed", secondMove, "reports of another move count"],
  ["a live pass writes nothing after it was ended", lateLivePass, "a live pass goes on after the final pass"],
  ["a late unfence does not reach a later sealing", lateUnfence, "the move is read before the volumes"],
];

describe("traces", () => {
  for (const [title, play, sabotage] of STORIES) {
    test(title, () => {
      expect(broken(play)).toBeUndefined();
    });

    test(`${title}: seen when ${sabotage}`, () => {
      expect(() => {
        const seen = broken(play, sabotage);
        if (seen !== undefined) throw new Error(seen);
      }).toThrow();
    });
  }
});
