import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from "../../kube/kinds.ts";
import { uidOf } from "../../kube/objects.ts";
import { provisionerOf, selectedNodeOf, volumeNameOf, waitsForConsumer } from "./claims.ts";

/*
 * Claims that are served before kube-controller-manager (KCM) has named their driver.
 *
 * KCM names the driver in the annotation `storage-provisioner`, with a client that is limited to 20
 * requests a second: of 500 claims the last one would get it after 25 seconds. All that time KCM's
 * volume worker, whose acknowledgement express bind needs, would wait for the same client. Two
 * conditions tell that the annotation will name us: the class's provisioner is ours, and KCM will
 * not bind the claim to an existing volume. For WaitForFirstConsumer the scheduler has checked the
 * second one before it chose a node.
 */

/** What is known of a claim whose driver KCM has not named yet. */
export interface UnnamedClaim {
  readonly claim: PersistentVolumeClaim;
  readonly storageClass: StorageClass | undefined;
  /** Unclaimed volumes of the claim's class. */
  readonly available: readonly PersistentVolume[];
  /** Volumes whose claimRef has the claim's namespace and name, whatever the UID. */
  readonly reserved: readonly PersistentVolume[];
}

/**
 * Whether the claim may be served now as if KCM had named this driver. When in doubt, no: KCM's
 * annotation will come.
 */
export function mayGoAhead(provisioner: string, unnamed: UnnamedClaim): boolean {
  const { claim, storageClass, available, reserved } = unnamed;
  if (provisionerOf(claim) !== undefined || storageClass?.provisioner !== provisioner) return false;
  if (claim.metadata?.deletionTimestamp !== undefined || claim.spec?.volumeName) return false;
  if (waitsForConsumer(storageClass)) return selectedNodeOf(claim) !== undefined;
  if (claim.spec?.selector !== undefined) return false;
  return available.length === 0 && !reserved.some((volume) => isForClaim(volume, claim));
}

/** A volume that somebody reserved for the claim, or that KCM has given it just now. */
function isForClaim(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const uid = volume.spec?.claimRef?.uid;
  return volume.metadata?.name !== volumeNameOf(claim) && (!uid || uid === uidOf(claim));
}
