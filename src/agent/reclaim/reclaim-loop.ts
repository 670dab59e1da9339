/*
 * Removes the bytes of volumes whose LocalVolume says `reclaim`. There is no other order to remove
 * bytes of a volume. Each step is derived from the LocalVolume (read uncached), the disk and the
 * mount table, under the volume's lock. A later publish reads the same LocalVolume and is refused.
 *
 *   trash → record → purge → purged → (the controller deletes the VolumeCopy) → release
 *
 * What a crash leaves:
 *   after trash     copies in the Trash that no move needs: the next round goes on with them
 *   during purge    a part of the tree, still Trash: it is purged again
 *   after purge     a VolumeCopy without `purged`: the next round finds no copy, and writes it
 */
import { copyNameOf } from "../../api/copy-name.ts";
import { localVolumes, type LocalVolume } from "../../api/kinds/local-volume.ts";
import { volumeCopies, type VolumeCopy } from "../../api/kinds/volume-copy.ts";
import { isConflict, isNotFound } from "../../kube/errors.ts";
import type { KubeClient } from "../../kube/client.ts";
import { runController, type ControllerDeps, type ReconcileResult } from "../../kube/queue/controller.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import type { Stored } from "../../kube/objects.ts";
import type { WorkQueue } from "../../kube/queue/work-queue.ts";
import type { KeyedLock } from "../../kube/queue/keyed-lock.ts";
import type { OnDisk } from "../copies/on-disk.ts";
import type { Purger } from "../copies/purger.ts";
import type { VolumeCopies } from "../copies/volume-copies.ts";
import { planReclaim, saysNothing, type ReclaimPlan, type ReclaimView } from "./plan-reclaim.ts";

export interface ReclaimLoopDeps extends ControllerDeps {
  readonly client: KubeClient;
  /** The LocalVolumes whose spec says `reclaim`. */
  readonly reclaimed: Informer<LocalVolume>;
  /** The VolumeCopies of this node. */
  readonly copyObjects: Informer<VolumeCopy>;
  readonly onDisk: OnDisk;
  readonly copies: VolumeCopies;
  readonly purger: Purger;
  readonly locks: KeyedLock;
  readonly nodeName: string;
  /** Keys are names of volumes. */
  readonly queue: WorkQueue;
}

/** How many volumes are removed at the same time. More would only make the disk seek. */
const WORKERS = 2;
/** A volume that waits is looked at again after this time, if no event comes earlier. */
const AGAIN_MS = 30_000;
/** How long a new VolumeCopy may be without copies: its status is written in a second request. */
const NEW_MS = 60_000;
/** The most steps of one round. It needs four: trash, record, purge, purged. */
const MOST_STEPS = 6;

/**
 * Runs until the signal is aborted. Before it starts, the informers must have synced and a round
 * over the pools must have ended.
 */
export async function runReclaimLoop(deps: ReclaimLoopDeps, signal: AbortSignal): Promise<void> {
  const { copyObjects, queue, reclaimed } = deps;
  const stops = [
    reclaimed.onChange(({ key }) => {
      queue.add(key);
    }),
    copyObjects.onChange(({ object }) => {
      queue.add(object.spec.volume);
    }),
  ];
  const reconcile = async (volume: string, end: AbortSignal): Promise<ReconcileResult> => {
    if (!mayBeDue(deps, volume)) return undefined;
    try {
      return await deps.locks.run(volume, () => removeVolume(deps, volume, end), end);
    } catch (error) {
      // Others have written the object meanwhile: plan again at once.
      if (isConflict(error) || isNotFound(error)) return { requeueAfterMs: 0 };
      throw error;
    }
  };
  try {
    await runController(deps, { name: "reclaim", queue, workers: WORKERS, reconcile }, signal);
  } finally {
    for (const stop of stops) stop();
  }
}

/**
 * Saves the requests for volumes that nobody removes. If the caches are behind, their next event
 * brings the volume here again.
 */
function mayBeDue({ clock, copyObjects, nodeName, reclaimed }: ReclaimLoopDeps, volume: string): boolean {
  if (reclaimed.store.get(volume)?.spec.reclaim === true) return true;
  const object = copyObjects.store.get(copyNameOf(volume, nodeName));
  const isLetGo = object?.status?.purged === true && object.metadata?.deletionTimestamp !== undefined;
  // The status of a new VolumeCopy may just not be written yet.
  const madeAt = Date.parse(object?.metadata?.creationTimestamp ?? "");
  return isLetGo || (saysNothing(object) && clock.now() - madeAt > NEW_MS);
}

async function removeVolume(deps: ReclaimLoopDeps, volume: string, signal: AbortSignal): Promise<ReconcileResult> {
  for (let step = 1; step <= MOST_STEPS; step++) {
    const view = await viewOf(deps, volume, signal);
    const plan = planReclaim(view);
    if (plan.step === "nothing") return undefined;
    if (plan.step === "wait") {
      deps.log.info("a volume that is to be removed waits", { volume, why: plan.why });
      return { requeueAfterMs: AGAIN_MS };
    }
    await carryOut(deps, { volume, localVolume: view.localVolume }, plan, signal);
  }
  return { requeueAfterMs: AGAIN_MS };
}

async function viewOf(deps: ReclaimLoopDeps, volume: string, signal: AbortSignal): Promise<ReclaimView> {
  const { client, copies, nodeName: node, onDisk } = deps;
  const localVolume = await client.find(localVolumes, { name: volume }, { signal });
  const volumeCopy = await copies.read(volume, signal);
  return {
    node,
    localVolume,
    volumeCopy,
    ...(await onDisk.find(volume)),
    mounted: onDisk.mounts().some((mount) => mount.volume === volume),
  };
}

async function carryOut(
  deps: ReclaimLoopDeps,
  { localVolume, volume }: { readonly volume: string; readonly localVolume: LocalVolume | undefined },
  plan: Exclude<ReclaimPlan, { step: "nothing" | "wait" }>,
  signal: AbortSignal,
): Promise<void> {
  const { copies, log, onDisk, purger } = deps;
  switch (plan.step) {
    case "trash":
      for (const copy of plan.copies) await onDisk.storeOf(copy).toTrash(volume, copy.directory);
      return;
    case "record":
      await copies.sync(volume, { signal });
      return;
    case "purge":
      for (const copy of plan.copies) {
        await purger.purge(copy, localVolume, signal);
        log.info("removed the bytes of a volume", { volume, path: copy.path });
      }
      return;
    case "purged":
      // Removes the empty directories durably before `purged` is written: nobody would remove a
      // directory that came back after a crash.
      await onDisk.removeVolume(volume);
      await copies.sync(volume, { purged: true, signal });
      return;
    case "delete": {
      const { name, uid } = (plan.volumeCopy as Stored<VolumeCopy>).metadata;
      await deps.client.delete(volumeCopies, { name }, { uid, signal });
      return;
    }
    case "release":
      await copies.release(plan.volumeCopy as Stored<VolumeCopy>, signal);
      return;
    default:
      plan satisfies never;
  }
}
