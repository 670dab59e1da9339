import type { Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from "../kube/kinds.ts";

/**
 * What makes and removes volumes for the provisioning loop. The loop knows the protocol (claims, classes, events, binding, retries), a driver knows its volumes.
 *
 * Both operations may be called again for the same volume at any time: after a crash, after a time-out, after a success whose PersistentVolume could not be
 * written. They must lead to the same volume each time. The loop never runs two operations on one volume at once.
 */
export interface Driver {
  /** The StorageClass.provisioner served. */
  readonly provisioner: string;

  /**
   * Says without waiting whether this claim can ever be served, and on which node a claim without a selected node should be made. Throws a CodedError that becomes the claim's
   * ProvisioningFailed event.
   */
  admit(claim: ProvisionRequest): void;

  /**
   * Chooses a node for a claim that names none (Immediate binding). `undefined`: this volume needs no node (shared file system). Throws when no node will do. Among the candidates, those that are given are Ready, uncordoned and fit the class's allowedTopologies.
   */
  chooseNode(claim: ProvisionRequest, candidates: readonly Node[]): Node | undefined;

  /**
   * Makes the volume. Resolves when it is there, with the parts of the PersistentVolume that are the driver's. Rejects with a CodedError: with `retry: "reschedule"` the claim's node cannot serve it and the
   * scheduler is asked for another, with any other value the claim is tried again with back-off.
   */
  provision(claim: ProvisionRequest, signal: AbortSignal): Promise<ProvisionedVolume>;

  /** Called once the PersistentVolume of a provisioned claim is stored: what only guarded the volume until then (a helper pod) can go. Must not throw. */
  settled(volumeName: string): Promise<void>;

  /** Names of volumes (`pvc-<claim uid>`) of which an attempt to make them is still on record on the cluster. */
  leftovers(): readonly string[];

  /** Removes what an attempt left whose claim is gone and that never got a PersistentVolume. `confirm` as for `remove`. Rejects to be tried again. */
  abandon(volumeName: string, confirm: Confirm, signal: AbortSignal): Promise<void>;

  /**
   * Removes the volume's data. Resolves when it is gone for good, when it was decided that it stays (`kept` says why, for an event), or when it is not to be removed after all (`withdrawn`). Rejects to be tried again.
   *
   * `confirm` is asked after all waiting, right before anything is set going that removes data: minutes may have passed in which an administrator has rescued the volume, or this process has lost its lease. When
   * `signal` is aborted, what was set going and has not begun is taken back.
   */
  remove(volume: PersistentVolume, confirm: Confirm, signal: AbortSignal): Promise<RemovedVolume>;
}

/** Asks the API server, past every cache, whether data may still be removed. Rejects when it cannot be asked. */
export type Confirm = () => Promise<boolean>;

/** A claim that is to get a volume, with all that was read about it. */
export interface ProvisionRequest {
  readonly claim: PersistentVolumeClaim;
  readonly storageClass: StorageClass;
  /** `pvc-<claim uid>`. */
  readonly volumeName: string;
  /** The node the scheduler (or the loop, for Immediate binding) chose; undefined when the volume needs none. */
  readonly node: Node | undefined;
}

/** The driver's part of a PersistentVolume; the loop adds claimRef, class, policy, capacity and provisioned-by. */
export interface ProvisionedVolume {
  readonly annotations: Readonly<Record<string, string>>;
  /** Source, nodeAffinity, volumeMode: merged into the spec. */
  readonly spec: Partial<NonNullable<PersistentVolume["spec"]>>;
  /** Added to metadata.finalizers. */
  readonly finalizers?: readonly string[];
}

export type RemovedVolume =
  | { readonly outcome: "removed" }
  /** `confirm` said no, or the signal was aborted before anything was removed. */
  | { readonly outcome: "withdrawn" }
  /** The PersistentVolume is deleted, its data stays where it is; the event names the place. */
  | { readonly outcome: "kept"; readonly reason: string; readonly message: string }
  /** The volume's node is not there now: nothing is deleted; tried again when `until` (milliseconds from now) has passed or a node appears. */
  | { readonly outcome: "waiting"; readonly message: string; readonly retryAfterMs: number };
