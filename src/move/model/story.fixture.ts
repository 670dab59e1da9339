import type { MovePhase } from "../../api/kinds/volume-move.ts";
import { seededRandom } from "../../kube/testing/seeded-random.fixture.ts";
import { settleCluster, type Running } from "./cluster.fixture.ts";
import { Leader } from "./leader.fixture.ts";
import { rest } from "./run.fixture.ts";
import type { Sabotage } from "./sabotage.fixture.ts";
import { setUpNodes, setUpVolumes } from "./set-up.fixture.ts";
import { Broken, World } from "./world.fixture.ts";

/** A world in which only the test decides what happens next. */
export class Story {
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
    this.makeMove("m-uid");
  }

  makeMove(uid: string): void {
    this.world.moves.create("m", uid, {
      spec: { volumes: [{ name: "v0", mode: "Copy" }], from: "a", to: "b", reason: "Request" },
    });
  }

  deleteMove(): void {
    const metadata = { deletionTimestamp: new Date(this.world.now).toISOString() };
    this.world.moves.change("m", (move) => ({ ...move, metadata: { ...move.metadata, ...metadata } }));
  }

  /** Agents, kubelets, scheduler and labels do everything that they can do now. */
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

  /** One step of the controller, on the current state. */
  step(leader = this.leader): void {
    leader.hear(true);
    leader.thinkOf("m", () => undefined);
    leader.carryOut();
    this.world.check();
  }

  phase(): MovePhase | undefined {
    return this.world.moves.get("m")?.status?.phase;
  }

  /** Continues until the move is in this phase. */
  until(phase: MovePhase): void {
    for (let round = 0; round < 100 && this.phase() !== phase; round++) {
      this.step();
      if (this.phase() !== phase) this.settle();
    }
    if (this.phase() !== phase)
      throw new Broken(`the move stays ${this.phase() ?? "new"} and does not become ${phase}`);
  }

  /** Continues until the object is gone. */
  untilGone(): void {
    for (let round = 0; round < 100 && this.world.moves.get("m") !== undefined; round++) {
      this.step();
      this.settle();
    }
  }

  finish(): void {
    this.world.chaos = false;
    rest(this.world, this.#running, [this.leader]);
  }
}

/** Runs the story. Returns the violated rule, or undefined if none was violated. */
export function broken(play: (story: Story) => void, sabotage?: Sabotage): string | undefined {
  const story = new Story(sabotage);
  try {
    play(story);
    story.finish();
    return undefined;
  } catch (error) {
    if (error instanceof Broken) return error.message;
    throw error;
  }
}
