import type { PersistentVolume, PersistentVolumeClaim } from "../../kube/kinds.ts";
import { uidOf } from "../../kube/objects.ts";

export type BindPlan =
  /** Nothing for express bind to do; `settled`: nor will there be. */
  | { readonly step: "leave"; readonly settled: boolean }
  | { readonly step: "bind"; readonly claim: PersistentVolumeClaim }
  /** The claim is Lost although its volume is there: kube-controller-manager looked before it had the volume. */
  | { readonly step: "repair"; readonly claim: PersistentVolumeClaim };

/** Decides what express bind does with a claim of ours, from what the caches show. */
export function planBind(snapshot: {
  /** The UID of the claim the volume was made for. */
  readonly uid: string;
  readonly claim: PersistentVolumeClaim | undefined;
  readonly volume: PersistentVolume;
  /** An unclaimed volume of the claim's class exists: kube-controller-manager may be about to bind the claim to that one. */
  readonly mayBeMatched: boolean;
}): BindPlan {
  const { uid, claim, volume, mayBeMatched } = snapshot;
  const settled = { step: "leave", settled: true } as const;
  if (claim === undefined || uidOf(claim) !== uid || claim.metadata?.deletionTimestamp !== undefined) return settled;
  if (volume.metadata?.deletionTimestamp !== undefined || volume.spec?.claimRef?.uid !== uid) return settled;
  const boundTo = claim.spec?.volumeName ?? "";
  if (boundTo === "") return mayBeMatched ? { step: "leave", settled: false } : { step: "bind", claim };
  if (boundTo === volume.metadata?.name && claim.status?.phase === "Lost") return { step: "repair", claim };
  return settled;
}
