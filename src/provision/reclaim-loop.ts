import { EXTERNAL_PROVISIONER_FINALIZER } from "../api/names.ts";
import type { Clock } from "../effects/clock.ts";
import type { KubeClient } from "../kube/client.ts";
import { runController, type ReconcileResult } from "../kube/controller.ts";
import { isConflict, isForbidden, isInvalid, isNotFound } from "../kube/errors.ts";
import type { Informer } from "../kube/informer.ts";
import {
  persistentVolumeClaims,
  persistentVolumes,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
} from "../kube/kinds.ts";
import { uidOf, type Stored } from "../kube/objects.ts";
import { WorkQueue } from "../kube/work-queue.ts";
import { CodedError, messageOf } from "../observe/errors.ts";
import type { KubeMetrics } from "../kube/metrics.ts";
import type { Log } from "../observe/log.ts";
import type { Driver } from "./driver.ts";
import * as events from "./events.ts";
import { volumePhase } from "./express/patches.ts";
import type { KeyedLock } from "./keyed-lock.ts";
import { metricsOf, type ProvisionMetrics } from "./metrics.ts";
import { isRescued, planReclaim } from "./plan-reclaim.ts";
import { retryDelayMs } from "./retry-policy.ts";

/*
 * Released volumes to nothing.
 *
 *   claim gone → volume Released (kube-controller-manager, or we for it) → driver removes the data → PersistentVolume deleted
 *
 * Data is removed only after two reads past every cache: the volume is still Released with policy Delete and a claim's UID in its claimRef, and no claim with that UID needs it. The reads are made twice: when the
 * removal begins, and (by the driver, through `confirm`) after all waiting, right before anything is set going. (A cache that is behind, or an etcd restored from a backup, must not cost anybody a directory; an
 * administrator who sets a volume to Retain while its removal waits for its turn has rescued it.) A volume that is rescued later than that aborts the removal, which takes back what has not begun.
 *
 * What a crash leaves: before the removal, a Released volume; between removal and deletion of the object, a Released volume whose data is gone, and removing it again does nothing. Both are picked up by the
 * next leader.
 */

const UNLIMITED = 16_384;

/** How long a volume is left alone that the cache shows as one to reclaim and the API server does not: somebody is repairing something. */
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
  /** Whether this process leads at this very moment; asked before data is removed. A process that was stalled may no longer. */
  readonly isLeading: () => boolean;
  readonly metrics?: ProvisionMetrics | undefined;
  readonly kubeMetrics?: KubeMetrics | undefined;
}

export interface ReclaimLoopOptions {
  /** Write the phase Released ourselves when a claim is gone. Needs the right to patch persistentvolumes/status. */
  readonly release: boolean;
}

export class ReclaimLoop {
  readonly #deps: ReclaimLoopDeps;
  readonly #driver: Driver;
  /** Of the queue and the controller, in metrics and log lines: `volumes/<driver>`. */
  readonly #name: string;
  readonly #options: ReclaimLoopOptions;
  readonly #queue: WorkQueue;
  readonly #failures = new Map<string, number>();
  /** Removals that wait or run, by volume name: aborted when the volume is not to be removed any more. */
  readonly #removals = new Map<string, { readonly volume: Stored<PersistentVolume>; abort(reason: Error): void }>();
  /** Volumes that wait for their node, by name: what was said about them, once. */
  readonly #waiting = new Map<string, string>();

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
        if (change.type === "deleted") {
          this.#failures.delete(change.key);
          this.#waiting.delete(change.key);
          this.#removals.get(change.key)?.abort(new Error("the PersistentVolume was deleted"));
        } else {
          const removal = this.#removals.get(change.key);
          if (removal !== undefined && isRescued(removal.volume, change.object)) {
            removal.abort(new Error("the volume is not to be reclaimed any more"));
          }
          this.#queue.add(change.key);
        }
      }),
      claims.onChange((change) => {
        const volume = change.object.spec?.volumeName ?? "";
        if (change.type === "deleted" && volume !== "") this.#queue.add(volume);
      }),
      nodes.onChange((change) => {
        // A node that comes back, or gets the label a volume's affinity names, may be what a volume waits for. Heartbeats change neither.
        const before = JSON.stringify(change.old?.metadata?.labels);
        if (change.type === "added" || before !== JSON.stringify(change.object.metadata?.labels)) {
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

  async #reconcile(name: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { volumes, claims, locks } = this.#deps;
    const volume = volumes.store.get(name);
    if (volume === undefined) return undefined;
    const plan = planReclaim(this.#driver.provisioner, volume, claims.store.get(claimKeyOf(volume)));
    switch (plan.step) {
      case "nothing":
        return undefined;
      case "drop-finalizer":
        return this.#dropFinalizer(volume, signal);
      case "release":
        return this.#options.release ? this.#release(volume, signal) : undefined;
      case "reclaim":
        return locks.run(name, () => this.#reclaim(volume, signal), signal);
      default:
        return plan satisfies never;
    }
  }

  async #dropFinalizer(volume: PersistentVolume, signal: AbortSignal): Promise<void> {
    const finalizers = volume.metadata?.finalizers ?? [];
    const index = finalizers.indexOf(EXTERNAL_PROVISIONER_FINALIZER);
    const path = `/metadata/finalizers/${String(index)}`;
    await this.#tolerant(() =>
      this.#deps.client.patchJson(
        persistentVolumes,
        { name: volume.metadata?.name ?? "" },
        [
          { op: "test", path: "/metadata/uid", value: uidOf(volume) },
          { op: "test", path, value: EXTERNAL_PROVISIONER_FINALIZER },
          { op: "remove", path },
        ],
        { signal },
      ),
    );
  }

  /** The claim's absence is read past the cache before anything is written. */
  async #release(volume: PersistentVolume, signal: AbortSignal): Promise<void> {
    const claim = await this.#claimOf(volume, signal);
    if (claim !== undefined && uidOf(claim) === volume.spec?.claimRef?.uid) return;
    await this.#tolerant(() =>
      this.#deps.client.patchJson(
        persistentVolumes,
        { name: volume.metadata?.name ?? "" },
        [
          ...volumePhase(volume, "Bound", "Released"),
          { op: "test", path: "/spec/claimRef/uid", value: volume.spec?.claimRef?.uid ?? "" },
        ],
        { subresource: "status", signal },
      ),
    );
  }

  async #reclaim(seen: Stored<PersistentVolume>, signal: AbortSignal): Promise<ReconcileResult> {
    const { client, clock, log, metrics, recorder } = this.#deps;
    const name = seen.metadata?.name ?? "";
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
    const both = AbortSignal.any([signal, rescued.signal]);
    try {
      const volume = await this.#confirmed(seen, both);
      if (volume === undefined) return this.#doubt(seen);
      const confirm = async (): Promise<boolean> => (await this.#confirmed(volume, both)) !== undefined;
      const removed = await this.#driver.remove(volume, confirm, both);
      if (removed.outcome === "withdrawn") return this.#doubt(volume);
      if (removed.outcome === "waiting") {
        if (this.#waiting.get(name) !== removed.message) {
          this.#waiting.set(name, removed.message);
          recorder.record(events.aboutVolume(volume), events.deleteWaiting(removed.message));
        }
        return { requeueAfterMs: removed.retryAfterMs };
      }
      if (removed.outcome === "kept") recorder.record(events.aboutVolume(volume), events.dataKept(removed.message));
      await client.delete(persistentVolumes, { name }, { uid: uidOf(volume), signal });
      this.#failures.delete(name);
      metrics?.deleted.inc(labels);
      metrics?.deleteSeconds.observe(labels, (clock.monotonic() - started) / 1000);
      return undefined;
    } catch (error) {
      if (signal.aborted || isNotFound(error)) return undefined;
      if (rescued.signal.aborted) {
        log.info("a volume is not to be removed any more", { volume: name });
        return undefined;
      }
      metrics?.deleteFailed.inc(labels);
      return this.#failed(seen, error);
    } finally {
      this.#removals.delete(name);
    }
  }

  /** The volume as the API server has it now, if its data may be removed: past every cache it is still to be reclaimed, its claim is gone, and we lead. */
  async #confirmed(seen: Stored<PersistentVolume>, signal: AbortSignal): Promise<Stored<PersistentVolume> | undefined> {
    const { client, isLeading } = this.#deps;
    const volume = await client.get(persistentVolumes, { name: seen.metadata?.name ?? "" }, { signal });
    if (uidOf(volume) !== uidOf(seen)) return undefined;
    const plan = planReclaim(this.#driver.provisioner, volume, await this.#claimOf(volume, signal));
    return plan.step === "reclaim" && isLeading() ? volume : undefined;
  }

  /** Not to be removed, say the API server or the clock of our lease; the cache said otherwise. It is looked at again in a while, should nothing come of it before. */
  #doubt(volume: PersistentVolume): ReconcileResult {
    this.#deps.log.info("a volume is not to be removed now", { volume: volume.metadata?.name });
    return { requeueAfterMs: DOUBT_MS };
  }

  #failed(volume: PersistentVolume, error: unknown): ReconcileResult {
    const { log, recorder } = this.#deps;
    const name = volume.metadata?.name ?? "";
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
    try {
      return await this.#deps.client.get(
        persistentVolumeClaims,
        { name: ref.name, namespace: ref.namespace },
        { signal },
      );
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** A write that may be refused because somebody else was first, or because we have not the right: the object's next event tells what is. */
  async #tolerant(write: () => Promise<unknown>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (!isInvalid(error) && !isConflict(error) && !isNotFound(error) && !isForbidden(error)) throw error;
    }
  }
}

function claimKeyOf(volume: PersistentVolume): string {
  const ref = volume.spec?.claimRef;
  return `${ref?.namespace ?? ""}/${ref?.name ?? ""}`;
}
