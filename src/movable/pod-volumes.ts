import { DRIVER } from "../api/names.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../kube/kinds.ts";
import type { Stored } from "../kube/objects.ts";
import type { Cached } from "../kube/watch/store.ts";
import { claimKeysOf } from "../provision/indexes.ts";

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
