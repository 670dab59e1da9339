/*
 * Deletes the finished moves of drains a day after their end. It has a queue of its own, with one
 * key for each move: a policy or a webhook of the cluster that forbids a deletion, or answers late,
 * must hold up neither a drain nor the other deletions. A failure is logged and counted, and the
 * deletion is tried again after growing pauses.
 *
 * A crash leaves a move that the next leader finds.
 */
import { volumeMoves, type VolumeMove } from "../../api/kinds/volume-move.ts";
import type { KubeClient } from "../../kube/client.ts";
import { isNotFound } from "../../kube/errors.ts";
import { runController, type ControllerDeps, type ReconcileResult } from "../../kube/queue/controller.ts";
import { WorkQueue } from "../../kube/queue/work-queue.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import { keptUntil } from "./earlier-moves.ts";

export interface OldMovesDeps extends ControllerDeps {
  readonly client: KubeClient;
  readonly moves: Informer<VolumeMove>;
}

const WORKERS = 2;
/** A policy that forbids a deletion is rarely changed within seconds. */
const BACKOFF = { baseDelayMs: 30_000, maxDelayMs: 3_600_000 };

/** Runs until the signal is aborted. The informer must have synced. */
export async function runOldMoves(deps: OldMovesDeps, signal: AbortSignal): Promise<void> {
  const { client, clock, moves } = deps;
  const queue = new WorkQueue({ clock }, { name: "old-moves", ...BACKOFF });
  const stop = moves.onChange(({ key, object }) => {
    if (keptUntil(object) !== undefined) queue.add(key);
  });
  const reconcile = async (name: string, end: AbortSignal): Promise<ReconcileResult> => {
    const move = moves.store.get(name);
    const until = move === undefined ? undefined : keptUntil(move);
    if (move === undefined || until === undefined) return undefined;
    if (clock.now() < until) return { requeueAfterMs: until - clock.now() };
    try {
      await client.delete(volumeMoves, { name }, { uid: move.metadata.uid, signal: end });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  };
  try {
    await runController(deps, { name: "old-moves", queue, workers: WORKERS, reconcile }, signal);
  } finally {
    stop();
  }
}
