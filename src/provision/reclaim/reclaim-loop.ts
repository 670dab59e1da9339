/*
 * Reclaims volumes whose claim is gone: removes the data, then the PersistentVolume.
 *
 *   claim gone → phase Released (kube-controller-manager, or we for it) → driver removes the data
 *     → PersistentVolume deleted → our finalizer off, where the driver has one
 *
 * A PersistentVolume that somebody deletes first, of a driver with a finalizer, goes the same way
 * once its claim is gone. With reclaim policy Retain the driver is told instead, the data stays,
 * and the finalizer goes.
 *
 * Data is removed only after two reads past every cache: the volume is still one to reclaim, and no
 * claim with the UID in its claimRef needs it. The reads are made twice: when the removal begins,
 * and (by the driver, through `confirm`) after all waiting, right before the removal starts. A
 * cache that is behind, or an etcd restored from a backup, must not cost anybody a volume; an
 * administrator who sets a volume to Retain while its removal waits has rescued it. A rescue after
 * that aborts the removal, which cancels what has not begun to run.
 *
 * What a crash leaves, and the next leader goes on from:
 *   before the data is removed      a Released volume
 *   before the object is deleted    a Released volume without data; removing it again does nothing
 *   before the finalizer is off     the same, with a deletionTimestamp
 *   after `retain`                  a volume that is being deleted; `retain` is called again
 */
import { EXTERNAL_PROVISIONER_FINALIZER } from "../../api/names.ts";
import type { Clock } from "../../effects/clock.ts";
import type { JsonPatchOperation, KubeClient } from "../../kube/client.ts";
import { runController, type ReconcileResult } from "../../kube/queue/controller.ts";
import { isBadRequest, isNotFound, isRefused } from "../../kube/errors.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import {
  persistentVolumeClaims,
  persistentVolumes,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
} from "../../kube/kinds.ts";
import type { KubeMetrics } from "../../kube/metrics.ts";
import { keyOf, nameOf, uidOf, type Stored } from "../../kube/objects.ts";
import { WorkQueue } from "../../kube/queue/work-queue.ts";
import { CodedError, messageOf } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";
import { claimKeyOf } from "../claims/claims.ts";
import type { Driver } from "../driver.ts";
import { provisionErrors } from "../errors.ts";
import * as events from "../events.ts";
import { volumePhase } from "../express/patches.ts";
import type { KeyedLock } from "../../kube/queue/keyed-lock.ts";
import { metricsOf, type ProvisionMetrics } from "../metrics.ts";
import { isRescued, planReclaim, type ReclaimPlan } from "./plan-reclaim.ts";
import { retryDelayMs } from "../retry-policy.ts";
import { adopted, withoutFinalizer } from "./volume-patches.ts";

const UNLIMITED = 16_384;

/**
 * How long a volume is left alone when the cache says to reclaim it and the API server does not:
 * somebody may be repairing something.
 */
const DOUBT_MS = 60_000;

export interface ReclaimLoopDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: events.Recorder;
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly volumes: Informer<PersistentVolume>;
  readonly nodes: Informer<Node>;
  readonly locks: KeyedLock;
  /**
   * Whether this process leads at this very moment; asked before data is removed. A process that
   * was stalled may no longer.
   */
  readonly isLeading: () => boolean;
  readonly metrics?: ProvisionMetrics | undefined;
  readonly kubeMetrics?: KubeMetrics | undefined;
}

export interface ReclaimLoopOptions {
  /**
   * Write the phase Released ourselves when a claim is gone. Needs the right to patch
   * persistentvolumes/status.
   */
  readonly release: boolean;
}

/** A removal that waits or runs. */
interface Removal {
  readonly volume: Stored<PersistentVolume>;
  abort(reason: Error): void;
}

/** Reclaims the volumes of one driver. */
export class ReclaimLoop {
  readonly #deps: ReclaimLoopDeps;
  readonly #driver: Driver;
  /** Name of the queue and the controller, in metrics and log lines: `volumes/<driver>`. */
  readonly #name: string;
  readonly #options: ReclaimLoopOptions;
  readonly #queue: WorkQueue;
  /** Failures in a row, by volume name. */
  readonly #failures = new Map<string, number>();
  /** Removals in progress, by volume name: aborted when the volume must not be removed any more. */
  readonly #removals = new Map<string, Removal>();
  /** UIDs of volumes that are still there and whose data this process has removed. */
  readonly #emptied = new Set<string>();
  /**
   * Volumes that wait for their node, by name: the message of their last event, which is not
   * repeated.
   */
  readonly #waiting = new Map<string, string>();
  /** Volumes that a claim with another UID names: the message of their last event. */
  readonly #claimed = new Map<string, string>();

  constructor(deps: ReclaimLoopDeps, driver: Driver, options: ReclaimLoopOptions) {
    this.#deps = deps;
    this.#driver = driver;
    this.#name = `volumes/${driver.name}`;
    this.#options = options;
    this.#queue = new WorkQueue({ clock: deps.clock }, { name: this.#name, ...metricsOf(deps.kubeMetrics) });
  }

  /** Reclaims volumes until the signal is aborted. The informers must have synced. */
  async run(signal: AbortSignal): Promise<void> {
    const { claims, volumes, nodes, clock, log } = this.#deps;
    const stops = [
      volumes.onChange((change) => {
        if (change.type === "deleted") this.#gone(change.object);
        else this.#changed(change.object);
      }),
      claims.onChange(({ object, type }) => {
        const volume = object.spec?.volumeName;
        if (type === "deleted" && volume) this.#queue.add(volume);
        if (type !== "deleted") this.#asked(object);
      }),
      nodes.onChange((change) => {
        // A node that comes back, or gets the label a volume's affinity names, may be what a volume
        // waits for. Heartbeats change neither.
        const before = JSON.stringify(change.old?.metadata.labels);
        if (change.type === "added" || before !== JSON.stringify(change.object.metadata.labels)) {
          for (const name of this.#waiting.keys()) this.#queue.add(name);
        }
      }),
    ];
    try {
      await runController(
        { clock, log, ...metricsOf(this.#deps.kubeMetrics) },
        {
          name: this.#name,
          queue: this.#queue,
          workers: this.#driver.workers ?? UNLIMITED,
          reconcile: (key, stop) => this.#reconcile(key, stop),
        },
        signal,
      );
    } finally {
      for (const stop of stops) stop();
    }
  }

  #changed(volume: Stored<PersistentVolume>): void {
    const name = nameOf(volume);
    const removal = this.#removals.get(name);
    if (removal !== undefined && isRescued(this.#driver, removal.volume, volume)) {
      removal.abort(new Error("the volume is not to be reclaimed any more"));
    }
    this.#queue.add(name);
  }

  /** A claim with another UID than that in claimRef may ask for a volume that is being removed. */
  #asked(claim: Stored<PersistentVolumeClaim>): void {
    const name = claim.spec?.volumeName ?? "";
    const volume = this.#deps.volumes.store.get(name);
    if (volume === undefined || claimKeyOf(volume) !== keyOf(claim)) return;
    if (volume.spec?.claimRef?.uid === uidOf(claim)) return;
    this.#removals.get(name)?.abort(new Error("a claim asks for the volume"));
    this.#queue.add(name);
  }

  #gone(volume: Stored<PersistentVolume>): void {
    const name = nameOf(volume);
    this.#failures.delete(name);
    this.#waiting.delete(name);
    this.#claimed.delete(name);
    this.#emptied.delete(uidOf(volume));
    this.#removals.get(name)?.abort(new Error("the PersistentVolume was deleted"));
  }

  async #reconcile(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { volumes, claims, locks } = this.#deps;
    const volume = volumes.store.get(name);
    if (volume === undefined) return undefined;
    const claimKey = claimKeyOf(volume);
    const plan = this.#plan(volume, claimKey === undefined ? undefined : claims.store.get(claimKey));
    switch (plan.step) {
      case "nothing":
        return undefined;
      case "drop-foreign-finalizer":
        return this.#patchOrTell(volume, withoutFinalizer(volume, EXTERNAL_PROVISIONER_FINALIZER), signal);
      case "adopt":
        return this.#patchOrTell(volume, adopted(this.#driver, volume), signal);
      case "mark-released":
        return this.#options.release ? this.#markReleased(volume, signal) : undefined;
      case "drop-finalizer":
        return this.#telling(volume, signal, () => this.#dropFinalizer(volume, signal));
      case "tell-claimed":
        this.#tellOfClaim(volume, plan.claim);
        return this.#telling(volume, signal, () => this.#keep(volume));
      case "reclaim":
        return locks.run(name, () => this.#reclaim(volume, signal), signal);
      case "retain":
        return locks.run(name, () => this.#retain(volume, signal), signal);
      default:
        return plan satisfies never;
    }
  }

  #plan(volume: Stored<PersistentVolume>, claim: PersistentVolumeClaim | undefined): ReclaimPlan {
    return planReclaim(this.#driver, volume, claim, this.#emptied.has(uidOf(volume)));
  }

  /** The claim's absence is read past the cache before anything is written. */
  async #markReleased(volume: Stored<PersistentVolume>, signal: AbortSignal): Promise<void> {
    const claim = await this.#claimOf(volume, signal);
    if (this.#plan(volume, claim).step !== "mark-released") return;
    const owner = volume.spec?.claimRef?.uid;
    const patch: readonly JsonPatchOperation[] = [
      ...volumePhase(volume, "Bound", "Released"),
      { op: "test", path: "/spec/claimRef/uid", value: owner },
    ];
    try {
      await this.#deps.client.patchJson(persistentVolumes, { name: nameOf(volume) }, patch, {
        subresource: "status",
        signal,
      });
    } catch (error) {
      // The version is outdated, or the write is not allowed. Then kube-controller-manager writes
      // it later.
      if (!isRefused(error) && !isBadRequest(error)) throw error;
    }
  }

  async #reclaim(seen: Stored<PersistentVolume>, signal: AbortSignal): Promise<ReconcileResult> {
    const { clock, log, metrics } = this.#deps;
    const name = nameOf(seen);
    const labels = { class: seen.spec?.storageClassName ?? "" };
    const started = clock.monotonic();
    // Aborted when the volume is rescued while its removal waits or runs.
    const rescued = new AbortController();
    this.#removals.set(name, {
      volume: seen,
      abort: (reason) => {
        rescued.abort(reason);
      },
    });
    try {
      const again = await this.#remove(seen, AbortSignal.any([signal, rescued.signal]), signal);
      if (again !== undefined) return again;
      this.#failures.delete(name);
      metrics?.deleted.inc(labels);
      metrics?.deleteSeconds.observe(labels, (clock.monotonic() - started) / 1000);
      return undefined;
    } catch (error) {
      if (signal.aborted || isNotFound(error)) return undefined;
      if (rescued.signal.aborted) {
        log.info("the removal of a volume was called off", { volume: name });
        return undefined;
      }
      metrics?.deleteFailed.inc(labels);
      return this.#failed(seen, error);
    } finally {
      this.#removals.delete(name);
    }
  }

  /**
   * Removes the data, then the object. Resolves with when to look again where nothing was removed.
   */
  async #remove(seen: Stored<PersistentVolume>, either: AbortSignal, signal: AbortSignal): Promise<ReconcileResult> {
    const { metrics, recorder } = this.#deps;
    const volume = await this.#confirmed("reclaim", seen, either);
    if (volume === undefined) return this.#doubt(seen);
    const confirm = async (): Promise<boolean> => (await this.#confirmed("reclaim", volume, either)) !== undefined;
    const removed = await this.#driver.remove(volume, confirm, either);
    switch (removed.outcome) {
      case "withdrawn":
        return this.#doubt(volume);
      case "waiting":
        this.#tellOfWaiting(volume, removed.message);
        return { requeueAfterMs: removed.retryAfterMs };
      case "kept":
        recorder.record(events.aboutVolume(volume), events.dataKept(removed.message));
        await this.#deleteObject(volume, signal);
        // The volume is gone, and with it the place to look for its event: the node gets one, too.
        if (removed.on !== undefined) {
          recorder.record(events.aboutNode(removed.on), events.dataKept(removed.message));
        }
        metrics?.dataKept.inc({ class: volume.spec?.storageClassName ?? "" });
        return undefined;
      case "removed":
        return this.#deleteObject(volume, signal);
      default:
        return removed satisfies never;
    }
  }

  /**
   * Deletes the object, whose data is gone. With our finalizer on it the delete only sets the
   * deletionTimestamp; the finalizer is removed when that event arrives.
   */
  async #deleteObject(volume: Stored<PersistentVolume>, signal: AbortSignal): Promise<ReconcileResult> {
    if (this.#driver.finalizer !== undefined) this.#emptied.add(uidOf(volume));
    if (volume.metadata.deletionTimestamp !== undefined) return this.#dropFinalizer(volume, signal);
    await this.#deps.client.delete(persistentVolumes, { name: nameOf(volume) }, { uid: uidOf(volume), signal });
    return undefined;
  }

  async #retain(seen: Stored<PersistentVolume>, signal: AbortSignal): Promise<ReconcileResult> {
    const { log } = this.#deps;
    try {
      const volume = await this.#confirmed("retain", seen, signal);
      if (volume === undefined) return this.#doubt(seen);
      await this.#driver.retain?.(volume, signal);
      log.info("a PersistentVolume is deleted and its data stays", { volume: nameOf(volume) });
      return await this.#dropFinalizer(volume, signal);
    } catch (error) {
      if (signal.aborted || isNotFound(error)) return undefined;
      return this.#failed(seen, error);
    }
  }

  /**
   * Removes our finalizer. The object is being deleted already: after a refused write there may be
   * no other event, so it is tried again.
   */
  async #dropFinalizer(volume: Stored<PersistentVolume>, signal: AbortSignal): Promise<ReconcileResult> {
    const { finalizer } = this.#driver;
    if (finalizer === undefined) return undefined;
    const isWritten = await this.#patch(volume, withoutFinalizer(volume, finalizer), signal);
    return isWritten ? undefined : { requeueAfterMs: DOUBT_MS };
  }

  /**
   * The volume as the API server has it now, if past every cache it is still one for this step, its
   * claim is gone, and we lead.
   */
  async #confirmed(
    step: "reclaim" | "retain",
    seen: Stored<PersistentVolume>,
    signal: AbortSignal,
  ): Promise<Stored<PersistentVolume> | undefined> {
    const { client, isLeading } = this.#deps;
    // The claim first: one that is gone stays gone. The volume may be set to Retain at any moment,
    // so it is read last.
    const claim = await this.#claimOf(seen, signal);
    const volume = await client.get(persistentVolumes, { name: nameOf(seen) }, { signal });
    if (uidOf(volume) !== uidOf(seen) || !isOfSameClaim(volume, seen)) return undefined;
    const plan = this.#plan(volume, claim);
    return plan.step === step && isLeading() ? volume : undefined;
  }

  /**
   * The cache says to remove the volume; the API server, or the clock of our lease, says not to. It
   * is looked at again in a while, unless an event comes first.
   */
  #doubt(volume: Stored<PersistentVolume>): ReconcileResult {
    this.#deps.log.info("the removal of a volume was not confirmed", { volume: nameOf(volume) });
    return { requeueAfterMs: DOUBT_MS };
  }

  #tellOfWaiting(volume: Stored<PersistentVolume>, message: string): void {
    if (this.#waiting.get(nameOf(volume)) === message) return;
    this.#waiting.set(nameOf(volume), message);
    this.#deps.recorder.record(events.aboutVolume(volume), events.deleteWaiting(message));
  }

  async #keep(volume: Stored<PersistentVolume>): Promise<ReconcileResult> {
    await this.#driver.keep?.(nameOf(volume));
    return undefined;
  }

  #tellOfClaim(volume: Stored<PersistentVolume>, claim: PersistentVolumeClaim): void {
    const told = events.claimedByAnother(nameOf(volume), volume.spec?.claimRef?.uid ?? "", claim);
    if (this.#claimed.get(nameOf(volume)) === told.message) return;
    this.#claimed.set(nameOf(volume), told.message);
    this.#deps.log.info("a volume is kept because a claim names it", { volume: nameOf(volume), why: told.message });
    this.#deps.recorder.record(events.aboutVolume(volume), told);
    this.#deps.recorder.record(events.aboutClaim(claim), told);
  }

  #failed(volume: Stored<PersistentVolume>, error: unknown): ReconcileResult {
    const { log, recorder } = this.#deps;
    const name = nameOf(volume);
    const failures = (this.#failures.get(name) ?? 0) + 1;
    this.#failures.set(name, failures);
    const requeueAfterMs = retryDelayMs(this.#driver.retry.reclaim, failures);
    const code = error instanceof CodedError ? error.code : undefined;
    log.error("reclaiming failed", { volume: name, failures, requeueAfterMs, code, err: error });
    recorder.record(events.aboutVolume(volume), events.deleteFailed(messageOf(error)));
    return { requeueAfterMs };
  }

  /** The claim that claimRef names, whatever its UID, read past every cache. */
  async #claimOf(volume: PersistentVolume, signal: AbortSignal): Promise<PersistentVolumeClaim | undefined> {
    const ref = volume.spec?.claimRef;
    if (ref?.name === undefined) return undefined;
    return this.#deps.client.find(persistentVolumeClaims, { name: ref.name, namespace: ref.namespace }, { signal });
  }

  async #patchOrTell(
    volume: Stored<PersistentVolume>,
    patch: readonly JsonPatchOperation[] | undefined,
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    return this.#telling(volume, signal, async () => {
      await this.#patch(volume, patch, signal);
      return undefined;
    });
  }

  /** Records an event on the volume for a failure, and tries again with the driver's pauses. */
  async #telling(
    volume: Stored<PersistentVolume>,
    signal: AbortSignal,
    work: () => Promise<ReconcileResult>,
  ): Promise<ReconcileResult> {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || isNotFound(error)) return undefined;
      return this.#failed(volume, error);
    }
  }

  /**
   * A guarded write. Resolves with false when the volume has changed since, or is gone: its next
   * event leads to the next step. Rejects when the server does not allow the change: without it
   * the volume would stay for ever.
   */
  async #patch(
    volume: Stored<PersistentVolume>,
    patch: readonly JsonPatchOperation[] | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (patch === undefined) return true;
    const { client } = this.#deps;
    const at = { name: nameOf(volume) };
    try {
      await client.patchJson(persistentVolumes, at, patch, { signal });
      return true;
    } catch (error) {
      if (!isRefused(error) && !isBadRequest(error)) throw error;
      // A failed test of the patch and the refusal of a policy have the same code, 422. Only the
      // volume shows which it was.
      const now = await client.find(persistentVolumes, at, { signal });
      if (now?.metadata.resourceVersion !== volume.metadata.resourceVersion) return false;
      throw provisionErrors.VOLUME_NOT_CHANGED({ volume: nameOf(volume), why: messageOf(error) }, { cause: error });
    }
  }
}

function isOfSameClaim(one: PersistentVolume, other: PersistentVolume): boolean {
  const [a, b] = [one.spec?.claimRef, other.spec?.claimRef];
  return a?.uid === b?.uid && a?.name === b?.name && a?.namespace === b?.namespace;
}
