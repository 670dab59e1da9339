import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { CopyReport, VolumeCopy } from "../../api/kinds/volume-copy.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { planMove } from "../plan/plan-move.ts";
import { planRepair } from "../plan/repair.ts";
import {
  READ_ORDER,
  type EvictionOutcome,
  type MoveSnapshot,
  type NodeView,
  type Part,
  type PodView,
} from "../plan/snapshot.ts";
import type { MoveStep } from "../plan/step.ts";
import type { Stored } from "../plan/stored.ts";
import { terminate } from "./cluster.fixture.ts";
import type { KubeObject } from "../../kube/objects.ts";
import { Cache, Refused, type Reader } from "./store.fixture.ts";
import { Broken, labelOn, wantedLabel, type ModelPod, type World } from "./world.fixture.ts";

/** The objects that were read uncached, by part. */
type Fresh = Map<Part, ReadonlyMap<string, KubeObject>>;

/** A step that was planned, and for which move in which phase. */
interface Planned {
  readonly step: MoveStep;
  readonly why: string;
}

/**
 * One controller that believes that it leads. It has caches, and perhaps a write that it has sent
 * and that is not carried out yet.
 */
export class Leader {
  readonly #world: World;
  readonly #caches;
  readonly #evictions = new Map<string, EvictionOutcome>();
  readonly name: string;
  inFlight: Planned | undefined;

  constructor(world: World, name: string) {
    this.#world = world;
    this.name = name;
    this.#caches = {
      moves: new Cache(world.moves),
      volumes: new Cache(world.volumes),
      copies: new Cache(world.copies),
      pods: new Cache(world.pods),
    };
  }

  /** Its informers receive some changes. */
  hear(everything = false): void {
    for (const cache of Object.values(this.#caches)) {
      if (everything) cache.catchUp();
      else if (this.#world.chance(0.5)) cache.advance((most) => this.#world.below(most + 1));
    }
  }

  /**
   * Plans the next step of one move, or the repair of one volume; it is carried out by `carryOut`.
   */
  think(meanwhile: () => void): void {
    const unfinished = this.#caches.moves
      .list()
      .filter(({ status }) => status?.phase !== "Cancelled" || this.#world.chance(0.1));
    const names = unfinished.map((move) => move.metadata.name);
    const name = this.#world.pick(names);
    if (name === undefined || this.#world.chance(0.1)) {
      this.#thinkOfRepair();
      return;
    }
    this.thinkOf(name, meanwhile);
  }

  /** Plans the next step of this move. */
  thinkOf(name: string, meanwhile: () => void): void {
    const planning = this.#plan(name);
    for (;;) {
      const { done, value } = planning.next();
      if (done === true) {
        this.inFlight = value;
        return;
      }
      // Time passes between two reads.
      meanwhile();
    }
  }

  /** The step for a move, after the uncached reads it asks for. */
  *#plan(name: string): Generator<undefined, Planned | undefined, undefined> {
    const fresh: Fresh = new Map();
    const order = this.#world.sabotage === "the move is read before the volumes" ? READ_ORDER.toReversed() : READ_ORDER;
    for (let round = 0; round < 6; round++) {
      const snapshot = this.#snapshot(name, fresh);
      if (snapshot === undefined) return undefined;
      const step = sabotaged(this.#world, snapshot, planMove(bent(this.#world, snapshot), this.#world.now));
      if (step.step !== "read") {
        if (step.step === "evict" || step.step === "delete-pod") this.#mayEvict(snapshot, fresh);
        return { step, why: `${name} ${snapshot.move.status?.phase ?? "new"}` };
      }
      const parts = new Set<Part>([...fresh.keys(), ...step.parts]);
      for (const part of order) {
        if (!parts.has(part)) continue;
        fresh.set(part, this.#read(part));
        yield;
      }
    }
    throw new Broken(`${name}: the plan asks for the same reads again and again`);
  }

  /** Returns whether it did more than wait. */
  carryOut(): boolean {
    const { inFlight } = this;
    this.inFlight = undefined;
    if (inFlight === undefined) return false;
    const { step, why } = inFlight;
    if (step.step === "nothing" || step.step === "wait" || step.step === "read") return false;
    try {
      this.#write(step);
      const detail = step.step === "change-volume" ? `${step.change} ${step.volume.metadata.name}` : step.step;
      const phase =
        step.step === "set-status"
          ? ` ${step.status.phase ?? ""} ${String(step.status.sealing ?? 0)}: ${step.status.message ?? ""}`
          : "";
      this.#world.say(`${this.name}: ${why}: ${detail}${phase}`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
    return true;
  }

  repair(volumeName: string): Planned | undefined {
    const world = this.#world;
    const volume = world.volumes.get(volumeName);
    const { fence, activeMove } = volume?.spec ?? {};
    if (volume === undefined || (fence === undefined && activeMove === undefined)) return undefined;
    const moves = new Map(world.moves.list().map((move): [string, VolumeMove] => [move.metadata.uid, move]));
    if (world.sabotage === "a repair takes a committed move for gone") {
      for (const [uid, move] of moves) if (move.status?.phase === "Committed") moves.delete(uid);
    }
    const copy = world.copies.get(`${volumeName}.${volume.spec.nodeName}`);
    return { step: planRepair({ volume, moves, copy }), why: `repair ${volumeName}` };
  }

  #thinkOfRepair(): void {
    if (this.#world.sabotage === "nothing repairs what a lost move holds") return;
    const name = this.#world.pick(this.#world.volumes.names());
    if (name !== undefined) this.inFlight = this.repair(name);
  }

  /**
   * An eviction must be decided on uncached reads, by which the volumes are fenced and no node
   * takes the pod again.
   */
  #mayEvict(snapshot: MoveSnapshot, fresh: Fresh): void {
    for (const { name } of snapshot.volumes) {
      const volume = fresh.get("volumes")?.get(name) as LocalVolume | undefined;
      if (volume?.spec.fence === undefined) throw new Broken(`pods are evicted while ${name} is not fenced`);
    }
  }

  /** All objects of a part, as the server has them now. */
  #read(part: Part): ReadonlyMap<string, KubeObject> {
    const { moves, volumes, copies, pods, nodes } = this.#world;
    const collection: Reader<KubeObject> = { move: moves, volumes, copies, pods, nodes }[part];
    return new Map(collection.list().map((object) => [object.metadata.name, object]));
  }

  #snapshot(name: string, fresh: Fresh): MoveSnapshot | undefined {
    const { moves, volumes, copies, pods } = this.#caches;
    const from = <T extends KubeObject>(part: Part, cached: Cache<T>): Reader<T> => {
      const read = fresh.get(part) as ReadonlyMap<string, Stored<T>> | undefined;
      return read === undefined ? cached : { get: (one) => read.get(one), list: () => [...read.values()] };
    };
    const move = from("move", moves).get(name);
    if (move === undefined) return undefined;
    const names = [...new Set(move.spec.volumes.map((one) => one.name))].toSorted();
    const choice = move.spec.to === undefined ? this.#choose(move) : { node: move.spec.to };
    const target = move.status?.target ?? ("node" in choice ? choice.node : undefined);
    return {
      move,
      fresh: new Set(fresh.keys()),
      volumes: names.map((volumeName) => {
        const volume = from("volumes", volumes).get(volumeName);
        const copyOf = (node: string | undefined) =>
          node === undefined ? undefined : from("copies", copies).get(`${volumeName}.${node}`);
        return {
          name: volumeName,
          volume,
          sourceCopy: copyOf(move.spec.from),
          targetCopy: copyOf(target),
          labelsPending: volume === undefined ? undefined : this.#labelsPending(volumeName, volume),
        };
      }),
      pods: from("pods", pods)
        .list()
        .filter((pod) => pod.volumes.some((volume) => names.includes(volume)))
        .map(podView),
      source: this.#node(move.spec.from),
      target: target === undefined ? undefined : this.#node(target),
      choice,
      others: [],
      apart: [],
      ties: [],
      holders: new Map(moves.list().map((one) => [one.metadata.uid, one.metadata.name])),
      evictions: this.#evictions,
      askedAt: undefined,
      notedAt: undefined,
    };
  }

  #choose(move: Stored<VolumeMove>): { node: string } | { none: string[] } {
    const node = this.#world.nodes.list().find((one) => one.metadata.name !== move.spec.from && !one.cordoned);
    return node === undefined ? { none: ["all are cordoned"] } : { node: node.metadata.name };
  }

  #labelsPending(name: string, volume: Parameters<typeof wantedLabel>[0]): string | undefined {
    for (const node of this.#world.machines.keys()) {
      if (wantedLabel(volume, name, node) !== labelOn(this.#world, name, node)) return `node ${node} lacks ${name}`;
    }
    return undefined;
  }

  #node(name: string): NodeView {
    const node = this.#world.nodes.get(name);
    const leaving = node?.cordoned === true ? "it is cordoned" : undefined;
    const storage = this.#world.storage.get(name);
    return { name, exists: node !== undefined, ready: node?.ready === true, leaving, storage, reserved: new Map() };
  }

  #write(step: Exclude<MoveStep, { step: "nothing" | "wait" | "read" }>): void {
    const world = this.#world;
    const { sabotage } = world;
    switch (step.step) {
      case "add-finalizer":
      case "remove-finalizer": {
        const { name, resourceVersion } = step.move.metadata;
        const finalizers = step.step === "add-finalizer" ? ["mooring.dev/move"] : [];
        const gone = finalizers.length === 0 && step.move.metadata.deletionTimestamp !== undefined;
        world.moves.update(name, resourceVersion, { ...step.move, metadata: { ...step.move.metadata, finalizers } });
        if (gone) world.moves.remove(name);
        return;
      }
      case "set-status": {
        const { name, resourceVersion } = step.move.metadata;
        const commits = step.status.phase === "Committed" && step.move.status?.phase === "Sealed";
        const now = world.moves.get(name)?.metadata.resourceVersion;
        const version =
          sabotage === "the commit ignores the version it was decided on" && commits ? now : resourceVersion;
        world.moves.update(name, version ?? resourceVersion, { ...step.move, status: step.status });
        if (commits) world.checkCommit({ ...step.move, status: step.status });
        return;
      }
      case "change-volume": {
        const { name, resourceVersion } = step.volume.metadata;
        const now = world.volumes.get(name)?.metadata.resourceVersion;
        const blind = sabotage === "a new place ignores the version it was decided on" && step.change === "place";
        world.volumes.update(name, (blind ? now : undefined) ?? resourceVersion, { ...step.volume, spec: step.spec });
        return;
      }
      case "set-moved-at": {
        const { name, resourceVersion } = step.volume.metadata;
        world.volumes.update(name, resourceVersion, {
          ...step.volume,
          status: { ...step.volume.status, movedAt: step.at },
        });
        return;
      }
      case "try-evict": {
        const held = world.chaos && world.chance(world.budget);
        this.#evictions.set(step.pod.uid, { at: world.now, outcome: held ? "held" : "allowed", message: "budget" });
        return;
      }
      case "evict": {
        const held = world.chaos && world.chance(world.budget);
        this.#evictions.set(step.pod.uid, { at: world.now, outcome: held ? "held" : "sent", message: "budget" });
        if (!held && world.pods.get(step.pod.name)?.metadata.uid === step.pod.uid) terminate(world, step.pod.name);
        return;
      }
      case "delete-pod":
        if (world.pods.get(step.pod.name)?.metadata.uid === step.pod.uid) terminate(world, step.pod.name);
        return;
      default:
        step satisfies never;
    }
  }
}

function podView(pod: Stored<ModelPod>): PodView {
  return {
    namespace: "ns",
    name: pod.metadata.name,
    uid: pod.metadata.uid,
    nodeName: pod.nodeName,
    deletionTimestamp: pod.metadata.deletionTimestamp,
    deletionGracePeriodSeconds: pod.metadata.deletionGracePeriodSeconds,
    finished: false,
    volumes: pod.volumes,
    unmovable: undefined,
  };
}

/** The snapshot as a planner with this defect would take it. */
function bent(world: World, s: MoveSnapshot): MoveSnapshot {
  const { sabotage } = world;
  const sealing = s.move.status?.sealing ?? 0;
  const phase = s.move.status?.phase;
  const { uid } = s.move.metadata;
  const bend = (change: (view: MoveSnapshot["volumes"][number]) => MoveSnapshot["volumes"][number]): MoveSnapshot => ({
    ...s,
    volumes: s.volumes.map(change),
  });
  type Copy = MoveSnapshot["volumes"][number]["sourceCopy"];
  const reported = (copy: Copy, change: object): Copy =>
    copy?.status?.move === undefined
      ? copy
      : { ...copy, status: { ...copy.status, move: { ...copy.status.move, ...change } } };
  switch (sabotage) {
    case "reports of an old sealing count":
      if (phase !== "Fenced" && phase !== "Sealed") return s;
      return bend((view) => ({
        ...view,
        sourceCopy: oldReport(world, s, view.sourceCopy, "Sealed"),
        targetCopy: oldReport(world, s, view.targetCopy, "Copied"),
      }));
    case "reports of another move count":
      return bend((view) => ({
        ...view,
        sourceCopy: reported(view.sourceCopy, { moveUID: uid, sealing }),
        targetCopy: reported(view.targetCopy, { moveUID: uid, sealing }),
      }));
    case "the digest is not compared":
      return bend((view) => ({
        ...view,
        targetCopy: reported(view.targetCopy, { digest: view.sourceCopy?.status?.move?.digest }),
      }));
    case "the commit does not wait for the seal":
      if (phase !== "Fenced" && phase !== "Sealed") return s;
      return bend((view) => ({
        ...view,
        sourceCopy: reported(view.sourceCopy, { state: "Sealed", digest: "x" }),
        targetCopy: reported(view.targetCopy, { digest: "x" }),
      }));
    case "the commit does not wait for the copy":
      return bend((view) => ({
        ...view,
        targetCopy: reported(view.targetCopy, { state: "Copied", digest: view.sourceCopy?.status?.move?.digest }),
      }));
    case "a new place does not look at the fence":
      if (phase !== "Committed") return s;
      return bend((view) =>
        view.volume === undefined ||
        view.volume.spec.fence !== undefined ||
        view.volume.spec.nodeName !== s.move.spec.from
          ? view
          : {
              ...view,
              volume: {
                ...view.volume,
                spec: { ...view.volume.spec, fence: uid, activeMove: { name: s.move.metadata.name, uid } },
              },
            },
      );
    case "pods are evicted before the fence":
      if (phase !== "Fenced" || s.pods.length === 0) return s;
      return bend((view) =>
        view.volume === undefined
          ? view
          : {
              ...view,
              labelsPending: undefined,
              volume: { ...view.volume, spec: { ...view.volume.spec, fence: uid } },
            },
      );
    default:
      return s;
  }
}

/**
 * The copy with the best that was ever reported of it for this move, as if it were about the
 * present sealing.
 */
function oldReport(world: World, s: MoveSnapshot, copy: VolumeCopy | undefined, state: CopyReport["state"]) {
  if (copy === undefined) return undefined;
  const reports = world.copies.history(copy.metadata?.name ?? "").map((version) => version?.status?.move);
  const last = reports.findLast((one) => one?.state === state && one.moveUID === s.move.metadata.uid);
  if (last === undefined) return copy;
  return { ...copy, status: { ...copy.status, move: { ...last, sealing: s.move.status?.sealing ?? 0 } } };
}

/** The step as a planner with this defect would plan it. */
function sabotaged(world: World, s: MoveSnapshot, step: MoveStep): MoveStep {
  switch (world.sabotage) {
    case "a new place keeps the right to make the volume":
      return step.step === "change-volume" && step.change === "place"
        ? { ...step, spec: { ...step.spec, mayCreate: { nodeName: step.spec.nodeName, epoch: step.spec.epoch } } }
        : step;
    case "a volume that was never published loses the right to be made": {
      if (step.step !== "change-volume" || step.change !== "place") return step;
      const { mayCreate: _lost, ...spec } = step.spec;
      return { ...step, spec };
    }
    case "the epoch is not raised":
      return step.step === "change-volume" && step.change === "place"
        ? { ...step, spec: { ...step.spec, epoch: step.volume.spec.epoch } }
        : step;
    case "an undo after the commit": {
      const { phase } = s.move.status ?? {};
      return phase === "Committed" && s.move.metadata.deletionTimestamp !== undefined
        ? { step: "set-status", move: s.move, status: { ...s.move.status, phase: "Undoing" } }
        : step;
    }
    default:
      return step;
  }
}
