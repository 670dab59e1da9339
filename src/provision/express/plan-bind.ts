import type { PersistentVolume, PersistentVolumeClaim } from "../../kube/kinds.ts";
import { uidOf, type Stored } from "../../kube/objects.ts";

export type BindPlan =
  /** Nothing for express bind to do; `settled`: nor will there be later. */
  | { readonly step: "leave"; readonly settled: boolean }
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
  const settled = { step: "leave", settled: true } as const;
  if (claim === undefined || uidOf(claim) !== uid || claim.metadata.deletionTimestamp !== undefined) return settled;
  if (volume === undefined || volume.metadata.deletionTimestamp !== undefined) return settled;
  if (volume.spec?.claimRef?.uid !== uid) return settled;
  const boundTo = claim.spec?.volumeName;
  if (!boundTo) return mayBeMatched ? { step: "leave", settled: false } : { step: "bind", claim };
  if (boundTo !== volume.metadata.name || claim.status?.phase === "Bound") return settled;
  return claim.status?.phase === "Lost" ? { step: "mark", claim, from: "Lost" } : { step: "mark", claim };
}
