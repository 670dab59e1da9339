import type { PersistentVolume, PersistentVolumeClaim } from "../../kube/kinds.ts";
import { uidOf, type Stored } from "../../kube/objects.ts";

export type BindPlan =
  /** Express bind has nothing to do now. `final`: it will have nothing to do later either. */
  | { readonly step: "leave"; readonly final: boolean }
  /** Write the binding, then the status. */
  | { readonly step: "bind"; readonly claim: Stored<PersistentVolumeClaim> }
  /**
   * The binding is written, the status is not; or the claim is Lost although its volume is there:
   * kube-controller-manager looked before it had the volume.
   */
  | { readonly step: "mark"; readonly claim: Stored<PersistentVolumeClaim>; readonly from?: "Lost" };

/** Decides what express bind does with a claim of ours, from what the caches show. */
export function planBind(snapshot: {
  /** The UID of the claim the volume was made for. */
  readonly uid: string;
  readonly claim: Stored<PersistentVolumeClaim> | undefined;
  /** undefined: it is not there (any more). */
  readonly volume: Stored<PersistentVolume> | undefined;
  /**
   * An unclaimed volume of the claim's class exists: kube-controller-manager may be about to bind
   * the claim to that one.
   */
  readonly mayBeMatched: boolean;
}): BindPlan {
  const { uid, claim, volume, mayBeMatched } = snapshot;
  const leaveForGood = { step: "leave", final: true } as const;
  if (claim === undefined || uidOf(claim) !== uid || claim.metadata.deletionTimestamp !== undefined)
    return leaveForGood;
  if (volume === undefined || volume.metadata.deletionTimestamp !== undefined) return leaveForGood;
  if (volume.spec?.claimRef?.uid !== uid) return leaveForGood;
  const boundTo = claim.spec?.volumeName;
  if (!boundTo) return mayBeMatched ? { step: "leave", final: false } : { step: "bind", claim };
  if (boundTo !== volume.metadata.name || claim.status?.phase === "Bound") return leaveForGood;
  return claim.status?.phase === "Lost" ? { step: "mark", claim, from: "Lost" } : { step: "mark", claim };
}
