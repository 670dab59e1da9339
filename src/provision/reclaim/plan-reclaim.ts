import { EXTERNAL_PROVISIONER_FINALIZER, PROVISIONED_BY } from "../../api/names.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../../kube/kinds.ts";
import { nameOf, uidOf, type Stored } from "../../kube/objects.ts";
import type { Driver } from "../driver.ts";

/** The parts of a driver that decide about its PersistentVolumes. */
export type Owner = Pick<Driver, "provisioner" | "csiDriver" | "finalizer">;

export type ReclaimPlan =
  | { readonly step: "nothing" }
  /**
   * Take a foreign finalizer off: only other provisioning libraries honour it, and none of them
   * runs.
   */
  | { readonly step: "drop-foreign-finalizer" }
  /** Write what a restore has lost: the annotation provisioned-by, our finalizer. */
  | { readonly step: "adopt" }
  /**
   * The claim is gone and kube-controller-manager has not said so yet: write the phase Released for
   * it.
   */
  | { readonly step: "mark-released" }
  /** Remove the data, then the object. */
  | { readonly step: "reclaim" }
  /** A claim with another UID names this volume: say so, and remove nothing. */
  | { readonly step: "tell-claimed"; readonly claim: PersistentVolumeClaim }
  /**
   * The object is being deleted and its data stays: tell the driver, then take our finalizer off.
   */
  | { readonly step: "retain" }
  /** The object is being deleted and its data is gone: take our finalizer off. */
  | { readonly step: "drop-finalizer" };

const nothing: ReclaimPlan = { step: "nothing" };

/**
 * Decides the next step of one PersistentVolume. `claim` is the claim that claimRef names, as last
 * seen, whatever its UID; `emptied`: its data was removed by this process.
 *
 * A volume that is being deleted (`kubectl delete pv`) and does not carry the driver's finalizer is
 * left alone: its data stays, as with local-path-provisioner.
 */
export function planReclaim(
  owner: Owner,
  volume: Stored<PersistentVolume>,
  claim: PersistentVolumeClaim | undefined,
  emptied = false,
): ReclaimPlan {
  const { deletionTimestamp, finalizers } = volume.metadata;
  if (isOfOtherSource(owner, volume)) {
    // It was made from the manifest of one of ours, and nobody else takes our finalizer off.
    return deletionTimestamp !== undefined && isHeld(owner, volume) ? { step: "drop-finalizer" } : nothing;
  }
  if (!isOurs(owner, volume)) return nothing;
  if (finalizers?.includes(EXTERNAL_PROVISIONER_FINALIZER) === true) return { step: "drop-foreign-finalizer" };
  const deleting = deletionTimestamp !== undefined;
  if (deleting && !isHeld(owner, volume)) return nothing;
  if (!deleting && lacks(owner, volume)) return { step: "adopt" };

  const claimUid = volume.spec?.claimRef?.uid;
  const phase = volume.status?.phase;
  if (phase === "Bound" && claimUid !== undefined && (claim === undefined || uidOf(claim) !== claimUid)) {
    return { step: "mark-released" };
  }
  if (holds(claim, volume)) return nothing;
  // Without a UID an administrator has taken the volume back, or reserved it for a claim to come:
  // its data stays.
  if (!claimUid) return deleting ? { step: "retain" } : nothing;
  if (!isReleased(owner, volume)) return nothing;
  if (volume.spec?.persistentVolumeReclaimPolicy !== "Delete") return deleting ? { step: "retain" } : nothing;
  if (deleting && emptied) return { step: "drop-finalizer" };
  return isNamedBy(claim, volume) ? { step: "tell-claimed", claim } : { step: "reclaim" };
}

/**
 * Whether its data is not the driver's, whatever its annotations say. Somebody has made it from the
 * manifest of a volume of ours, which keeps its name when a claim gets a volume of another driver.
 */
function isOfOtherSource(owner: Owner, volume: PersistentVolume): boolean {
  return owner.csiDriver !== undefined && !isOfCsiDriver(owner, volume);
}

/** By the annotation or, where that was lost, by the name of the CSI driver. */
function isOurs(owner: Owner, volume: PersistentVolume): boolean {
  if (isOfOtherSource(owner, volume)) return false;
  const provisionedBy = volume.metadata?.annotations?.[PROVISIONED_BY];
  return provisionedBy === undefined ? isOfCsiDriver(owner, volume) : provisionedBy === owner.provisioner;
}

function isOfCsiDriver({ csiDriver }: Owner, volume: PersistentVolume): boolean {
  return csiDriver !== undefined && volume.spec?.csi?.driver === csiDriver;
}

/** Whether our finalizer is on it. */
function isHeld({ finalizer }: Owner, volume: PersistentVolume): boolean {
  return finalizer !== undefined && volume.metadata?.finalizers?.includes(finalizer) === true;
}

function lacks(owner: Owner, volume: PersistentVolume): boolean {
  const annotated = volume.metadata?.annotations?.[PROVISIONED_BY] !== undefined;
  return !annotated || (owner.finalizer !== undefined && !isHeld(owner, volume));
}

/**
 * When a volume has lost its annotation and its claim is deleted, kube-controller-manager marks it
 * Failed: it looks for an in-tree plugin that could remove the data.
 */
function isReleased(owner: Owner, volume: PersistentVolume): boolean {
  const phase = volume.status?.phase;
  return phase === "Released" || (phase === "Failed" && isOfCsiDriver(owner, volume));
}

/**
 * Whether this claim is the one the volume was made for, and may still have it: one that got
 * another volume does not need this one any more.
 */
export function holds(claim: PersistentVolumeClaim | undefined, volume: Stored<PersistentVolume>): boolean {
  if (claim === undefined) return false;
  const boundTo = claim.spec?.volumeName;
  const reservedFor = volume.spec?.claimRef?.uid;
  // Reserved by name, and kube-controller-manager is about to write the UID.
  if (!reservedFor) return boundTo === nameOf(volume);
  return uidOf(claim) === reservedFor && (!boundTo || boundTo === nameOf(volume));
}

/**
 * Whether a claim of the name in claimRef, but with another UID, asks for this volume. So it is
 * when both were restored from a backup with the UIDs of another cluster: the data is that claim's.
 */
function isNamedBy(
  claim: PersistentVolumeClaim | undefined,
  volume: Stored<PersistentVolume>,
): claim is PersistentVolumeClaim {
  return claim?.spec?.volumeName === nameOf(volume);
}

/**
 * Whether a volume must not be removed any more although its removal has begun: it has another
 * policy, claim (or none) or driver now, or is being deleted without our finalizer. The phase alone
 * says nothing: kube-controller-manager, when its cache of claims is behind, marks a Released
 * volume Bound once more before it finds its claim gone.
 */
export function isRescued(owner: Owner, removing: PersistentVolume, now: PersistentVolume): boolean {
  return (
    uidOf(now) !== uidOf(removing) ||
    now.spec?.persistentVolumeReclaimPolicy !== "Delete" ||
    now.spec.claimRef?.uid !== removing.spec?.claimRef?.uid ||
    (now.metadata?.deletionTimestamp !== undefined && !isHeld(owner, now)) ||
    !isOurs(owner, now)
  );
}
