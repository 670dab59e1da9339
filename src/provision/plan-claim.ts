import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from "../kube/kinds.ts";
import { uidOf, type Stored } from "../kube/objects.ts";
import type { CodedError } from "../observe/errors.ts";
import { classNameOf, dataSourceOf, provisionerOf, selectedNodeOf, volumeNameOf, waitsForConsumer } from "./claims.ts";
import { provisionErrors } from "./errors.ts";

/** What is known when a claim is looked at. */
export interface ClaimSnapshot {
  readonly claim: PersistentVolumeClaim;
  /** The claim's class as last seen; undefined when there is none of that name. */
  readonly storageClass: Stored<StorageClass> | undefined;
  /** The PersistentVolume called `pvc-<claim uid>` as last seen. */
  readonly volume: PersistentVolume | undefined;
  /** The claim may be served although kube-controller-manager has not named its driver yet (plan-ahead.ts). */
  readonly ahead?: boolean;
}

export type ClaimPlan =
  /** Not ours, not yet, or done. */
  | { readonly step: "nothing"; readonly why: string }
  /** Can never be served as it is: say so once, and do not try again until it changes. */
  | { readonly step: "refuse"; readonly error: CodedError }
  /** Cannot be served now: say so and try again. */
  | { readonly step: "fail"; readonly error: CodedError }
  /** The volume is there, the claim is not bound to it yet. */
  | { readonly step: "bind"; readonly volume: PersistentVolume }
  /** Make the volume. */
  | {
      readonly step: "provision";
      readonly storageClass: Stored<StorageClass>;
      /** undefined: Immediate binding and no node named; the loop chooses. */
      readonly node: string | undefined;
    };

/**
 * Decides the next step of one claim from what is. The conditions are those of the external provisioner protocol: kube-controller-manager has named us, the claim is unbound, and for WaitForFirstConsumer the
 * scheduler has chosen a node.
 */
export function planClaim(provisioner: string, { claim, storageClass, volume, ahead }: ClaimSnapshot): ClaimPlan {
  if (claim.metadata?.deletionTimestamp !== undefined) return nothing("the claim is being deleted");
  const named = provisionerOf(claim);
  if (named === undefined ? ahead !== true : named !== provisioner)
    return nothing("another driver's claim, or nobody's yet");
  const boundTo = claim.spec?.volumeName;
  if (boundTo !== undefined && boundTo !== "") return nothing("the claim has its volume");
  if (volume !== undefined) {
    const owner = volume.spec?.claimRef?.uid;
    if (owner === uidOf(claim)) return { step: "bind", volume };
    const claimKey = `${claim.metadata?.namespace ?? ""}/${claim.metadata?.name ?? ""}`;
    return {
      step: "fail",
      error: provisionErrors.VOLUME_NAME_TAKEN({ volume: volumeNameOf(claim), claim: claimKey }),
    };
  }
  if (storageClass === undefined) {
    return { step: "fail", error: provisionErrors.CLASS_MISSING({ name: classNameOf(claim) }) };
  }
  if (storageClass.provisioner !== provisioner) return nothing("the class has another provisioner by now");
  const selected = selectedNodeOf(claim);
  if (waitsForConsumer(storageClass) && selected === undefined) return nothing("the scheduler has not chosen a node");

  const source = dataSourceOf(claim);
  if (source !== undefined) {
    const clone = source.apiGroup === "" && source.kind === "PersistentVolumeClaim";
    const snapshot = source.apiGroup === "snapshot.storage.k8s.io" && source.kind === "VolumeSnapshot";
    // Any other kind belongs to a volume populator: it brings a claim of its own and hands the filled volume over.
    if (!clone && !snapshot) return nothing(`a populator of ${source.kind} is expected to fill the volume`);
    return refuse(provisionErrors.DATA_SOURCE_UNSUPPORTED({ provisioner, kind: source.kind, name: source.name }));
  }
  if (claim.spec?.volumeMode === "Block") return refuse(provisionErrors.BLOCK_UNSUPPORTED({ provisioner }));
  const attributes = claim.spec?.volumeAttributesClassName;
  if (attributes !== undefined && attributes !== "") {
    return refuse(provisionErrors.ATTRIBUTES_CLASS_UNSUPPORTED({ provisioner, name: attributes }));
  }
  return { step: "provision", storageClass, node: selected?.node };
}

const nothing = (why: string): ClaimPlan => ({ step: "nothing", why });
const refuse = (error: CodedError): ClaimPlan => ({ step: "refuse", error });
