import { localVolumes, type LocalVolume } from "../api/kinds/local-volume.ts";
import { storageNodes, type StorageNode } from "../api/kinds/storage-node.ts";
import { storagePools, type StoragePool } from "../api/kinds/storage-pool.ts";
import { volumeCopies, type VolumeCopy } from "../api/kinds/volume-copy.ts";
import { volumeMoves, type VolumeMove } from "../api/kinds/volume-move.ts";
import { Informer, type InformerDeps } from "../kube/watch/informer.ts";
import { labelIndexes } from "./labels/loop.ts";
import { copyIndexes } from "./volumes/loop.ts";

/** Our own kinds, as the controller watches them. */
export interface WatchedKinds {
  readonly localVolumes: Informer<LocalVolume>;
  readonly copies: Informer<VolumeCopy>;
  readonly moves: Informer<VolumeMove>;
  readonly storageNodes: Informer<StorageNode>;
  readonly pools: Informer<StoragePool>;
}

export function watchKinds(deps: InformerDeps): WatchedKinds {
  return {
    localVolumes: new Informer<LocalVolume>(deps, { resource: localVolumes, indexes: labelIndexes }),
    copies: new Informer<VolumeCopy>(deps, { resource: volumeCopies, indexes: copyIndexes }),
    moves: new Informer<VolumeMove>(deps, { resource: volumeMoves }),
    storageNodes: new Informer<StorageNode>(deps, { resource: storageNodes }),
    pools: new Informer<StoragePool>(deps, { resource: storagePools }),
  };
}
