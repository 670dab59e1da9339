import { Informer, type InformerDeps } from "../kube/watch/informer.ts";
import { slimNode } from "../kube/watch/projection.ts";
import {
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  storageClasses,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type StorageClass,
} from "../kube/kinds.ts";
import type { PodWatch } from "../provision/claims/claim-loop.ts";
import type { IndexFunction } from "../kube/watch/store.ts";
import { volumeIndexes } from "../provision/indexes.ts";

/** The part of an informer that the process uses, whatever the kind of object. */
export type AnyInformer = Pick<Informer<Node>, "run" | "synced" | "hasSynced">;

/** What every controller watches, whatever its drivers. */
export interface ClusterWatch {
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly volumes: Informer<PersistentVolume>;
  readonly classes: Informer<StorageClass>;
  readonly nodes: Informer<Node>;
}

/** What a controller process watches: the cluster, and what its drivers need in addition. */
export interface Watched {
  readonly cluster: ClusterWatch;
  /**
   * The pods of all namespaces, indexed by `podIndexes`. Only where a driver has a ledger.
   */
  readonly pods?: PodWatch | undefined;
  /** All informers, including those of `cluster`. They run as long as the process. */
  readonly informers: readonly AnyInformer[];
}

/** `indexes`: of claims, for drivers that look them up by more than their names. */
export function watchCluster(
  deps: InformerDeps,
  indexes: Readonly<Record<string, IndexFunction<PersistentVolumeClaim>>> = {},
): ClusterWatch {
  return {
    claims: new Informer<PersistentVolumeClaim>(deps, { resource: persistentVolumeClaims, indexes }),
    volumes: new Informer<PersistentVolume>(deps, { resource: persistentVolumes, indexes: volumeIndexes }),
    classes: new Informer<StorageClass>(deps, { resource: storageClasses }),
    nodes: new Informer<Node>(deps, { resource: nodes, project: slimNode }),
  };
}
