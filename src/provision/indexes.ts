import type { PersistentVolume } from "../kube/kinds.ts";

/** Index of volumes that no claim has, by class name. */
export const AVAILABLE_BY_CLASS = "availableByClass";

/** The indexes that the informer of PersistentVolumes must have. */
export const volumeIndexes = {
  [AVAILABLE_BY_CLASS]: (volume: PersistentVolume): readonly string[] =>
    volume.spec?.claimRef === undefined && volume.status?.phase === "Available"
      ? [volume.spec?.storageClassName ?? ""]
      : [],
};
