import type { PersistentVolume, Pod } from "../kube/kinds.ts";
import { claimKeyOf } from "./claims/claims.ts";

/** Index of volumes that no claim has, by class name. */
export const AVAILABLE_BY_CLASS = "availableByClass";

/**
 * Index of volumes by the claim they are for, and of pods by the claims they use: `namespace/name`.
 */
export const BY_CLAIM = "byClaim";

/** Index of volumes by what they are called at their CSI driver (`handleOf`). */
export const BY_HANDLE = "byHandle";

/** What a volume is called at its CSI driver, in the index BY_HANDLE. */
export function handleOf(driver: string, volumeHandle: string): string {
  return `${driver}/${volumeHandle}`;
}

/** The index that the informer of pods must have, where a driver has a ledger. */
export const podIndexes = {
  [BY_CLAIM]: (pod: Pod): readonly string[] => claimKeysOf(pod),
};

/**
 * `namespace/name` of the claims a pod uses, those it owns (generic ephemeral volumes) among them.
 */
export function claimKeysOf(pod: Pod): readonly string[] {
  const { name, namespace } = pod.metadata ?? {};
  return (pod.spec?.volumes ?? []).flatMap((volume) => {
    if (volume.persistentVolumeClaim !== undefined) return [`${namespace}/${volume.persistentVolumeClaim.claimName}`];
    return volume.ephemeral === undefined ? [] : [`${namespace}/${name}-${volume.name}`];
  });
}

/** The indexes that the informer of PersistentVolumes must have. */
export const volumeIndexes = {
  [AVAILABLE_BY_CLASS]: (volume: PersistentVolume): readonly string[] =>
    volume.spec?.claimRef === undefined && volume.status?.phase === "Available"
      ? [volume.spec?.storageClassName ?? ""]
      : [],
  [BY_CLAIM]: (volume: PersistentVolume): readonly string[] => {
    const key = claimKeyOf(volume);
    return key === undefined ? [] : [key];
  },
  [BY_HANDLE]: ({ spec }: PersistentVolume): readonly string[] =>
    spec?.csi === undefined ? [] : [handleOf(spec.csi.driver, spec.csi.volumeHandle)],
};
