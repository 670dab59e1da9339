/*
 * Carries out moves: it reads a snapshot, plans (src/move/plan), does the step, and repeats this.
 * It decides nothing itself. Every write carries the resourceVersion on which it was planned. If
 * the write is refused, the step is planned again.
 *
 * After a write the next plan reads the move and its volumes from the server, because the caches do
 * not have the write yet: with them the same step would be planned again.
 *
 * A crash after any write leaves a move for which the plan finds the next step. The state in memory
 * (when a pod was last evicted) only limits how often something is repeated.
 */
import { localVolumes, type LocalVolume } from "../../api/kinds/local-volume.ts";
import type { StorageNode } from "../../api/kinds/storage-node.ts";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";
import { volumeMoves, type VolumeMove, type VolumeMoveStatus } from "../../api/kinds/volume-move.ts";
import { copyNameOf } from "../../api/copy-name.ts";
import { runController, type ControllerDeps, type ReconcileResult } from "../../kube/queue/controller.ts";
import { isConflict, isInvalid, isNotFound, isTooManyRequests } from "../../kube/errors.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import type { Node, PersistentVolumeClaim, Pod } from "../../kube/kinds.ts";
import { claimsOfVolume } from "../../movable/pod-volumes.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { WorkQueue } from "../../kube/queue/work-queue.ts";
import { messageOf } from "../../observe/errors.ts";
import type { Recorder } from "../../provision/events.ts";
import { isFinished } from "../drains/earlier-moves.ts";
import { eventsOf, livePassEnded, schedulerNotHeard, type Concerned } from "../events.ts";
import { livePassesOf } from "../plan/progress/live-passes.ts";
import { planMove } from "../plan/plan-move.ts";
import { planRepair } from "../plan/repair.ts";
import type { EvictionOutcome, MoveSnapshot, Part } from "../plan/snapshot.ts";
import type { MoveStep } from "../plan/step.ts";
import { write } from "../plan/write.ts";
import { readSnapshot } from "./read-snapshot.ts";
import type { MoveSources } from "./sources.ts";
import { lookAfterChanges } from "./wake.ts";

/** The loop also listens for changes of the objects that it reads. */
export interface MoveLoopDeps extends ControllerDeps, MoveSources {
  readonly moves: Informer<VolumeMove>;
  readonly volumes: Informer<LocalVolume>;
  readonly copies: Informer<VolumeCopy>;
  readonly storageNodes: Informer<StorageNode>;
  readonly nodes: Informer<Node>;
  readonly pods: Informer<Pod>;
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly recorder: Recorder;
}

const WORKERS = 16;
/** A limit in case of a defect: more steps in a row than any move needs. */
const MOST_STEPS = 40;
const AGAIN_MS = 200;
/** A waiting move is looked at this often even when no object that it waits for changes. */
const LOOK_MS = 15_000;
const REPAIR_MS = 10_000;

/** Runs until the signal is aborted. The informers must have synced. */
export async function runMoveLoop(deps: MoveLoopDeps, signal: AbortSignal): Promise<void> {
  const loop = new MoveLoop(deps);
  await Promise.all([loop.runMoves(signal), loop.runRepairs(signal)]);
}

class MoveLoop {
  readonly #deps: MoveLoopDeps;
  readonly #queue: WorkQueue;
  readonly #held: WorkQueue;
  /** Outcomes of evictions by pod UID, by move UID. */
  readonly #evictions = new Map<string, Map<string, EvictionOutcome>>();
  /** When progress was last written, by move UID. */
  readonly #notedAt = new Map<string, number>();
  /** The last live pass that has an event, by move UID: its time in Copying and its number. */
  readonly #passes = new Map<string, string>();
  /** The status that was written last, by move UID. Caches may be behind it. */
  readonly #statuses = new Map<string, VolumeMoveStatus>();

  constructor(deps: MoveLoopDeps) {
    this.#deps = deps;
    this.#queue = new WorkQueue(deps, { name: "moves" });
    this.#held = new WorkQueue(deps, { name: "held-volumes" });
  }

  async runMoves(signal: AbortSignal): Promise<void> {
    const stops = [
      this.#deps.moves.onChange(({ object, type }) => {
        if (type === "deleted") this.#forget(object.metadata.uid);
      }),
      lookAfterChanges(this.#deps, (move) => {
        this.#queue.add(move);
      }),
    ];
    const reconcile = (name: string, stop: AbortSignal): Promise<ReconcileResult> => this.#reconcile(name, stop);
    try {
      await runController(this.#deps, { name: "moves", queue: this.#queue, workers: WORKERS, reconcile }, signal);
    } finally {
      for (const stop of stops) stop();
    }
  }

  /** Releases volumes whose move has ended or is gone. */
  async runRepairs(signal: AbortSignal): Promise<void> {
    const { moves, volumes } = this.#deps;
    const stops = [
      volumes.onChange(({ key, object, type }) => {
        const isHeld = object.spec.fence !== undefined || object.spec.activeMove !== undefined;
        if (type !== "deleted" && isHeld) this.#held.addAfter(key, REPAIR_MS);
      }),
      moves.onChange(({ object, type }) => {
        if (type === "deleted") for (const { name } of object.spec.volumes) this.#held.add(name);
      }),
    ];
    const reconcile = (name: string, stop: AbortSignal): Promise<ReconcileResult> => this.#repair(name, stop);
    try {
      await runController(this.#deps, { name: "held-volumes", queue: this.#held, workers: 2, reconcile }, signal);
    } finally {
      for (const stop of stops) stop();
    }
  }

  async #reconcile(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { clock } = this.#deps;
    let parts: ReadonlySet<Part> = new Set();
    for (let steps = 0; steps < MOST_STEPS; steps += 1) {
      const uid = this.#deps.moves.store.get(name)?.metadata.uid ?? "";
      const remembered = { evictions: this.#evictions.get(uid) ?? new Map(), notedAt: this.#notedAt.get(uid) };
      const snapshot = await readSnapshot(this.#deps, clock, name, parts, remembered, signal);
      if (snapshot === undefined) return undefined;
      const now = clock.now();
      const whole = { ...snapshot, others: this.#others(uid) };
      const step = planMove(whole, now);
      switch (step.step) {
        case "nothing":
          return undefined;
        case "wait":
          return { requeueAfterMs: Math.max(AGAIN_MS, Math.min(LOOK_MS, (step.until ?? Infinity) - now)) };
        case "read":
          parts = new Set([...parts, ...step.parts]);
          break;
        case "add-finalizer":
        case "remove-finalizer":
        case "set-status":
        case "change-volume":
        case "set-moved-at":
        case "try-evict":
        case "evict":
        case "delete-pod":
          if (!(await this.#carryOut(whole, step, signal))) return { requeueAfterMs: AGAIN_MS };
          parts = new Set(["volumes", "move"]);
      }
    }
    return { requeueAfterMs: AGAIN_MS };
  }

  /** Does one write. Returns false when it was refused because an object has changed. */
  async #carryOut(
    snapshot: MoveSnapshot,
    step: Exclude<MoveStep, { step: "nothing" | "read" | "wait" }>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { client, clock, log } = this.#deps;
    const { move } = snapshot;
    const { uid } = move.metadata;
    // Set before the write, so that moves that are planned meanwhile see it.
    if (step.step === "set-status") this.#statuses.set(uid, step.status);
    try {
      await write(client, step, signal);
      this.#tell(snapshot, step);
    } catch (error) {
      if (step.step === "set-status") this.#statuses.delete(uid);
      if (step.step === "evict" || step.step === "try-evict") {
        this.#evicted(uid, step.pod.uid, { at: clock.now(), ...outcomeOf(error) });
        return true;
      }
      if (isConflict(error) || isInvalid(error) || isNotFound(error)) {
        log.debug("a step of a move is planned again", { move: nameOf(move), step: step.step, err: error });
        return false;
      }
      throw error;
    }
    if (step.step === "evict") this.#evicted(uid, step.pod.uid, { at: clock.now(), outcome: "sent", message: "" });
    if (step.step === "try-evict") {
      this.#evicted(uid, step.pod.uid, { at: clock.now(), outcome: "allowed", message: "" });
    }
    if (step.step === "set-status") this.#notedAt.set(uid, clock.now());
    return true;
  }

  #tell(snapshot: MoveSnapshot, step: MoveStep): void {
    const { log, recorder } = this.#deps;
    const { move } = snapshot;
    const fields = { move: nameOf(move), phase: move.status?.phase };
    if (step.step === "set-status") {
      const { message, phase } = step.status;
      const unheard = "node" in snapshot.choice ? snapshot.choice.unheard : undefined;
      if (phase === "Copying" && move.status?.phase === "Planned" && unheard !== undefined) {
        const { about, event } = schedulerNotHeard(move, unheard);
        recorder.record(about, event);
      }
      if (move.status?.phase === "Copying") this.#tellPass(snapshot);
      for (const { about, event } of eventsOf(move, step.status, this.#concerned(snapshot))) {
        recorder.record(about, event);
      }
      if (phase !== move.status?.phase) log.info("a move enters a phase", { ...fields, enters: phase, message });
      return;
    }
    const change = step.step === "change-volume" ? { change: step.change, volume: nameOf(step.volume) } : {};
    const pod = step.step === "evict" || step.step === "delete-pod" ? { pod: step.pod.name } : {};
    log.info("a step of a move", { ...fields, step: step.step, ...change, ...pod });
  }

  #tellPass(snapshot: MoveSnapshot): void {
    const { move } = snapshot;
    const passes = livePassesOf(snapshot);
    const pass = `${move.status?.copyingAt ?? ""} ${String(passes?.ended ?? 0)}`;
    if (passes === undefined || this.#passes.get(move.metadata.uid) === pass) return;
    this.#passes.set(move.metadata.uid, pass);
    const { about, event } = livePassEnded(move, passes);
    this.#deps.recorder.record(about, event);
  }

  /** All other moves that have not ended, with the status that was written last. */
  #others(uid: string): readonly Stored<VolumeMove>[] {
    return this.#deps.moves.store.list().flatMap((move) => {
      if (move.metadata.uid === uid || isFinished(move)) return [];
      const status = this.#statuses.get(move.metadata.uid);
      if (status === undefined || status === move.status) return [move];
      return isFinished({ ...move, status }) ? [] : [{ ...move, status }];
    });
  }

  #concerned({ pods, source, volumes }: MoveSnapshot): Concerned {
    const { nodes, persistentVolumes } = this.#deps;
    return {
      pods: pods.filter(({ finished }) => !finished).map(({ name, namespace, uid }) => ({ name, namespace, uid })),
      claims: volumes
        .flatMap((volume) => claimsOfVolume({ persistentVolumes }, volume.name))
        .flatMap(({ uid, ...claim }) => (uid === undefined ? [] : [{ ...claim, uid }])),
      node: nodes.store.get(source.name),
    };
  }

  #evicted(move: string, pod: string, outcome: EvictionOutcome): void {
    const known = this.#evictions.get(move) ?? new Map<string, EvictionOutcome>();
    this.#evictions.set(move, known.set(pod, outcome));
  }

  #forget(uid: string): void {
    this.#evictions.delete(uid);
    this.#notedAt.delete(uid);
    this.#passes.delete(uid);
    this.#statuses.delete(uid);
  }

  async #repair(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { client, copies, log } = this.#deps;
    const volume = await client.find(localVolumes, { name }, { signal });
    const { activeMove, fence, nodeName } = volume?.spec ?? {};
    if (volume === undefined || nodeName === undefined || (activeMove === undefined && fence === undefined))
      return undefined;
    const moves = new Map<string, VolumeMove>();
    // All moves are listed, because a fence names its move by UID only.
    for (const move of await client.list(volumeMoves, { signal })) {
      if (move.metadata.uid === fence || move.metadata.uid === activeMove?.uid) moves.set(move.metadata.uid, move);
    }
    const copy = copies.store.get(copyNameOf(name, nodeName));
    const step = planRepair({ volume, moves, copy });
    if (step.step === "nothing" || step.step === "wait" || step.step === "read") return { requeueAfterMs: REPAIR_MS };
    log.warn("a volume was held by a move that has ended", { volume: name, step: step.step });
    try {
      await write(client, step, signal);
    } catch (error) {
      if (!isConflict(error) && !isInvalid(error) && !isNotFound(error)) throw error;
    }
    return { requeueAfterMs: REPAIR_MS };
  }
}

function outcomeOf(error: unknown): Pick<EvictionOutcome, "outcome" | "message"> {
  if (isNotFound(error) || isConflict(error)) return { outcome: "sent", message: "" };
  return { outcome: isTooManyRequests(error) ? "held" : "failed", message: messageOf(error) };
}
