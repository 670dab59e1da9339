/*
 * The finalizer of StorageNodes: it is there while a volume or a copy names the node. So a
 * StorageNode that somebody deletes keeps the pool's UUID for as long as data may lie on that
 * node's disk, and an agent cannot take an empty disk for a new pool.
 *
 * A crash before or after the one write leaves a node whose step is found again.
 */
import { localVolumes, type LocalVolume } from "../../api/kinds/local-volume.ts";
import { storageNodes, type StorageNode } from "../../api/kinds/storage-node.ts";
import { volumeCopies, type VolumeCopy } from "../../api/kinds/volume-copy.ts";
import { STORAGE_NODE_FINALIZER } from "../../api/names.ts";
import type { KubeClient } from "../../kube/client.ts";
import { runController, type ControllerDeps, type ReconcileResult } from "../../kube/queue/controller.ts";
import { isConflict, isNotFound } from "../../kube/errors.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import type { Stored } from "../../kube/objects.ts";
import { WorkQueue } from "../../kube/queue/work-queue.ts";

export interface StorageNodeLoopDeps extends ControllerDeps {
  readonly client: KubeClient;
  readonly storageNodes: Informer<StorageNode>;
  readonly volumes: Informer<LocalVolume>;
  readonly copies: Informer<VolumeCopy>;
}

const AGAIN_MS = 1000;

/** The finalizers that a StorageNode should have; undefined when it has them. */
export function planFinalizers(node: Stored<StorageNode>, isNamed: boolean): readonly string[] | undefined {
  const finalizers = node.metadata.finalizers ?? [];
  const has = finalizers.includes(STORAGE_NODE_FINALIZER);
  if (has === isNamed) return undefined;
  // Nothing can be added to an object that is being deleted.
  if (isNamed)
    return node.metadata.deletionTimestamp === undefined ? [...finalizers, STORAGE_NODE_FINALIZER] : undefined;
  return finalizers.filter((finalizer) => finalizer !== STORAGE_NODE_FINALIZER);
}

/** Runs until the signal is aborted. The informers must have synced. */
export async function runStorageNodeLoop(deps: StorageNodeLoopDeps, signal: AbortSignal): Promise<void> {
  const { client, clock, copies, storageNodes: watched, volumes } = deps;
  const queue = new WorkQueue({ clock }, { name: "storage-nodes" });
  const stops = [
    watched.onChange(({ key }) => {
      queue.add(key);
    }),
    volumes.onChange(({ object, old }) => {
      queue.add(object.spec.nodeName);
      if (old !== undefined) queue.add(old.spec.nodeName);
    }),
    copies.onChange(({ object }) => {
      queue.add(object.spec.nodeName);
    }),
  ];
  const isNamed = (name: string): boolean =>
    volumes.store.byIndex("byNode", name).length > 0 || copies.store.list().some(({ spec }) => spec.nodeName === name);
  /** Before the finalizer goes: the caches may lack a volume that was made a moment ago. */
  const isNamedNow = async (name: string, stop: AbortSignal): Promise<boolean> => {
    const select = { fieldSelector: `spec.nodeName=${name}`, signal: stop };
    return (await client.list(localVolumes, select)).length > 0 || (await client.list(volumeCopies, select)).length > 0;
  };
  const reconcile = async (name: string, stop: AbortSignal): Promise<ReconcileResult> => {
    const node = watched.store.get(name);
    if (node === undefined) return undefined;
    const named = isNamed(name);
    const finalizers = planFinalizers(node, named);
    if (finalizers === undefined) return undefined;
    if (!named && (await isNamedNow(name, stop))) return { requeueAfterMs: AGAIN_MS };
    const { uid, resourceVersion } = node.metadata;
    try {
      await client.patchMerge(
        storageNodes,
        { name },
        { metadata: { uid, resourceVersion, finalizers } },
        { signal: stop },
      );
      return undefined;
    } catch (error) {
      if (isConflict(error)) return { requeueAfterMs: AGAIN_MS };
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };
  try {
    await runController(deps, { name: "storage-nodes", queue, workers: 4, reconcile }, signal);
  } finally {
    for (const stop of stops) stop();
  }
}
