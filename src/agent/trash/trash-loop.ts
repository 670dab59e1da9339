/*
 * Removes the old copies that plan-trash.ts names, every five minutes, one copy at a time under the
 * volume's lock. A crash leaves a copy in the Trash, or a part of one, and the next round goes on.
 */
import { copyNameOf } from "../../api/copy-name.ts";
import { localVolumes } from "../../api/kinds/local-volume.ts";
import { storageNodes } from "../../api/kinds/storage-node.ts";
import { volumeCopies } from "../../api/kinds/volume-copy.ts";
import type { Clock } from "../../effects/clock.ts";
import type { KubeClient } from "../../kube/client.ts";
import type { KeyedLock } from "../../kube/queue/keyed-lock.ts";
import type { Log } from "../../observe/log.ts";
import { eachVolume } from "../copies/each-volume.ts";
import type { OnDisk } from "../copies/on-disk.ts";
import type { Purger } from "../copies/purger.ts";
import type { VolumeCopies } from "../copies/volume-copies.ts";
import { isUnclaimed, planTrash } from "./plan-trash.ts";

export interface TrashLoopDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly nodeName: string;
  readonly onDisk: OnDisk;
  readonly copies: VolumeCopies;
  readonly purger: Purger;
  readonly locks: KeyedLock;
}

const LOOK_MS = 5 * 60_000;

/** Runs until the signal is aborted. */
export async function runTrashLoop(deps: TrashLoopDeps, signal: AbortSignal): Promise<void> {
  const { clock, locks, log } = deps;
  /** Since when each Incoming copy belongs to no move; the key is `volume/directory`. */
  const unclaimedSince = new Map<string, number>();
  const removeOld = async (volume: string): Promise<void> => {
    if (!(await hasOld(deps, volume))) return;
    const look = (): Promise<boolean> => lookAt(deps, volume, unclaimedSince, signal);
    // The lock is released after each step, so that other work on the volume can take it.
    while (await locks.run(volume, look, signal)) signal.throwIfAborted();
  };
  while (!signal.aborted) {
    try {
      await eachVolume(deps, "cannot remove the old copies of a volume", removeOld, signal);
    } catch (error) {
      if (!signal.aborted) log.error("cannot look for old copies", { err: error });
    }
    await clock.sleep(LOOK_MS, signal).catch(() => undefined);
  }
}

async function hasOld({ onDisk }: TrashLoopDeps, volume: string): Promise<boolean> {
  const { copies } = await onDisk.find(volume);
  return copies.some(({ state }) => state === "Trash" || state === "Incoming");
}

/** Does the next step. Resolves with false when there was nothing to do. */
async function lookAt(
  deps: TrashLoopDeps,
  volume: string,
  unclaimedSince: Map<string, number>,
  signal: AbortSignal,
): Promise<boolean> {
  const { client, clock, copies: objects, log, nodeName: node, onDisk, purger } = deps;
  const localVolume = await client.find(localVolumes, { name: volume }, { signal });
  const { copies } = await onDisk.find(volume);
  const since = new Map<string, number>();
  for (const copy of copies) {
    const key = `${volume}/${copy.directory}`;
    if (!isUnclaimed(localVolume, node, copy)) unclaimedSince.delete(key);
    else {
      const first = unclaimedSince.get(key) ?? clock.monotonic();
      unclaimedSince.set(key, first);
      since.set(copy.directory, first);
    }
  }
  const current = localVolume === undefined ? undefined : copyNameOf(volume, localVolume.spec.nodeName);
  const holder = localVolume?.spec.nodeName;
  const plan = planTrash({
    node,
    localVolume,
    currentCopy: current === undefined ? undefined : await client.find(volumeCopies, { name: current }, { signal }),
    currentNode: holder === undefined ? undefined : await client.find(storageNodes, { name: holder }, { signal }),
    copies,
    mounted: new Set(
      onDisk
        .publications()
        .filter((one) => one.volume === volume)
        .map(({ epochDirectory }) => epochDirectory),
    ),
    unclaimedSince: since,
    now: clock.now(),
    monotonic: clock.monotonic(),
  });
  if (plan.step === "nothing") return false;
  const { directory, path } = plan.copy;
  if (plan.step === "give-up") await onDisk.storeOf(plan.copy).toTrash(volume, directory);
  else await purger.purge(plan.copy, localVolume, signal);
  log.info("an old copy is not needed any more", { volume, path, step: plan.step });
  await objects.sync(volume, { signal });
  return true;
}
