import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { StorageNode } from "../../api/kinds/storage-node.ts";
import type { StoragePool } from "../../api/kinds/storage-pool.ts";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { KubeClient } from "../../kube/client.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import type { Node, Pod } from "../../kube/kinds.ts";
import type { PodVolumeSources } from "../../movable/pod-volumes.ts";
import type { Asks } from "../drains/asks.ts";

/** Where snapshots come from: caches, and the server for what a plan wants uncached. */
export interface MoveSources extends PodVolumeSources {
  readonly client: KubeClient;
  readonly moves: Informer<VolumeMove>;
  /** With the index `byNode`. */
  readonly volumes: Informer<LocalVolume>;
  readonly copies: Informer<VolumeCopy>;
  readonly storageNodes: Informer<StorageNode>;
  readonly pools: Informer<StoragePool>;
  readonly nodes: Informer<Node>;
  /** Of all namespaces, with the index of keepers. */
  readonly pods: Informer<Pod>;
  readonly asks: Asks;
}
