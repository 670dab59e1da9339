import type { PersistentVolume } from "../kube/kinds.ts";

/** Index of volumes that no claim has, by class name. */
export const AVAILABLE_BY_CLASS = "availableByClass";

/** Index of volumes by the claim they are for: `namespace/name`. */
export const BY_CLAIM = "byClaim";

/** The indexes that the informer of PersistentVolumes must have. */
export const volumeIndexes = {
  [AVAILABLE_BY_CLASS]: (volume: PersistentVolume): readonly string[] =>
    volume.spec?.claimRef === undefined && volume.status?.phase === "Available"
      ? [volume.spec?.storageClassName ?? ""]
      : [],
  [BY_CLAIM]: (volume: PersistentVolume): readonly string[] => {
    const ref = volume.spec?.claimRef;
    return ref?.name === undefined ? [] : [`${ref.namespace ?? ""}/${ref.name}`];
  },
};
