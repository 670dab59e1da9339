import { EXTERNAL_PROVISIONER_FINALIZER, PROVISIONED_BY } from "../api/names.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../kube/kinds.ts";
import { uidOf } from "../kube/objects.ts";

export type ReclaimPlan =
  | { readonly step: "nothing" }
  /** Take a foreign finalizer off: only other provisioning libraries honour it, and nobody would ever remove it. */
  | { readonly step: "drop-finalizer" }
  /** The claim is gone and kube-controller-manager has not said so yet: say it for it. */
  | { readonly step: "release" }
  /** Remove the data, then the object. */
  | { readonly step: "reclaim" };

/**
 * Decides the next step of one PersistentVolume. `claim` is the claim that claimRef names, as last seen, whatever its UID.
 *
 * A volume that is being deleted (`kubectl delete pv`) is left alone: its data stays, as with local-path-provisioner.
 */
export function planReclaim(
  provisioner: string,
  volume: PersistentVolume,
  claim: PersistentVolumeClaim | undefined,
): ReclaimPlan {
  if (volume.metadata?.annotations?.[PROVISIONED_BY] !== provisioner) return { step: "nothing" };
  if (volume.metadata.finalizers?.includes(EXTERNAL_PROVISIONER_FINALIZER) === true) return { step: "drop-finalizer" };
  if (volume.metadata.deletionTimestamp !== undefined) return { step: "nothing" };
  const owner = volume.spec?.claimRef?.uid;
  if (volume.status?.phase === "Bound" && owner !== undefined && (claim === undefined || uidOf(claim) !== owner)) {
    return { step: "release" };
  }
  // Without a UID an administrator has taken the volume back, or reserved it for a claim to come, and kube-controller-manager has not changed the phase yet.
  const released = volume.status?.phase === "Released" && owner !== undefined && owner !== "";
  if (released && volume.spec?.persistentVolumeReclaimPolicy === "Delete" && !holds(claim, volume)) {
    return { step: "reclaim" };
  }
  return { step: "nothing" };
}

/** Whether this claim is the one the volume was made for, and may still have it: one that got another volume does not need this one any more. */
export function holds(claim: PersistentVolumeClaim | undefined, volume: PersistentVolume): boolean {
  if (claim === undefined || uidOf(claim) !== volume.spec?.claimRef?.uid) return false;
  const boundTo = claim.spec?.volumeName ?? "";
  return boundTo === "" || boundTo === volume.metadata?.name;
}

/**
 * Whether a volume whose removal has begun has been taken out of it: set to another policy, given to another claim, or to none. The phase alone says nothing: kube-controller-manager, where its cache of claims is
 * behind, calls a Released volume Bound once more before it finds its claim gone.
 */
export function isRescued(removing: PersistentVolume, now: PersistentVolume): boolean {
  return (
    uidOf(now) !== uidOf(removing) ||
    now.spec?.persistentVolumeReclaimPolicy !== "Delete" ||
    now.spec.claimRef?.uid !== removing.spec?.claimRef?.uid ||
    now.metadata?.deletionTimestamp !== undefined ||
    now.metadata?.annotations?.[PROVISIONED_BY] !== removing.metadata?.annotations?.[PROVISIONED_BY]
  );
}
