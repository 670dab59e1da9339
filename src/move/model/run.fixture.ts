import { seededRandom } from "../../kube/testing/seeded-random.fixture.ts";
import { without } from "../plan/change-volume.ts";
import { timeOf } from "../plan/timing.ts";
import { clusterStep, crashAgent, reboot, settleCluster, terminate, type Running } from "./cluster.fixture.ts";
import { Leader } from "./leader.fixture.ts";
import type { Sabotage } from "./sabotage.fixture.ts";
import { NODES, setUpNodes, setUpVolumes } from "./set-up.fixture.ts";
import { Broken, labelOn, wantedLabel, World } from "./world.fixture.ts";

const STEPS = 2000;
/** After this number of rounds without trouble nothing may be in progress any more. */
const ROUNDS = 120;

export interface Outcome {
  /** The violated rule. Undefined: none was violated. */
  readonly broken: string | undefined;
  readonly trace: readonly string[];
  readonly committed: number;
  readonly cancelled: number;
  readonly passesInPrepared: number;
}

/**
 * Runs one world from a seed: first with trouble, then without trouble, until nothing is in
 * progress. Then its state must be good.
 */
export function run(seed: number, sabotage?: Sabotage): Outcome {
  const world = new World(seededRandom(seed), sabotage);
  const running: Running = { agents: new Map(), bindings: [], labels: [] };
  let broken: string | undefined;
  try {
    setUp(world);
    const leaders = new Chaos(world, running).run();
    rest(world, running, leaders);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    broken = error.message;
  }
  const all = world.moves.names().flatMap((name) => world.moves.history(name));
  const ended = (phase: string): number =>
    new Set(all.filter((m) => m?.status?.phase === phase).map((m) => m?.metadata.uid)).size;
  const { passesInPrepared, trace } = world;
  return { broken, trace, committed: ended("Committed"), cancelled: ended("Cancelled"), passesInPrepared };
}

/** Up to three volumes: one pod with all of them, two pods that share one, or none. */
function setUp(world: World): void {
  setUpNodes(world);
  const names = Array.from({ length: 1 + world.below(3) }, (_, index) => `v${String(index)}`);
  setUpVolumes(world, names);
  const shape = world.below(4);
  if (shape < 3) world.workload.set("p0", names);
  if (shape === 2) world.workload.set("p1", names.slice(-1));
}

/**
 * Two controllers that may both believe that they lead, controllers that crashed with a write in
 * progress, and the rest of the world.
 */
class Chaos {
  readonly #world: World;
  readonly #running: Running;
  readonly #troubled: number;
  readonly #late: number;
  readonly #lost: Leader[] = [];
  #leaders: Leader[];
  #steps = 0;

  constructor(world: World, running: Running) {
    this.#world = world;
    this.#running = running;
    this.#troubled = 0.1 + world.random.float() * 0.9;
    this.#late = world.pick([0.03, 0.004]) ?? 0;
    this.#leaders = [new Leader(world, "l0"), ...(world.chance(0.5) ? [new Leader(world, "l1")] : [])];
  }

  run(): readonly Leader[] {
    while (this.#steps < STEPS) this.#step(true);
    return [...this.#lost, ...this.#leaders];
  }

  #step(top: boolean): void {
    const world = this.#world;
    this.#steps += 1;
    world.now += world.below(500);
    if (world.chance(0.05)) for (const { name, agentUp } of world.machines.values()) if (agentUp) world.renew(name);
    const leader = world.pick(this.#leaders);
    const draw = world.random.float();
    if (draw < 0.62) clusterStep(world, this.#running);
    else if (draw < 0.82) {
      // Most writes are carried out at once; some are late, or never.
      if (world.chance(0.8)) leader?.carryOut();
      leader?.think(() => {
        this.#meanwhile(top);
      });
      if (world.chance(0.8)) leader?.carryOut();
    } else if (draw < 0.97) leader?.hear(world.chance(0.3));
    else if (world.chance(this.#troubled) && trouble(world, this.#running)) this.#crash(0);
    if (world.chance(0.02)) makeMove(world);
    if (world.mood === "torn") this.#tear();
    if (this.#lost.length > 8 || world.chance(this.#late)) this.#lost.shift()?.carryOut();
    world.check();
  }

  /**
   * Time passes between two reads of a plan: usually a moment, sometimes long enough for many steps
   * of the other controller.
   */
  #meanwhile(top: boolean): void {
    if (!top || this.#world.chance(0.5)) return;
    for (let steps = this.#world.chance(0.04) ? 60 : this.#world.below(3); steps > 0; steps--) this.#step(false);
  }

  /** The write of a crashed controller may still arrive, at any time. */
  #crash(index: number): void {
    this.#lost.push(...this.#leaders.splice(index, 1));
    this.#leaders.unshift(new Leader(this.#world, `l${String(this.#steps)}`));
  }

  /**
   * The worst case for a committed move: a person removes it, or its fence, just when its volume is
   * about to get the new place.
   */
  #tear(): void {
    const world = this.#world;
    const placing = this.#leaders.findIndex(
      ({ inFlight }) => inFlight?.step.step === "change-volume" && inFlight.step.change === "place",
    );
    const move = world.moves.list().find(({ status }) => status?.phase === "Committed");
    if (move === undefined || !world.chance(0.1)) return;
    if (placing >= 0 && world.chance(0.7)) {
      this.#crash(placing);
      world.forced = true;
      world.moves.remove(move.metadata.name);
      world.say(`someone removed the committed ${move.metadata.name} by force`);
    } else if (world.chance(0.1)) {
      const volume = world.volumes.list().find(({ spec }) => spec.fence === move.metadata.uid);
      if (volume === undefined) return;
      world.torn = true;
      world.volumes.change(volume.metadata.name, (one) => ({ ...one, spec: without(one.spec, move.metadata.uid) }));
      world.say(`someone took the fence of ${move.metadata.name} off ${volume.metadata.name}`);
    }
  }
}

/** A fault, or an action of a person. Returns whether a controller crashed. */
function trouble(world: World, running: Running): boolean {
  const node = world.pick(NODES) ?? "a";
  const machine = world.machine(node);
  const move = world.pick(world.moves.list());
  switch (world.below(9)) {
    case 0:
      return true;
    case 1:
      crashAgent(running, machine);
      machine.agentUp = !machine.agentUp || world.chance(0.7);
      break;
    case 2:
      if (world.chance(0.3)) reboot(world, running, machine);
      break;
    case 3:
      if (move !== undefined && world.chance(0.3)) deleteMove(world, move.metadata.name);
      break;
    case 4: {
      if (move === undefined || !world.chance(0.2)) break;
      world.forced = true;
      world.moves.remove(move.metadata.name);
      world.say(`someone removed ${move.metadata.name} by force`);
      break;
    }
    case 5: {
      // `kubectl delete pod --force`: the pod is gone from the API, but its containers still run.
      const pod = world.pick(world.pods.list());
      if (pod !== undefined) world.pods.remove(pod.metadata.name);
      break;
    }
    case 6: {
      const pod = world.pick(world.pods.list());
      if (pod !== undefined) terminate(world, pod.metadata.name);
      break;
    }
    case 7:
      world.nodes.change(node, (one) => ({ ...one, cordoned: !one.cordoned && world.chance(0.4) }));
      break;
    default: {
      if (!world.chance(0.02)) break;
      const volume = world.pick(world.volumes.names()) ?? "";
      world.volumes.change(volume, (one) => ({ ...one, spec: { ...one.spec, reclaim: true } }));
      world.say(`${volume} is reclaimed`);
    }
  }
  return false;
}

function makeMove(world: World): void {
  const from = world.volumes.get("v0")?.spec.nodeName ?? "a";
  const busy = world.moves.list().filter((move) => !["Done", "Cancelled"].includes(move.status?.phase ?? ""));
  if (busy.length > (world.mood === "calm" ? 0 : 1)) return;
  const all = world.volumes.names();
  const volumes = world.workload.size === 0 && world.chance(0.5) ? all.slice(0, 1) : all;
  const others = NODES.filter((node) => node !== from);
  const to = world.chance(0.6) ? { to: world.pick(others) ?? "b" } : {};
  const uid = world.uid("move");
  // Sometimes it has the name of an earlier move.
  const name = world.chance(0.3) ? "m" : uid;
  if (world.moves.get(name) !== undefined) return;
  world.moves.create(name, uid, {
    spec: {
      volumes: volumes.map((volume) => ({ name: volume, mode: "Copy" as const })),
      from,
      ...to,
      reason: "Request",
    },
  });
  world.say(`someone made ${name} (${uid}) of ${volumes.join(",")} from ${from} to ${to.to ?? "anywhere"}`);
}

function deleteMove(world: World, name: string): void {
  const move = world.moves.get(name);
  if (move === undefined || move.metadata.deletionTimestamp !== undefined) return;
  world.say(`someone deleted ${name}`);
  if ((move.metadata.finalizers ?? []).length === 0) world.moves.remove(name);
  else
    world.moves.change(name, (one) => ({
      ...one,
      metadata: { ...one.metadata, deletionTimestamp: timeOf(world.now) },
    }));
}

/**
 * Ends the trouble: every late write arrives, and then all actors run in turn until nothing changes
 * any more.
 */
export function rest(world: World, running: Running, leaders: readonly Leader[]): void {
  world.chaos = false;
  for (const leader of leaders) leader.carryOut();
  world.check();
  for (const node of NODES) world.nodes.change(node, (one) => ({ ...one, cordoned: false }));
  const leader = new Leader(world, "last");
  world.say("--- rest");
  for (let round = 0; round < ROUNDS; round++) {
    world.now += 7_000;
    settleCluster(world, running);
    world.check();
    let wrote = false;
    for (const name of world.moves.names()) {
      for (let step = 0; step < 6; step++) {
        leader.hear(true);
        leader.thinkOf(name, () => undefined);
        wrote = leader.carryOut() || wrote;
        world.check();
      }
    }
    for (const name of world.volumes.names()) {
      if (world.sabotage === "nothing repairs what a lost move holds") break;
      leader.inFlight = leader.repair(name);
      wrote = leader.carryOut() || wrote;
      world.check();
    }
    if (!wrote && round > 3 && isQuiet(world)) break;
  }
  // The moves are over; now the pods start.
  for (let round = 0; round < 15; round++) settleCluster(world, running);
  checkRest(world);
}

function isQuiet(world: World): boolean {
  return world.moves.list().every((move) => ["Done", "Cancelled"].includes(move.status?.phase ?? ""));
}

function checkRest(world: World): void {
  const uids = new Set(world.moves.list().map((move) => move.metadata.uid));
  for (const move of world.moves.list()) {
    const { phase = "new", message = "" } = move.status ?? {};
    if (phase === "Done" || phase === "Cancelled") continue;
    if (world.torn && phase === "Committed") continue;
    // A refused move waits for ever, and says for what. It holds nothing.
    if (phase !== "Planned" || message === "") {
      throw new Broken(
        `${move.metadata.name} does not end: ${phase} ${message} ${JSON.stringify(move.status?.conditions)}`,
      );
    }
  }
  for (const volume of world.volumes.list()) {
    const { name } = volume.metadata;
    const { fence, activeMove, reclaim, nodeName, epoch, mayCreate } = volume.spec;
    if (fence !== undefined) throw new Broken(`${name} stays fenced`);
    if (activeMove !== undefined && !uids.has(activeMove.uid))
      throw new Broken(`${name} stays held by a move that is gone`);
    if (activeMove !== undefined) throw new Broken(`${name} stays held by ${activeMove.name}`);
    for (const node of NODES) {
      if (wantedLabel(volume, name, node) !== labelOn(world, name, node))
        throw new Broken(`labels of ${name} are wrong`);
    }
    if (reclaim) continue;
    world.checkEnd(name);
    const copy = world.directory(nodeName, name, epoch);
    if (copy === undefined ? mayCreate === undefined : copy.state !== "Active") {
      throw new Broken(`${name} cannot be published on ${nodeName}: ${copy?.state ?? "no copy"}`);
    }
  }
  checkPods(world);
}

/**
 * All pods must run, unless a reclaimed volume, or a group that was split by force, prevents it.
 */
function checkPods(world: World): void {
  const volumes = world.volumes.list();
  if (volumes.some(({ spec }) => spec.reclaim)) return;
  if ((world.forced || world.torn) && new Set(volumes.map(({ spec }) => spec.nodeName)).size > 1) return;
  for (const [name] of world.workload) {
    const uid = world.pods.get(name)?.metadata.uid;
    const writes = [...world.machines.values()].some(({ writers }) => writers.some(({ pod }) => pod === uid));
    if (!writes) throw new Broken(`pod ${name} does not run at the end`);
  }
}
