import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { StorageNode } from "../../api/kinds/storage-node.ts";
import type { StoragePool } from "../../api/kinds/storage-pool.ts";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { KubeClient } from "../../kube/client.ts";
import type { Node, Pod } from "../../kube/kinds.ts";
import type { Cached } from "../../kube/watch/store.ts";
import type { PodVolumeSources } from "../../movable/pod-volumes.ts";
import type { Answers } from "../scouts/answers.ts";
import type { Asks } from "../drains/asks.ts";

/** The caches from which a move is planned. */
export interface MoveCaches extends PodVolumeSources {
  readonly moves: Cached<VolumeMove>;
  /** With the index `byNode`. */
  readonly volumes: Cached<LocalVolume>;
  readonly copies: Cached<VolumeCopy>;
  readonly storageNodes: Cached<StorageNode>;
  readonly pools: Cached<StoragePool>;
  readonly nodes: Cached<Node>;
  readonly pods: Cached<Pod>;
  /** The scheduler's answers. Undefined: it is not asked. */
  readonly answers?: Pick<Answers, "to"> | undefined;
}

/** The sources of snapshots: caches, and the API server for parts that a plan needs uncached. */
export interface MoveSources extends MoveCaches {
  readonly client: KubeClient;
  /** The pods of all namespaces, with the index of keepers. */
  readonly pods: Cached<Pod>;
  readonly asks: Asks;
}
