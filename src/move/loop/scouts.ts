/*
 * Carries out the plan of src/move/scouts/plan.ts for the scouts of each move. That file describes
 * the states, and the states after a crash.
 *
 * Each step is one write, or two for a new scout: its claim, then its pod. The next plan waits
 * until the caches have them, so that no second scout is made.
 */
import type { MovePhase, VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Random } from "../../effects/random.ts";
import { isConflict, isForbidden, isInvalid, isNotFound } from "../../kube/errors.ts";
import {
  persistentVolumeClaims as claimResource,
  pods as podResource,
  type PersistentVolumeClaim,
} from "../../kube/kinds.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { runController, type ReconcileResult } from "../../kube/queue/controller.ts";
import { WorkQueue } from "../../kube/queue/work-queue.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import { messageOf } from "../../observe/errors.ts";
import { moveErrors } from "../errors.ts";
import type { MoveSnapshot } from "../plan/snapshot.ts";
import { nextInLine, waitsInLine } from "../plan/line.ts";
import { whyNotFree } from "../plan/phases/planned.ts";
import type { Answers } from "../scouts/answers.ts";
import { planScouts, type ScoutSnapshot, type ScoutStep } from "../scouts/plan.ts";
import { scoutClaim, scoutPod, type ScoutSettings } from "../scouts/pod.ts";
import { moveOf, type Ask } from "../scouts/scout.ts";
import { assemble } from "./assemble.ts";
import { askFor } from "./choose-target.ts";
import type { MoveLoopDeps } from "./loop.ts";
import { isPlaceFree } from "./wake.ts";

export interface ScoutLoopDeps extends MoveLoopDeps {
  readonly random: Random;
  readonly settings: ScoutSettings;
  readonly answers: Answers;
  readonly claims: Informer<PersistentVolumeClaim>;
}

const WORKERS = 4;
const AGAIN_MS = 500;
const LOOK_MS = 15_000;
/** A limit in case of a defect. */
const MOST_STEPS = 20;

/** The phases in which the scout reserves the room: the pods have not come to the target yet. */
const KEEPS: ReadonlySet<MovePhase> = new Set(["Planned", "Copying", "Prepared", "Fenced"]);
const NOTHING_READ: MoveSnapshot["fresh"] = new Set();
const NO_EVICTIONS: MoveSnapshot["evictions"] = new Map();

/** Runs until the signal is aborted. The informers must have synced. */
export async function runScoutLoop(deps: ScoutLoopDeps, signal: AbortSignal): Promise<void> {
  await new ScoutLoop(deps).run(signal);
}

class ScoutLoop {
  readonly #deps: ScoutLoopDeps;
  readonly #queue: WorkQueue;

  constructor(deps: ScoutLoopDeps) {
    this.#deps = deps;
    this.#queue = new WorkQueue(deps, { name: "scouts" });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { answers, claims, moves, nodes, pods, storageNodes } = this.#deps;
    const lookAt = (asking: readonly Stored<VolumeMove>[]): void => {
      for (const move of asking) if (isAsking(move)) this.#queue.add(nameOf(move));
    };
    // A move in line needs an answer only when it is one of the first.
    const lookAtPlanned = (): void => {
      const all = moves.store.list();
      lookAt([...all.filter((move) => !waitsInLine(move)), ...nextInLine(all)]);
    };
    const lookAtOwner = (object: Parameters<typeof moveOf>[0]): void => {
      const move = moveOf(object);
      if (move !== undefined) this.#queue.add(move);
    };
    const stops = [
      moves.onChange((change) => {
        if (change.type === "deleted") answers.forget(change.object.metadata.uid);
        this.#queue.add(change.key);
        if (isPlaceFree(change)) lookAt(nextInLine(moves.store.list()));
      }),
      pods.onChange(({ object }) => {
        if (moveOf(object) !== undefined) lookAtOwner(object);
        else lookAtPlanned();
      }),
      claims.onChange(({ object }) => {
        lookAtOwner(object);
      }),
      nodes.onChange(lookAtPlanned),
      storageNodes.onChange(lookAtPlanned),
    ];
    const reconcile = (name: string, stop: AbortSignal): Promise<ReconcileResult> => this.#reconcile(name, stop);
    try {
      await runController(this.#deps, { name: "scouts", queue: this.#queue, workers: WORKERS, reconcile }, signal);
    } finally {
      for (const stop of stops) stop();
    }
  }

  async #reconcile(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { clock, moves } = this.#deps;
    for (let steps = 0; steps < MOST_STEPS; steps += 1) {
      const move = moves.store.get(name);
      const now = clock.now();
      const ask = move === undefined ? undefined : this.#askOf(move, now);
      // A scout that the API server has refused is not sent again at once.
      const isRefused = move !== undefined && this.#deps.answers.refusalOf(move.metadata.uid) !== undefined;
      const step = planScouts(this.#snapshot(name, move, isRefused ? undefined : ask), now);
      if (step.step === "nothing") {
        if (ask === undefined) return undefined;
        return { requeueAfterMs: Math.max(AGAIN_MS, Math.min(LOOK_MS, (step.until ?? Infinity) - now)) };
      }
      if (!(await this.#carryOut(step, signal))) return { requeueAfterMs: AGAIN_MS };
    }
    return { requeueAfterMs: AGAIN_MS };
  }

  #snapshot(name: string, move: Stored<VolumeMove> | undefined, ask: Ask | undefined): ScoutSnapshot {
    const { answers } = this.#deps;
    const { phase, target } = move?.status ?? {};
    const isKept = move?.metadata.deletionTimestamp === undefined && phase !== undefined && KEEPS.has(phase);
    return {
      move: move?.metadata.uid,
      ask,
      target: isKept ? target : undefined,
      scouts: answers.scoutsOf(name),
      claims: answers.claimsOf(name),
    };
  }

  /** The question for the scheduler about the move now. Undefined: it is not asked. */
  #askOf(move: Stored<VolumeMove>, now: number): Ask | undefined {
    if (!isAsking(move)) return undefined;
    const beside = { parts: NOTHING_READ, evictions: NO_EVICTIONS, askedAt: undefined, notedAt: undefined, now };
    const snapshot = assemble(this.#deps, move, {}, beside);
    const { candidates } = snapshot;
    if (candidates === undefined || whyNotFree({ ...snapshot, others: [] }, now) !== undefined) return undefined;
    return askFor(move, candidates);
  }

  /** Returns false when the plan must be made again later. */
  async #carryOut(step: Exclude<ScoutStep, { step: "nothing" }>, signal: AbortSignal): Promise<boolean> {
    const { answers, client, log, settings } = this.#deps;
    const { namespace } = settings;
    try {
      switch (step.step) {
        case "create":
          await this.#create(step.ask, step.open, signal);
          return true;
        case "delete-pod": {
          const { name, uid } = step.scout;
          await client.delete(podResource, { name, namespace }, { uid, gracePeriodSeconds: 0, signal });
          return false;
        }
        case "delete-claim": {
          const { name, uid } = step.claim;
          await client.delete(claimResource, { name, namespace }, { uid, signal });
          return false;
        }
        default:
          return step satisfies never;
      }
    } catch (error) {
      if (step.step === "create" && (isForbidden(error) || isInvalid(error))) {
        const { name: move, uid } = step.ask.move.metadata;
        log.warn("the API server refuses a scout", { move, err: error });
        answers.refused(uid, moveErrors.SCOUT_REFUSED({ why: messageOf(error) }));
        return false;
      }
      if (isConflict(error) || isNotFound(error)) return false;
      throw error;
    }
  }

  async #create(ask: Ask, open: boolean, signal: AbortSignal): Promise<void> {
    const { claims, client, log, nodes, pods, random, settings } = this.#deps;
    const { name: move, uid } = ask.move.metadata;
    const others = nodes.store.list().map((node) => nameOf(node));
    const reach = open ? { allBut: others.filter((node) => !ask.nodes.includes(node)) } : { only: ask.nodes };
    const shape = { name: `scout-${uid.slice(0, 8)}-${random.uuid().slice(0, 5)}`, reach, open };
    log.info("the scheduler is asked where the pods of a move can run", {
      move,
      scout: shape.name,
      nodes: ask.nodes,
      preferred: ask.preferred,
      open,
    });
    const claim = await client.create(claimResource, scoutClaim(ask, shape, settings), { signal });
    const pod = await client.create(podResource, scoutPod(ask, shape, settings), { signal });
    await claims.waitFor(claim.metadata.resourceVersion, signal);
    await pods.waitFor(pod.metadata.resourceVersion, signal);
  }
}

function isAsking({ metadata, spec, status }: Stored<VolumeMove>): boolean {
  return (
    status?.phase === "Planned" &&
    status.target === undefined &&
    spec.to === undefined &&
    metadata.deletionTimestamp === undefined
  );
}
