/*
 * The claims of one pod that need room together.
 *
 * The scheduler writes `selected-node` on the claims of a pod one after the other. When the first
 * one is seen, the others will get the same node a moment later, or the pod never runs: so a claim
 * without a node counts as one with the node of its siblings. A sibling is in the group as long as
 * its volume is still to be made there.
 */
import type { PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from "../../kube/kinds.ts";
import { keyOf, type Stored } from "../../kube/objects.ts";
import { classNameOf, selectedNodeOf, volumeNameOf, waitsForConsumer } from "./claims.ts";
import { claimKeysOf } from "../indexes.ts";
import { planClaim } from "./plan-claim.ts";

/** Looks up the objects that belong to a claim: other claims, classes, volumes, pods. */
export interface ClaimLookup {
  readonly claim: (key: string) => Stored<PersistentVolumeClaim> | undefined;
  readonly storageClass: (name: string) => Stored<StorageClass> | undefined;
  readonly volume: (name: string) => Stored<PersistentVolume> | undefined;
  /** The pods that use a claim. */
  readonly pods: (claimKey: string) => readonly Pod[];
}

export interface Sibling {
  readonly claim: Stored<PersistentVolumeClaim>;
  readonly storageClass: Stored<StorageClass>;
}

/** The other claims of this claim's pods that are to be made by this driver on this node. */
export function siblingsOf(
  driver: Parameters<typeof planClaim>[0],
  claim: Stored<PersistentVolumeClaim>,
  node: string,
  lookup: ClaimLookup,
): readonly Sibling[] {
  return siblingKeys(claim, lookup).flatMap((key) => {
    const sibling = lookup.claim(key);
    if (sibling === undefined) return [];
    const storageClass = lookup.storageClass(classNameOf(sibling));
    const volume = lookup.volume(volumeNameOf(sibling));
    const plan = planClaim(driver, { claim: sibling, storageClass, volume, ahead: true, siblingsNode: node });
    if (plan.step !== "provision" || plan.node !== node || !waitsForConsumer(plan.storageClass)) return [];
    return [{ claim: sibling, storageClass: plan.storageClass }];
  });
}

/**
 * Whether room that was reserved on a node for a claim without a node of its own is still wanted:
 * another claim of one of its pods was given that node.
 */
export function isWantedBySiblings(
  claim: Stored<PersistentVolumeClaim>,
  node: string | undefined,
  lookup: ClaimLookup,
): boolean {
  if (node === undefined) return false;
  if (claim.metadata.deletionTimestamp !== undefined || claim.spec?.volumeName) return false;
  const selected = selectedNodeOf(claim);
  if (selected !== undefined && selected.node !== node) return false;
  return siblingKeys(claim, lookup).some((key) => {
    const sibling = lookup.claim(key);
    return sibling !== undefined && selectedNodeOf(sibling)?.node === node;
  });
}

/**
 * Keys of the other claims that pods which may still run use together with this one, each once, in
 * order.
 */
export function siblingKeys(
  claim: Stored<PersistentVolumeClaim>,
  lookup: Pick<ClaimLookup, "pods">,
): readonly string[] {
  const own = keyOf(claim);
  const keys = new Set(lookup.pods(own).filter(mayRun).flatMap(claimKeysOf));
  keys.delete(own);
  return [...keys].sort();
}

/** Whether the pod has not ended and is not ending. */
export function mayRun(pod: Pod): boolean {
  const phase = pod.status?.phase;
  return pod.metadata?.deletionTimestamp === undefined && phase !== "Succeeded" && phase !== "Failed";
}
