import { DRIVER } from "../api/names.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../kube/kinds.ts";
import type { Stored } from "../kube/objects.ts";
import type { Cached } from "../kube/watch/store.ts";
import { BY_CLAIM, BY_HANDLE, claimKeysOf, handleOf } from "../provision/indexes.ts";

/** The caches that lead from a pod to its volumes. */
export interface PodVolumeSources {
  readonly claims: Cached<PersistentVolumeClaim>;
  /** With the indexes of `volumeIndexes`. */
  readonly persistentVolumes: Cached<PersistentVolume>;
}

/** The claim that a PersistentVolume is for. Without a UID it is only reserved for that claim. */
export interface ClaimReference {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string | undefined;
}

/** Names of the movable volumes (LocalVolumes) that a pod uses, as far as the caches know. */
export function volumesOfPod({ claims, persistentVolumes }: PodVolumeSources, pod: Stored<Pod>): readonly string[] {
  return claimKeysOf(pod).flatMap((claim) => {
    const volumeName = claims.store.get(claim)?.spec?.volumeName;
    const csi = volumeName === undefined ? undefined : persistentVolumes.store.get(volumeName)?.spec?.csi;
    return csi?.driver === DRIVER ? [csi.volumeHandle] : [];
  });
}

/**
 * The claims that a movable volume is for. Its PersistentVolume may have been made by hand and have
 * any name, and several PersistentVolumes may name one volume.
 */
export function claimsOfVolume(
  { persistentVolumes }: Pick<PodVolumeSources, "persistentVolumes">,
  volume: string,
): readonly ClaimReference[] {
  return persistentVolumes.store.byIndex(BY_HANDLE, handleOf(DRIVER, volume)).flatMap(({ spec }) => {
    const { name, namespace, uid } = spec?.claimRef ?? {};
    return name === undefined || namespace === undefined ? [] : [{ name, namespace, uid }];
  });
}

/**
 * The pods that use the claims of a movable volume. `pods` are those of all namespaces, with the
 * index of `podIndexes`. A cluster has thousands of them, so they are looked up by their claims.
 */
export function podsOfVolume(
  sources: Pick<PodVolumeSources, "persistentVolumes"> & { readonly pods: Cached<Pod> },
  volume: string,
): readonly Stored<Pod>[] {
  const pods = claimsOfVolume(sources, volume).flatMap(({ name, namespace }) =>
    sources.pods.store.byIndex(BY_CLAIM, `${namespace}/${name}`),
  );
  return [...new Set(pods)];
}
