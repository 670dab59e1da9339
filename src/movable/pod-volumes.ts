import { DRIVER } from "../api/names.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../kube/kinds.ts";
import type { Stored } from "../kube/objects.ts";
import type { Cached } from "../kube/watch/store.ts";
import { BY_CLAIM, claimKeysOf } from "../provision/indexes.ts";

/** The caches that lead from a pod to its volumes. */
export interface PodVolumeSources {
  readonly claims: Cached<PersistentVolumeClaim>;
  readonly persistentVolumes: Cached<PersistentVolume>;
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
 * The pods that use the claim of a movable volume. `pods` are those of all namespaces, with the
 * index of `podIndexes`. A cluster has thousands of them, so they are looked up by their claim. The
 * PersistentVolume has the volume's name, unless it was made by hand.
 */
export function podsOfVolume(
  { persistentVolumes, pods }: Pick<PodVolumeSources, "persistentVolumes"> & { readonly pods: Cached<Pod> },
  volume: string,
): readonly Stored<Pod>[] {
  const isOf = (one: PersistentVolume | undefined): boolean =>
    one?.spec?.csi?.driver === DRIVER && one.spec.csi.volumeHandle === volume;
  const named = persistentVolumes.store.get(volume);
  const found = isOf(named) ? named : persistentVolumes.store.list().find(isOf);
  const claim = found?.spec?.claimRef;
  return claim === undefined ? [] : pods.store.byIndex(BY_CLAIM, `${claim.namespace}/${claim.name}`);
}
