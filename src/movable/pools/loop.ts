/*
 * Counts for each StoragePool on how many nodes it is, and on how many it is ready, from what the
 * agents say in their StorageNodes. For people: nothing is decided by it. A crash leaves an old
 * count, which the next leader corrects when it lists the pools.
 */
import type { StorageNode } from "../../api/kinds/storage-node.ts";
import { storagePools, type StoragePool } from "../../api/kinds/storage-pool.ts";
import type { KubeClient } from "../../kube/client.ts";
import { runController, type ControllerDeps, type ReconcileResult } from "../../kube/controller.ts";
import { isConflict, isNotFound } from "../../kube/errors.ts";
import type { Informer } from "../../kube/informer.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { WorkQueue } from "../../kube/work-queue.ts";

export interface PoolLoopDeps extends ControllerDeps {
  readonly client: KubeClient;
  readonly pools: Informer<StoragePool>;
  readonly storageNodes: Informer<StorageNode>;
}

const AGAIN_MS = 1000;

/** The counts that a pool should have; undefined when it has them. */
export function planCounts(
  pool: Stored<StoragePool>,
  storageNodes: readonly StorageNode[],
): { readonly nodes: number; readonly readyNodes: number } | undefined {
  const here = storageNodes.flatMap(({ status }) => status?.pools?.find(({ name }) => name === nameOf(pool)) ?? []);
  const counts = { nodes: here.length, readyNodes: here.filter(({ ready }) => ready).length };
  const same = pool.status?.nodes === counts.nodes && pool.status.readyNodes === counts.readyNodes;
  return same ? undefined : counts;
}

/** Runs until the signal is aborted. The informers must have synced. */
export async function runPoolLoop(deps: PoolLoopDeps, signal: AbortSignal): Promise<void> {
  const { client, clock, pools, storageNodes } = deps;
  const queue = new WorkQueue({ clock }, { name: "storage-pools" });
  const stops = [
    pools.onChange(({ key }) => {
      queue.add(key);
    }),
    storageNodes.onChange(() => {
      for (const pool of pools.store.list()) queue.add(nameOf(pool));
    }),
  ];
  const reconcile = async (name: string, stop: AbortSignal): Promise<ReconcileResult> => {
    const pool = pools.store.get(name);
    const status = pool === undefined ? undefined : planCounts(pool, storageNodes.store.list());
    if (pool === undefined || status === undefined) return undefined;
    const { uid, resourceVersion } = pool.metadata;
    try {
      await client.patchMerge(
        storagePools,
        { name },
        { metadata: { uid, resourceVersion }, status },
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
