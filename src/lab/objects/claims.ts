import type { PersistentVolume, PersistentVolumeClaim } from "kubernetes-types/core/v1.js";
import type { StorageClass } from "kubernetes-types/storage/v1.js";
import { BIND_COMPLETED, STORAGE_CLASS_BETA } from "../../api/names.ts";
import { uidOf } from "../../kube/objects.ts";
import { bytes } from "../../kube/quantity.ts";

/** The class a claim asks for. The old beta annotation wins over the field; "" is no class. */
export function claimClass(claim: PersistentVolumeClaim): string {
  return claim.metadata?.annotations?.[STORAGE_CLASS_BETA] ?? claim.spec?.storageClassName ?? "";
}

/** Whether the claim names a class, possibly the empty one. */
export function hasClass(claim: PersistentVolumeClaim): boolean {
  return claim.metadata?.annotations?.[STORAGE_CLASS_BETA] !== undefined || claim.spec?.storageClassName !== undefined;
}

export function volumeClass(volume: PersistentVolume): string {
  return volume.metadata?.annotations?.[STORAGE_CLASS_BETA] ?? volume.spec?.storageClassName ?? "";
}

/** Whether a claim's class leaves the choice of a volume to the scheduler. */
export function isDelayed(claim: PersistentVolumeClaim, classOf: (name: string) => StorageClass | undefined): boolean {
  return classOf(claimClass(claim))?.volumeBindingMode === "WaitForFirstConsumer";
}

/**
 * Whether the volume is bound to this claim or reserved for it: same name, and same UID if the
 * volume has one.
 */
export function isBoundTo(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const ref = volume.spec?.claimRef;
  if (ref === undefined) return false;
  if (ref.name !== claim.metadata?.name || ref.namespace !== claim.metadata?.namespace) return false;
  return ref.uid === undefined || ref.uid === "" || ref.uid === uidOf(claim);
}

/** What the scheduler waits for. */
export function isFullyBound(claim: PersistentVolumeClaim): boolean {
  return (claim.spec?.volumeName ?? "") !== "" && claim.metadata?.annotations?.[BIND_COMPLETED] !== undefined;
}

export function sameVolumeMode(claim: PersistentVolumeClaim, volume: PersistentVolume): boolean {
  return (claim.spec?.volumeMode ?? "Filesystem") === (volume.spec?.volumeMode ?? "Filesystem");
}

export function hasAccessModes(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (claim.spec?.accessModes ?? []).every((mode) => volume.spec?.accessModes?.includes(mode) === true);
}

export function requestedBytes(claim: PersistentVolumeClaim): bigint {
  return bytes(claim.spec?.resources?.requests?.["storage"] ?? "0");
}

export function capacityBytes(volume: PersistentVolume): bigint {
  return bytes(volume.spec?.capacity?.["storage"] ?? "0");
}

/** A claim as a volume's claimRef names it. */
export function claimReference(
  claim: PersistentVolumeClaim,
): NonNullable<PersistentVolume["spec"]>["claimRef"] & object {
  const { name = "", namespace = "", resourceVersion } = claim.metadata ?? {};
  return {
    kind: "PersistentVolumeClaim",
    apiVersion: "v1",
    name,
    namespace,
    uid: uidOf(claim),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}
