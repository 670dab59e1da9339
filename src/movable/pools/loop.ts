/*
 * Writes on how many nodes each StoragePool is, and on how many of them it can be used. It is for
 * people alone: nothing is decided by it. A crash leaves an old count, which the next leader
 * corrects.
 */
import type { StorageNode } from "../../api/kinds/storage-node.ts";
import { storagePools, type StoragePool } from "../../api/kinds/storage-pool.ts";
import type { KubeClient } from "../../kube/client.ts";
import { runController, type ControllerDeps, type ReconcileResult } from "../../kube/queue/controller.ts";
import { isConflict, isNotFound } from "../../kube/errors.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import { nameOf } from "../../kube/objects.ts";
import { WorkQueue } from "../../kube/queue/work-queue.ts";
import { countPool } from "./count.ts";

export interface PoolCountDeps extends ControllerDeps {
  readonly client: KubeClient;
  readonly pools: Informer<StoragePool>;
  readonly storageNodes: Informer<StorageNode>;
}

/** Many agents change at once when a pool is made: their changes are counted together. */
const GATHER_MS = 500;
const AGAIN_MS = 1000;

/** Runs until the signal is aborted. The informers must have synced. */
export async function runPoolCounts(deps: PoolCountDeps, signal: AbortSignal): Promise<void> {
  const { client, clock, pools, storageNodes } = deps;
  const queue = new WorkQueue({ clock }, { name: "storage-pools" });
  const stops = [
    pools.onChange(({ key, type }) => {
      if (type !== "deleted") queue.add(key);
    }),
    storageNodes.onChange(() => {
      for (const pool of pools.store.list()) queue.addAfter(nameOf(pool), GATHER_MS);
    }),
  ];
  const reconcile = async (name: string, stop: AbortSignal): Promise<ReconcileResult> => {
    const pool = pools.store.get(name);
    if (pool === undefined) return undefined;
    const counts = countPool(name, storageNodes.store.list());
    if (pool.status?.nodes === counts.nodes && pool.status.readyNodes === counts.readyNodes) return undefined;
    const { uid, resourceVersion } = pool.metadata;
    try {
      await client.patchMerge(
        storagePools,
        { name },
        { metadata: { uid, resourceVersion }, status: { ...counts } },
        { subresource: "status", signal: stop },
      );
      return undefined;
    } catch (error) {
      if (isConflict(error)) return { requeueAfterMs: AGAIN_MS };
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };
  try {
    await runController(deps, { name: "storage-pools", queue, workers: 1, reconcile }, signal);
  } finally {
    for (const stop of stops) stop();
  }
}
