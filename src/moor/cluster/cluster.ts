/*
 * The objects of a cluster, read once: the input of everything that `moor` explains and plans. They
 * have the form of the controller's caches, so that the controller's own decisions run on them.
 */
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { StorageNode } from "../../api/kinds/storage-node.ts";
import type { StoragePool } from "../../api/kinds/storage-pool.ts";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type {
  Event,
  Lease,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
} from "../../kube/kinds.ts";
import { keyOf, type KubeObject, type Stored } from "../../kube/objects.ts";
import { cached, type Cached } from "../../kube/watch/store.ts";
import { labelIndexes } from "../../movable/labels/loop.ts";
import { copyIndexes } from "../../movable/volumes/loop.ts";
import type { MoveCaches } from "../../move/loop/sources.ts";
import { podIndexes, volumeIndexes } from "../../provision/indexes.ts";

/** Objects as they were listed. */
export interface Objects {
  readonly nodes: readonly Stored<Node>[];
  readonly storageNodes: readonly Stored<StorageNode>[];
  readonly pools: readonly Stored<StoragePool>[];
  readonly volumes: readonly Stored<LocalVolume>[];
  readonly copies: readonly Stored<VolumeCopy>[];
  readonly moves: readonly Stored<VolumeMove>[];
  readonly persistentVolumes: readonly Stored<PersistentVolume>[];
  readonly claims: readonly Stored<PersistentVolumeClaim>[];
  readonly pods: readonly Stored<Pod>[];
  readonly storageClasses: readonly Stored<StorageClass>[];
  readonly events: readonly Stored<Event>[];
}

export interface Cluster extends MoveCaches {
  readonly storageClasses: Cached<StorageClass>;
  /** Events of the namespace of the command. */
  readonly events: readonly Stored<Event>[];
  /**
   * The leader's Lease. Undefined: it was not read, or the user may not read it. `found` is
   * undefined when the Lease does not exist.
   */
  readonly lease: { readonly found: Stored<Lease> | undefined } | undefined;
  /** Time of the read by the wall clock, in milliseconds. */
  readonly now: number;
}

/** Indexes the objects as the controller's caches do. Kinds that are not given are empty. */
export function clusterOf(objects: Partial<Objects>, now: number, lease?: Cluster["lease"]): Cluster {
  return {
    nodes: cached(objects.nodes),
    storageNodes: cached(objects.storageNodes),
    pools: cached(objects.pools),
    volumes: cached(objects.volumes, labelIndexes),
    copies: cached(objects.copies, copyIndexes),
    moves: cached(objects.moves),
    persistentVolumes: cached(objects.persistentVolumes, volumeIndexes),
    claims: cached(objects.claims),
    pods: cached(objects.pods, podIndexes),
    storageClasses: cached(objects.storageClasses),
    events: objects.events ?? [],
    lease,
    now,
  };
}

/** The same objects with one replaced or added. */
export function withObject<T extends KubeObject>(of: Cached<T>, object: Stored<T>): Cached<T> {
  const others = of.store.list().filter((one) => keyOf(one) !== keyOf(object));
  return cached([...others, object]);
}
