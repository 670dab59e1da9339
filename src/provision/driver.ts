import type { Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from "../kube/kinds.ts";
import type { Stored } from "../kube/objects.ts";
import type { CodedError } from "../observe/errors.ts";
import type { PodsOfClaim } from "./claims/pods-of-claim.ts";
import type { RetryPolicy } from "./retry-policy.ts";

/**
 * What makes and removes volumes for the provisioning loops. The loops know the protocol (claims,
 * classes, events, binding, retries), a driver knows its volumes. Several drivers run side by side,
 * each under its own provisioner name.
 *
 * Every operation may be called again for the same volume at any time: after a crash, after a
 * timeout, after a success whose PersistentVolume could not be written. It must lead to the same
 * volume each time. The loops never run two operations on one volume at once.
 */
export interface Driver {
  /** A short word, unlike that of any other driver: in queue names, metric labels and log lines. */
  readonly name: string;

  /** The StorageClass.provisioner served. */
  readonly provisioner: string;

  /**
   * For a CSI driver: its name in `spec.csi.driver`. A PersistentVolume whose annotation
   * provisioned-by was lost (in a restore) is still recognised as this driver's by that name, and
   * gets the annotation back.
   */
  readonly csiDriver?: string;

  /**
   * Our finalizer on every PersistentVolume of this driver; needs the right to patch
   * persistentvolumes. With it a PersistentVolume that somebody deletes stays until its claim is
   * gone; then its data is removed (reclaim policy Delete) or `retain` is called (Retain), and the
   * finalizer goes last. A driver without one leaves a PersistentVolume that is being deleted
   * alone: its data stays.
   */
  readonly finalizer?: string;

  /** When failed claims, and failed removals, are tried again. */
  readonly retry: { readonly provision: RetryPolicy; readonly reclaim: RetryPolicy };

  /**
   * How many claims, and how many volumes, may be in progress at once. @default no limit of the
   * loops' own
   */
  readonly workers?: number | undefined;

  /**
   * Says why the driver can never serve a claim that asks for this, or undefined. The claim's event
   * has the message and the advice, which should name what to use instead. Pure; `refusalOf` makes
   * one from a list of what is supported.
   */
  refusal(claim: PersistentVolumeClaim): CodedError | undefined;

  /**
   * Says without waiting whether this claim can be served. Throws a CodedError that becomes the
   * claim's ProvisioningFailed event.
   */
  admit(request: ProvisionRequest): void;

  /**
   * Chooses a node for a claim that names none (Immediate binding). `undefined`: this volume needs
   * no node (shared file system). Throws when no node will do. The candidates are Ready, not
   * cordoned, and fit the class's allowedTopologies. Of those that will do, one that suits the
   * claim's pods comes first.
   */
  chooseNode(
    request: ProvisionRequest,
    candidates: readonly Stored<Node>[],
    pods: PodsOfClaim,
  ): Stored<Node> | undefined;

  /** Where room is limited: who gets it. @default every claim that was admitted is made */
  readonly ledger?: Ledger;

  /**
   * Makes the volume. Resolves when it is there, with the parts of the PersistentVolume that are
   * the driver's. Rejects with a CodedError, whose `retry` says what becomes of the claim
   * (ErrorRow): with "reschedule" the scheduler is asked for another node, with an event that has
   * the error's text.
   */
  provision(request: ProvisionRequest, signal: AbortSignal): Promise<ProvisionedVolume>;

  /**
   * Called once the PersistentVolume of a provisioned claim is stored: what only guarded the volume
   * until then (a helper pod) can go. Must not reject.
   */
  stored(volumeName: string): Promise<void>;

  /** Names of volumes (`pvc-<claim uid>`) with an attempt that is still recorded on the cluster. */
  attempts(): readonly string[];

  /**
   * Removes what an attempt made whose claim is gone and that never got a PersistentVolume.
   * `confirm` as for `remove`. Rejects when it has to be tried again.
   */
  removeAttempt(volumeName: string, confirm: Confirm, signal: AbortSignal): Promise<void>;

  /**
   * Removes the volume's data. Rejects when it has to be tried again.
   *
   * `confirm` is asked after all waiting, right before anything that removes data is started:
   * minutes may have passed in which an administrator has rescued the volume, or this process has
   * lost its lease. When `signal` is aborted, a removal that has not begun to run is cancelled.
   */
  remove(volume: Stored<PersistentVolume>, confirm: Confirm, signal: AbortSignal): Promise<RemovedVolume>;

  /**
   * Only for a driver with a finalizer. Called when a PersistentVolume with reclaim policy Retain
   * is deleted and its claim is gone, before the finalizer goes: the data stays, and no
   * PersistentVolume leads to it from now on. Rejects when it has to be tried again.
   */
  retain?(volume: Stored<PersistentVolume>, signal: AbortSignal): Promise<void>;

  /**
   * Called when the data of a Released PersistentVolume is not to be removed, because a claim asks
   * for it: what an earlier leader has begun and has not run yet is taken back. Rejects when it has
   * to be tried again.
   */
  keep?(volumeName: string): Promise<void>;

  /**
   * Calls `changed` whenever something changes (room in a pool, a configuration) that claims which
   * failed with `retry: "change"` may wait for: they are tried again at once. Returns a function
   * that ends it.
   */
  onChange?(changed: () => void): () => void;
}

/**
 * What room there is for volumes, and to whom it was given. The claims of one pod are asked for
 * together, so that two pods with two claims each cannot take half of the room each.
 */
export interface Ledger {
  /**
   * Takes room for all of these volumes, which are to be made on one node, or for none of them.
   * Decides without waiting. Called each time one of the claims is reconciled: a volume that has
   * room on this node keeps it, one that had room on another node gives that up. Every request was
   * admitted.
   *
   * `error` says what was missing, in figures, for an event on the claim; with `retry:
   * "reschedule"` the scheduler is asked for another node. A refusal leaves none of these volumes
   * with room.
   */
  reserve(requests: readonly ProvisionRequest[]): Reserved;

  /**
   * Releases what was reserved for a volume that will not be made, or not on that node. Not called
   * once `stored` was: from then on the room is the volume's.
   */
  release(volumeName: string): void;
}

export type Reserved = { readonly outcome: "granted" } | { readonly outcome: "refused"; readonly error: CodedError };

/**
 * Asks the API server, past every cache, whether data may still be removed. Rejects when it cannot
 * be asked.
 */
export type Confirm = () => Promise<boolean>;

/** A claim that is to get a volume, with all that was read about it. */
export interface ProvisionRequest {
  readonly claim: Stored<PersistentVolumeClaim>;
  readonly storageClass: Stored<StorageClass>;
  /** `pvc-<claim uid>`. */
  readonly volumeName: string;
  /**
   * The node the scheduler (or the driver, for Immediate binding) chose; undefined when the volume
   * needs none.
   */
  readonly node: Stored<Node> | undefined;
}

/**
 * The driver's part of a PersistentVolume; the loop adds claimRef, class, policy, capacity and
 * provisioned-by.
 */
export interface ProvisionedVolume {
  readonly annotations: Readonly<Record<string, string>>;
  /** Source, nodeAffinity, volumeMode: merged into the spec. */
  readonly spec: Partial<NonNullable<PersistentVolume["spec"]>>;
}

export type RemovedVolume =
  /** The data is gone for good. */
  | { readonly outcome: "removed" }
  /** `confirm` said no, or the signal was aborted before anything was removed. */
  | { readonly outcome: "withdrawn" }
  /**
   * The PersistentVolume is deleted, its data stays where it is; `message` says where and why, for
   * an event. `on` is the node that has it: the event is recorded there, too, where people look
   * when a disk fills up.
   */
  | { readonly outcome: "kept"; readonly message: string; readonly on?: Node }
  /**
   * The volume's node is not there now: nothing is deleted; tried again after `retryAfterMs`, or
   * when a node appears.
   */
  | { readonly outcome: "waiting"; readonly message: string; readonly retryAfterMs: number };
