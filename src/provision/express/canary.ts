import { CANARY_ANNOTATION } from "../../api/names.ts";
import type { PersistentVolume } from "../../kube/kinds.ts";

/**
 * The canary: a PersistentVolume that nobody can use. kube-controller-manager gives every
 * PersistentVolume without a claim the phase Available; setting it back to Pending and waiting for
 * the answer tells how far it has come.
 *
 * Its class name is random, so that no claim asks for it; its driver does not exist, so that
 * nothing could mount it if one did; it holds nothing and is Retained.
 */
export function canaryVolume(name: string, owner: string): PersistentVolume {
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name, annotations: { [CANARY_ANNOTATION]: owner } },
    spec: {
      accessModes: ["ReadWriteOncePod"],
      capacity: { storage: "1" },
      csi: { driver: "canary.mooring.dev", volumeHandle: name },
      persistentVolumeReclaimPolicy: "Retain",
      storageClassName: name,
      volumeMode: "Filesystem",
    },
  };
}

/**
 * Whether this is a canary of ours that can still answer: not claimed by somebody, not being
 * deleted.
 */
export function isUsableCanary(volume: PersistentVolume, owner: string): boolean {
  return (
    isCanary(volume, owner) &&
    volume.metadata?.deletionTimestamp === undefined &&
    volume.spec?.claimRef === undefined &&
    (volume.status?.phase === "Available" || volume.status?.phase === "Pending")
  );
}

/** Whether this is a canary of ours, usable or not. */
export function isCanary(volume: PersistentVolume, owner: string): boolean {
  return volume.metadata?.annotations?.[CANARY_ANNOTATION] === owner;
}
