import type { CustomKind } from "./custom-kind.ts";
import { localVolumeKind } from "./local-volume.ts";
import { storageNodeKind } from "./storage-node.ts";
import { storagePoolKind } from "./storage-pool.ts";
import { volumeCopyKind } from "./volume-copy.ts";
import { volumeMoveKind } from "./volume-move.ts";

/** Our kinds, in the order in which a reader meets them. */
export const customKinds: readonly CustomKind[] = [
  storagePoolKind,
  storageNodeKind,
  localVolumeKind,
  volumeCopyKind,
  volumeMoveKind,
];
