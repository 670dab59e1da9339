import type { Clock } from "../effects/clock.ts";
import type { KubeClient } from "../kube/client.ts";
import { runController, type ReconcileResult } from "../kube/controller.ts";
import { isAlreadyExists, isConflict, isForbidden, isInvalid, isNotFound } from "../kube/errors.ts";
import type { Informer } from "../kube/informer.ts";
import {
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type StorageClass,
} from "../kube/kinds.ts";
import { keyOf, uidOf, type Stored } from "../kube/objects.ts";
import { patchSegment } from "../kube/client.ts";
import { WorkQueue } from "../kube/work-queue.ts";
import { CodedError, messageOf } from "../observe/errors.ts";
import type { KubeMetrics } from "../kube/metrics.ts";
import type { Log } from "../observe/log.ts";
import { classNameOf, dataSourceOf, provisionerOf, selectedNodeOf, volumeNameOf } from "./claims.ts";
import type { Driver, ProvisionRequest } from "./driver.ts";
import { provisionErrors } from "./errors.ts";
import * as events from "./events.ts";
import { AVAILABLE_BY_CLASS, BY_CLAIM } from "./indexes.ts";
import type { Binder } from "./express/binder.ts";
import type { KeyedLock } from "./keyed-lock.ts";
import { metricsOf, type ProvisionMetrics } from "./metrics.ts";
import { mayGoAhead } from "./plan-ahead.ts";
import { planClaim, type ClaimPlan } from "./plan-claim.ts";
import { retryDelayMs } from "./retry-policy.ts";
import { canHold } from "./topology.ts";
import { volumeFor } from "./volume.ts";

/*
 * Claims to volumes.
 *
 *   claim planned → driver makes the volume → PersistentVolume stored → driver told (stored) → claim bound (binder, or kube-controller-manager)
 *
 * What a crash leaves: before the PersistentVolume is stored, whatever the driver left, which the next leader finds by the same claim (same name, same place) or, when the claim is gone, by the driver's
 * attempts. After it, a PersistentVolume whose claimRef carries the claim's UID: the next leader binds it, and when the claim is gone, kube-controller-manager calls it Released and it is reclaimed.
 *
 * A claim that is deleted while its volume is being made aborts that work; the attempt sweep (attempt-sweep.ts) cleans up after it.
 */

/** Claims in work at once. A waiting claim costs a promise; how much really runs at once is the driver's business, per node. */
const UNLIMITED = 16_384;

export interface ClaimLoopDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: events.Recorder;
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly volumes: Informer<PersistentVolume>;
  readonly classes: Informer<StorageClass>;
  readonly nodes: Informer<Node>;
  /** One operation per volume name at a time, shared with the reclaim loops and the attempt sweep. */
  readonly locks: KeyedLock;
  /** Told of every claim of ours that has a volume and is not bound to it, and of every one that is. */
  readonly binder?: Pick<Binder, "consider" | "forget" | "gone"> | undefined;
  readonly metrics?: ProvisionMetrics | undefined;
  readonly kubeMetrics?: KubeMetrics | undefined;
}

export class ClaimLoop {
  readonly #deps: ClaimLoopDeps;
  readonly #driver: Driver;
  /** Of the queue and the controller, in metrics and log lines: `claims/<driver>`. */
  readonly #name: string;
  readonly #queue: WorkQueue;
  /** Failures in a row, by claim UID. */
  readonly #failures = new Map<string, number>();
  /** Ends the work on a claim, by claim UID: called when the claim is deleted. */
  readonly #running = new Map<string, AbortController>();
  /** What was last said in an event to a claim that is refused, by claim UID: once is enough. */
  readonly #refused = new Map<string, string>();
  /** Keys of claims whose last failure may end with a change of something else (`retry: "change"`). */
  readonly #awaiting = new Set<string>();

  constructor(deps: ClaimLoopDeps, driver: Driver) {
    this.#deps = deps;
    this.#driver = driver;
    this.#name = `claims/${driver.name}`;
    this.#queue = new WorkQueue({ clock: deps.clock }, { name: this.#name, ...metricsOf(deps.kubeMetrics) });
  }

  /** Serves claims until the signal is aborted. The informers must have synced. */
  async run(signal: AbortSignal): Promise<void> {
    const { claims, volumes, classes, clock, log } = this.#deps;
    const driver = this.#driver;
    const stops = [
      claims.onChange((change) => {
        if (change.type === "deleted") this.#gone(change.object);
        this.#queue.add(change.key);
      }),
      // A class that appears, or a volume that comes or goes, may be what a claim waits for.
      classes.onChange((change) => {
        if (change.type === "deleted" || change.object.provisioner !== driver.provisioner) return;
        const name = change.object.metadata?.name ?? "";
        for (const claim of claims.store.list()) {
          if (classNameOf(claim) === name && (claim.spec?.volumeName ?? "") === "") this.#queue.add(keyOf(claim));
        }
      }),
      volumes.onChange((change) => {
        const ref = change.object.spec?.claimRef;
        if (ref?.name !== undefined && change.type !== "updated") this.#queue.add(`${ref.namespace ?? ""}/${ref.name}`);
      }),
      driver.onChange?.(() => {
        for (const key of this.#awaiting) this.#queue.add(key);
      }),
    ];
    try {
      await runController(
        { clock, log, ...metricsOf(this.#deps.kubeMetrics) },
        {
          name: this.#name,
          queue: this.#queue,
          workers: driver.workers ?? UNLIMITED,
          reconcile: (key, stop) => this.#reconcile(key, stop),
        },
        signal,
      );
    } finally {
      for (const stop of stops) stop?.();
    }
  }

  #gone(claim: Stored<PersistentVolumeClaim>): void {
    const uid = uidOf(claim);
    this.#failures.delete(uid);
    this.#refused.delete(uid);
    this.#running.get(uid)?.abort(new Error("the claim was deleted"));
    this.#deps.binder?.gone(keyOf(claim));
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { claims, classes, volumes, binder } = this.#deps;
    const driver = this.#driver;
    this.#awaiting.delete(key);
    const claim = claims.store.get(key);
    if (claim === undefined) return undefined;
    const storageClass = classes.store.get(classNameOf(claim));
    const ahead = this.#mayGoAhead(claim, storageClass);
    if (!ahead && provisionerOf(claim) !== driver.provisioner) return undefined;
    const volume = volumes.store.get(volumeNameOf(claim));
    const plan = planClaim(driver, { claim, storageClass, volume, ahead });
    switch (plan.step) {
      case "nothing":
        this.#settle(claim);
        return undefined;
      case "refuse":
        this.#refuse(claim, plan.error, `${plan.error.message}. ${plan.error.advice}`);
        return undefined;
      case "fail":
        return this.#failed(claim, plan.error);
      case "bind":
        binder?.consider(claim, plan.volume);
        return undefined;
      case "provision":
        return this.#provision(claim, plan, signal);
      default:
        return plan satisfies never;
    }
  }

  /** Only with express bind: the ordinary protocol gains nothing by it. */
  #mayGoAhead(claim: Stored<PersistentVolumeClaim>, storageClass: Stored<StorageClass> | undefined): boolean {
    const { binder, volumes } = this.#deps;
    if (binder === undefined || provisionerOf(claim) !== undefined) return false;
    return mayGoAhead(this.#driver.provisioner, {
      claim,
      storageClass,
      available: volumes.store.byIndex(AVAILABLE_BY_CLASS, classNameOf(claim)),
      reserved: volumes.store.byIndex(BY_CLAIM, keyOf(claim)),
    });
  }

  /** Nothing to make. A claim that is bound to a volume of ours and not called so (Lost, or cut off between two writes) is the binder's; whoever waits for a populator is told. */
  #settle(claim: Stored<PersistentVolumeClaim>): void {
    const { volumes, binder, recorder } = this.#deps;
    const boundTo = claim.spec?.volumeName ?? "";
    if (boundTo !== "") {
      const volume = volumes.store.get(boundTo);
      const ours = boundTo === volumeNameOf(claim) && volume?.spec?.claimRef?.uid === uidOf(claim);
      if (ours && claim.status?.phase !== "Bound") binder?.consider(claim, volume);
      else binder?.forget(keyOf(claim));
      return;
    }
    const source = dataSourceOf(claim);
    if (source !== undefined && !this.#refused.has(uidOf(claim))) {
      this.#refused.set(uidOf(claim), source.kind);
      recorder.record(events.aboutClaim(claim), events.populatorExpected(source.kind));
    }
  }

  #refuse(claim: Stored<PersistentVolumeClaim>, error: CodedError, text: string): void {
    const { log, recorder } = this.#deps;
    if (this.#refused.get(uidOf(claim)) === error.code) return;
    this.#refused.set(uidOf(claim), error.code);
    log.warn("claim refused", { claim: keyOf(claim), code: error.code, reason: error.message, advice: error.advice });
    recorder.record(events.aboutClaim(claim), events.provisioningFailed(text));
  }

  async #provision(
    claim: Stored<PersistentVolumeClaim>,
    plan: Extract<ClaimPlan, { step: "provision" }>,
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    const { clock, locks, metrics, recorder } = this.#deps;
    const driver = this.#driver;
    const { storageClass } = plan;
    const volumeName = volumeNameOf(claim);
    const labels = { class: storageClass.metadata?.name ?? "", source: dataSourceOf(claim)?.kind ?? "" };
    const started = clock.monotonic();
    const controller = new AbortController();
    this.#running.set(uidOf(claim), controller);
    try {
      const both = AbortSignal.any([signal, controller.signal]);
      const node = await this.#nodeFor(claim, plan, both);
      const request: ProvisionRequest = { claim, storageClass, volumeName, node };
      driver.admit(request);
      recorder.record(events.aboutClaim(claim), events.provisioning(keyOf(claim)));
      const volume = await locks.run(
        volumeName,
        async () => {
          const made = await driver.provision(request, both);
          return this.#store(claim, volumeFor(request, made, driver.finalizer), both);
        },
        both,
      );
      this.#deps.binder?.consider(claim, volume);
      this.#failures.delete(uidOf(claim));
      metrics?.provisioned.inc(labels);
      metrics?.provisionSeconds.observe(labels, (clock.monotonic() - started) / 1000);
      recorder.record(events.aboutClaim(claim), events.provisioned(volumeName));
      await driver.stored(volumeName);
      // The claim's next event must find the volume, or it would be made again.
      await this.#deps.volumes.waitFor(volume.metadata?.resourceVersion ?? "", both);
      return undefined;
    } catch (error) {
      // The claim is gone, or this leader is: nothing to say to anybody, the attempt sweep or the next leader goes on.
      if (controller.signal.aborted || signal.aborted) return undefined;
      metrics?.provisionFailed.inc(labels);
      if (error instanceof CodedError && error.retry === "never") {
        this.#refuse(claim, error, failureText(claim, error));
        return undefined;
      }
      if (error instanceof CodedError && error.retry === "reschedule" && plan.node !== undefined) {
        return this.#reschedule(claim, plan.node, error, signal);
      }
      return this.#failed(claim, error);
    } finally {
      this.#running.delete(uidOf(claim));
    }
  }

  /** The node the volume is made on: the selected one as the server has it now (its labels become the volume's affinity, which cannot be changed: a cache may still have the old ones); for Immediate binding the driver's choice; none for a volume that needs none. */
  async #nodeFor(
    claim: Stored<PersistentVolumeClaim>,
    plan: Extract<ClaimPlan, { step: "provision" }>,
    signal: AbortSignal,
  ): Promise<Stored<Node> | undefined> {
    const { client, nodes: informer } = this.#deps;
    const driver = this.#driver;
    const { storageClass } = plan;
    if (plan.node === undefined) {
      const candidates = informer.store.list().filter((node) => canHold(node, storageClass));
      return driver.chooseNode({ claim, storageClass, volumeName: volumeNameOf(claim), node: undefined }, candidates);
    }
    try {
      return await client.get(nodes, { name: plan.node }, { signal });
    } catch (error) {
      if (isNotFound(error)) throw provisionErrors.NODE_MISSING({ node: plan.node }, { cause: error });
      throw error;
    }
  }

  /** Stores the PersistentVolume. One of the same name and claim that is there already is this one. */
  async #store(
    claim: Stored<PersistentVolumeClaim>,
    volume: PersistentVolume,
    signal: AbortSignal,
  ): Promise<PersistentVolume> {
    const { client } = this.#deps;
    try {
      return await client.create(persistentVolumes, volume, { signal });
    } catch (error) {
      if (isAlreadyExists(error)) {
        const name = volume.metadata?.name ?? "";
        const stored = await client.get(persistentVolumes, { name }, { signal });
        if (stored.spec?.claimRef?.uid === uidOf(claim)) return stored;
        throw provisionErrors.VOLUME_NAME_TAKEN({ volume: name, claim: keyOf(claim) }, { cause: error });
      }
      if (isInvalid(error) || isForbidden(error)) {
        throw provisionErrors.VOLUME_NOT_STORED({ claim: keyOf(claim), why: messageOf(error) }, { cause: error });
      }
      throw error;
    }
  }

  /** Takes the selected node off the claim, so that the scheduler chooses again. */
  async #reschedule(
    claim: Stored<PersistentVolumeClaim>,
    node: string,
    why: CodedError,
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    const { log, recorder } = this.#deps;
    const selected = selectedNodeOf(claim);
    if (selected === undefined) return this.#failed(claim, why);
    try {
      await this.#unselect(claim, selected.annotation, node, signal);
    } catch (error) {
      // 422 or 409: the scheduler has changed its mind already; 404: the claim is gone. All come back as events.
      if (isInvalid(error) || isConflict(error) || isNotFound(error)) return undefined;
      if (!isForbidden(error)) throw error;
      const forbidden = provisionErrors.RESCHEDULE_FORBIDDEN({ why: messageOf(error) }, { cause: error });
      log.error("the claim's node cannot serve it and the claim may not be patched", {
        claim: keyOf(claim),
        node,
        code: forbidden.code,
        advice: forbidden.advice,
      });
      return this.#failed(claim, why);
    }
    log.info("claim sent back to the scheduler", { claim: keyOf(claim), node, reason: why.message });
    recorder.record(events.aboutClaim(claim), events.rescheduling(node, failureText(claim, why)));
    return undefined;
  }

  /** By a patch or, where the role grants only `update` (that of local-path-provisioner's Helm chart), by writing back the claim as the server has it now. */
  async #unselect(
    claim: Stored<PersistentVolumeClaim>,
    annotation: string,
    node: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { client } = this.#deps;
    const path = `/metadata/annotations/${patchSegment(annotation)}`;
    const ref = { name: claim.metadata?.name ?? "", namespace: claim.metadata?.namespace };
    try {
      await client.patchJson(
        persistentVolumeClaims,
        ref,
        [
          { op: "test", path: "/metadata/uid", value: uidOf(claim) },
          { op: "test", path, value: node },
          { op: "remove", path },
        ],
        { signal },
      );
    } catch (error) {
      if (!isForbidden(error)) throw error;
      const now = await client.get(persistentVolumeClaims, ref, { signal });
      const { [annotation]: selected, ...annotations } = now.metadata?.annotations ?? {};
      if (uidOf(now) !== uidOf(claim) || selected !== node) return;
      const metadata = { ...now.metadata, annotations };
      await client.replace(persistentVolumeClaims, { ...now, metadata }, { signal });
    }
  }

  #failed(claim: Stored<PersistentVolumeClaim>, error: unknown): ReconcileResult {
    const { log, recorder } = this.#deps;
    const failures = (this.#failures.get(uidOf(claim)) ?? 0) + 1;
    this.#failures.set(uidOf(claim), failures);
    const requeueAfterMs = retryDelayMs(this.#driver.retry.provision, failures);
    const text = failureText(claim, error);
    if (error instanceof CodedError && error.retry === "change") this.#awaiting.add(keyOf(claim));
    const code = error instanceof CodedError ? error.code : undefined;
    log.error("provisioning failed", { claim: keyOf(claim), failures, requeueAfterMs, code, err: error });
    recorder.record(events.aboutClaim(claim), events.provisioningFailed(text));
    return { requeueAfterMs };
  }
}

/** The text of the claim's event: that of the provisioning library local-path-provisioner is built on. */
function failureText(claim: Stored<PersistentVolumeClaim>, error: unknown): string {
  return `failed to provision volume with StorageClass "${classNameOf(claim)}": ${messageOf(error)}`;
}
