import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from "../../kube/kinds.ts";
import { keyOf, uidOf, type Stored } from "../../kube/objects.ts";
import type { CodedError } from "../../observe/errors.ts";
import { classNameOf, dataSourceOf, provisionerOf, selectedNodeOf, volumeNameOf, waitsForConsumer } from "./claims.ts";
import type { Driver } from "../driver.ts";
import { provisionErrors } from "../errors.ts";

/** What is known when a claim is looked at. */
export interface ClaimSnapshot {
  readonly claim: Stored<PersistentVolumeClaim>;
  /** The claim's class as last seen; undefined when there is none of that name. */
  readonly storageClass: Stored<StorageClass> | undefined;
  /** The PersistentVolume called `pvc-<claim uid>` as last seen. */
  readonly volume: Stored<PersistentVolume> | undefined;
  /**
   * The claim may be served although kube-controller-manager has not named its driver yet
   * (plan-ahead.ts).
   */
  readonly ahead?: boolean;
  /** The node that was chosen for another claim of the same pod; used while this claim has none. */
  readonly siblingsNode?: string;
}

export type ClaimPlan =
  /** Not ours, not yet, or done. */
  | { readonly step: "nothing" }
  /** Can never be served as it is: say so once, and do not try again until it changes. */
  | { readonly step: "refuse"; readonly error: CodedError }
  /** Cannot be served now: say so and try again. */
  | { readonly step: "fail"; readonly error: CodedError }
  /** The volume is there, the claim is not bound to it yet. */
  | { readonly step: "bind"; readonly volume: Stored<PersistentVolume> }
  /** Make the volume. */
  | {
      readonly step: "provision";
      readonly storageClass: Stored<StorageClass>;
      /** undefined: Immediate binding and no node named; the driver chooses. */
      readonly node: string | undefined;
    };

const nothing: ClaimPlan = { step: "nothing" };

/**
 * Decides the next step of one claim from its state. The conditions are those of the external
 * provisioner protocol: kube-controller-manager has named us, the claim is unbound, and for
 * WaitForFirstConsumer the scheduler has chosen a node.
 */
export function planClaim(
  driver: Pick<Driver, "provisioner" | "finalizer" | "refusal">,
  { claim, storageClass, volume, ahead, siblingsNode }: ClaimSnapshot,
): ClaimPlan {
  const { provisioner } = driver;
  if (claim.metadata.deletionTimestamp !== undefined) return nothing;
  const named = provisionerOf(claim);
  // Another driver's claim, or not named yet.
  if (named === undefined ? ahead !== true : named !== provisioner) return nothing;
  if (claim.spec?.volumeName) return nothing;
  if (volume !== undefined) return planStored(driver, claim, volume);
  if (storageClass === undefined) {
    return { step: "fail", error: provisionErrors.CLASS_MISSING({ name: classNameOf(claim) }) };
  }
  // The class of this name has another provisioner by now.
  if (storageClass.provisioner !== provisioner) return nothing;
  const node = selectedNodeOf(claim)?.node ?? siblingsNode;
  if (waitsForConsumer(storageClass) && node === undefined) return nothing;
  // A volume populator brings a claim of its own and hands the filled volume over.
  if (isForPopulator(claim)) return nothing;
  const error = driver.refusal(claim);
  if (error !== undefined) return { step: "refuse", error };
  return { step: "provision", storageClass, node };
}

/** The step for a claim when a PersistentVolume with its volume's name is stored. */
function planStored(
  { finalizer }: Pick<Driver, "finalizer">,
  claim: Stored<PersistentVolumeClaim>,
  volume: Stored<PersistentVolume>,
): ClaimPlan {
  const about = { volume: volumeNameOf(claim), claim: keyOf(claim) };
  if (volume.spec?.claimRef?.uid !== uidOf(claim)) {
    return { step: "fail", error: provisionErrors.VOLUME_NAME_TAKEN(about) };
  }
  const { deletionTimestamp, finalizers } = volume.metadata;
  // No claim will be bound to it any more, and it stays until the claim is gone.
  if (deletionTimestamp !== undefined && finalizer !== undefined && finalizers?.includes(finalizer) === true) {
    return { step: "fail", error: provisionErrors.VOLUME_BEING_DELETED(about) };
  }
  return { step: "bind", volume };
}

/** Whether the claim is to be filled from something that is neither a claim nor a snapshot. */
function isForPopulator(claim: PersistentVolumeClaim): boolean {
  const source = dataSourceOf(claim);
  if (source === undefined) return false;
  const { apiGroup, kind } = source;
  const clone = apiGroup === "" && kind === "PersistentVolumeClaim";
  const snapshot = apiGroup === "snapshot.storage.k8s.io" && kind === "VolumeSnapshot";
  return !clone && !snapshot;
}
