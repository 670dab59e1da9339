/*
 * Writes the state of each volume's copies on this node to the API server: when a mount or a copy
 * changes, when others change or delete a VolumeCopy, and once a minute. Everything is derived from
 * the disk and the mount table, so the loop may be interrupted anywhere.
 */
import { copyNameOf } from "../../api/copy-name.ts";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";
import { runController, type ControllerDeps } from "../../kube/queue/controller.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import type { WorkQueue } from "../../kube/queue/work-queue.ts";
import type { OnDisk } from "../copies/on-disk.ts";
import type { VolumeCopies } from "../copies/volume-copies.ts";

export interface VolumeLoopDeps extends ControllerDeps {
  /** The VolumeCopies of this node. */
  readonly copyObjects: Informer<VolumeCopy>;
  readonly nodeName: string;
  readonly onDisk: OnDisk;
  readonly copies: VolumeCopies;
  /** Keys are names of volumes. */
  readonly queue: WorkQueue;
}

const WORKERS = 4;
/** How often every volume is looked at, because mounts also change without the agent. */
export const EVERYTHING_MS = 60_000;

/** Runs until the signal is aborted. */
export async function runVolumeLoop(deps: VolumeLoopDeps, signal: AbortSignal): Promise<void> {
  const { clock, copies, copyObjects, log, nodeName, onDisk, queue } = deps;
  const stop = copyObjects.onChange(({ object }) => {
    queue.add(object.spec.volume);
  });
  const lookAtAll = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        for (const volume of await onDisk.volumes()) queue.add(volume);
      } catch (error) {
        log.error("cannot list the volumes on the disk", { err: error });
      }
      await clock.sleep(EVERYTHING_MS, signal).catch(() => undefined);
    }
  };
  const reconcile = async (volume: string, end: AbortSignal): Promise<void> => {
    if (await copies.isCurrent(volume, copyObjects.store.get(copyNameOf(volume, nodeName)))) return;
    await copies.sync(volume, { signal: end });
  };
  try {
    await Promise.all([
      lookAtAll(),
      runController(deps, { name: "volume-copies", queue, workers: WORKERS, reconcile }, signal),
    ]);
  } finally {
    stop();
  }
}
