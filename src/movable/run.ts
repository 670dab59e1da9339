import type { Clock } from "../effects/clock.ts";
import type { Random } from "../effects/random.ts";
import type { KubeClient } from "../kube/client.ts";
import type { Informer } from "../kube/watch/informer.ts";
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from "../kube/kinds.ts";
import type { Log } from "../observe/log.ts";
import { Ledger } from "../place/ledger.ts";
import type { Driver } from "../provision/driver.ts";
import type { Recorder } from "../provision/events.ts";
import { createMovableDriver, type MovableDeps } from "./driver.ts";
import { runLabelLoop } from "./labels/loop.ts";
import { runPoolCounts } from "./pools/loop.ts";
import { runStorageNodeLoop } from "./storage-nodes/loop.ts";
import { runSweep } from "./sweep/loop.ts";
import { runVolumeLoop } from "./volumes/loop.ts";
import type { WatchedKinds } from "./watched.ts";

export interface MovableRunDeps extends WatchedKinds {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly recorder: Recorder;
  readonly nodes: Informer<Node>;
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly volumes: Informer<PersistentVolume>;
  /** Pods of all namespaces. */
  readonly pods: Informer<Pod>;
  readonly whileKept: MovableDeps["whileKept"];
}

/** The driver of mooring.dev on the caches of a process. */
export function movableDriver(deps: MovableRunDeps): Driver {
  const { copies, localVolumes, pools, storageNodes } = deps;
  const ledger = new Ledger({
    volumes: localVolumes.store,
    copies: copies.store,
    nodes: storageNodes.store,
    pools: pools.store,
  });
  return createMovableDriver({
    ...deps,
    ledger,
    persistentVolumes: deps.volumes,
    volumes: localVolumes.store,
    seen: (version, signal) => localVolumes.waitFor(version, signal),
  });
}

/**
 * The loops around the driver: labels, LocalVolumes, StorageNodes, StoragePools, pods on wrong
 * nodes. They belong to the leader.
 */
export async function runMovableLoops(deps: MovableRunDeps, signal: AbortSignal): Promise<void> {
  const { localVolumes, volumes: persistentVolumes } = deps;
  const ours = { ...deps, volumes: localVolumes };
  await Promise.all([
    runLabelLoop(ours, signal),
    runVolumeLoop(ours, signal),
    runStorageNodeLoop(ours, signal),
    runPoolCounts(ours, signal),
    runSweep({ ...ours, persistentVolumes }, signal),
  ]);
}
