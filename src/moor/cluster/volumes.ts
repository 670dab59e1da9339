/* From a claim to its volume, and from a volume to its pods and its move. */
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { DRIVER } from "../../api/names.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../kube/kinds.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { volumesOfPod } from "../../movable/pod-volumes.ts";
import { isFinished } from "../../move/drains/earlier-moves.ts";
import { BY_CLAIM } from "../../provision/indexes.ts";
import { moorErrors } from "../errors.ts";
import type { Cluster } from "./cluster.ts";

/** The name of a claim. */
export interface ClaimName {
  readonly namespace: string;
  readonly name: string;
}

/** The name in `pvc/NAME`, `persistentvolumeclaim/NAME` or `NAME`, the forms that kubectl takes. */
export function claimIn(argument: string): string {
  return argument.replace(/^(pvc|persistentvolumeclaims?)\//, "");
}

/** Rejects with MOOR_CLAIM_MISSING. */
export function findClaim(cluster: Cluster, { name, namespace }: ClaimName): Stored<PersistentVolumeClaim> {
  const claim = cluster.claims.store.get(`${namespace}/${name}`);
  if (claim === undefined) throw moorErrors.CLAIM_MISSING({ claim: name, namespace });
  return claim;
}

/** The PersistentVolume of a claim. Undefined: the claim is not bound, or the volume is gone. */
export function persistentVolumeOf(
  cluster: Cluster,
  claim: Stored<PersistentVolumeClaim>,
): Stored<PersistentVolume> | undefined {
  const name = claim.spec?.volumeName;
  return name === undefined ? undefined : cluster.persistentVolumes.store.get(name);
}

/** The movable volume behind a PersistentVolume. */
export function localVolumeOf(cluster: Cluster, volume: PersistentVolume): Stored<LocalVolume> | undefined {
  const csi = volume.spec?.csi;
  return csi?.driver === DRIVER ? cluster.volumes.store.get(csi.volumeHandle) : undefined;
}

/** The movable volumes that a pod uses. */
export function localVolumesOf(cluster: Cluster, pod: Stored<Pod>): readonly Stored<LocalVolume>[] {
  return volumesOfPod(cluster, pod).flatMap((name) => cluster.volumes.store.get(name) ?? []);
}

/** The pods that use a claim, in the order of their names. */
export function podsOf(cluster: Cluster, { name, namespace }: ClaimName): readonly Stored<Pod>[] {
  return cluster.pods.store
    .byIndex(BY_CLAIM, `${namespace}/${name}`)
    .toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

/**
 * The move of a volume that has not ended: the move that holds the volume, otherwise one that waits
 * for it. Of several that wait, a person's move comes before a drain's.
 */
export function moveOf(cluster: Cluster, volume: Stored<LocalVolume>): Stored<VolumeMove> | undefined {
  const { activeMove } = volume.spec;
  const moves = cluster.moves.store.list().filter((move) => !isFinished(move));
  return (
    moves.find(({ metadata }) => metadata.uid === activeMove?.uid) ??
    moves
      .filter(({ spec }) => spec.volumes.some(({ name }) => name === nameOf(volume)))
      .toSorted((a, b) => Number(a.spec.reason === "Drain") - Number(b.spec.reason === "Drain"))[0]
  );
}

/** `namespace/name` of the claim that a volume was made for; without one, the volume's name. */
export function claimNameOf(volume: Stored<LocalVolume>): string {
  const { claim } = volume.spec;
  return claim === undefined ? nameOf(volume) : `${claim.namespace}/${claim.name}`;
}
