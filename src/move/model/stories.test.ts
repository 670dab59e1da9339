import { describe, expect, test } from "vitest";
import type { MovePhase } from "../../api/kinds/volume-move.ts";
import { seededRandom } from "../../kube/testing/seeded-random.fixture.ts";
import { without } from "../plan/change-volume.ts";
import { settleCluster, type Running } from "./cluster.fixture.ts";
import { Leader } from "./leader.fixture.ts";
import { rest } from "./run.fixture.ts";
import type { Sabotage } from "./sabotage.fixture.ts";
import { setUpNodes, setUpVolumes } from "./set-up.fixture.ts";
import { World } from "./world.fixture.ts";

/*
 * Traces that are too rare to wait for in the drawn runs. Each is played as the protocol is, and
 * with the defect that it once showed or was thought up for.
 */

class Story {
  readonly world: World;
  readonly leader: Leader;
  readonly #running: Running = { agents: new Map(), bindings: [], labels: [] };

  /** One pod has written to one volume on node a. */
  constructor(sabotage?: Sabotage) {
    this.world = new World(seededRandom(1), sabotage);
    this.world.chaos = false;
    setUpNodes(this.world);
    setUpVolumes(this.world, ["v0"]);
    this.world.workload.set("p0", ["v0"]);
    this.leader = new Leader(this.world, "leader");
    this.runPod();
    this.world.moves.create("m", "m-uid", {
      spec: { volumes: [{ name: "v0", mode: "Copy" }], from: "a", to: "b", reason: "Request" },
    });
  }

  /** Agents, kubelets, scheduler and labels do all they can. */
  settle(): void {
    this.world.now += 1000;
    settleCluster(this.world, this.#running);
    this.world.check();
  }

  /** The pod runs and writes. */
  runPod(): void {
    const before = this.world.acknowledged.get("v0")?.length ?? 0;
    for (let round = 0; round < 200; round++) {
      this.settle();
      if ((this.world.acknowledged.get("v0")?.length ?? 0) > before) return;
    }
    throw new Error("the pod does not write");
  }

  /** One step of the controller, on what is now. */
  step(leader = this.leader): void {
    leader.hear(true);
    leader.thinkOf("m", () => undefined);
    leader.carryOut();
    this.world.check();
  }

  phase(): MovePhase | undefined {
    return this.world.moves.get("m")?.status?.phase;
  }

  /** Goes on until the move is in this phase. */
  until(phase: MovePhase): void {
    for (let round = 0; round < 100 && this.phase() !== phase; round++) {
      this.step();
      if (this.phase() !== phase) this.settle();
    }
    expect(this.phase()).toBe(phase);
  }

  finish(): void {
    this.world.chaos = false;
    rest(this.world, this.#running, [this.leader]);
  }
}

/** Says whether the story ends as it should. */
function broken(play: (story: Story) => void, sabotage?: Sabotage): string | undefined {
  const story = new Story(sabotage);
  try {
    play(story);
    story.finish();
    return undefined;
  } catch (error) {
    if (error instanceof Error && error.constructor.name === "Broken") return error.message;
    throw error;
  }
}

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
    world.copies.create("v0.b", "copy-b", {
      spec: { volume: "v0", nodeName: "b" },
      status: { move: { ...stale, role: "Target", state: "Copied", sealing: 1 } },
    });
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

const STORIES: readonly (readonly [string, (story: Story) => void, Sabotage])[] = [
  ["a report of an old sealing is never committed", sealedTwice, "reports of an old sealing count"],
  ["a late place finds another version", latePlace, "a new place ignores the version it was decided on"],
  ["nothing is placed over a fence that is gone", tornFence, "a new place does not look at the fence"],
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
