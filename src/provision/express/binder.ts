import { PROVISIONED_BY } from "../../api/names.ts";
import type { Clock } from "../../effects/clock.ts";
import type { At, KubeClient } from "../../kube/client.ts";
import { runController, type ReconcileResult } from "../../kube/queue/controller.ts";
import { isBadRequest, isForbidden, isRefused } from "../../kube/errors.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import {
  persistentVolumeClaims,
  persistentVolumes,
  type PersistentVolume,
  type PersistentVolumeClaim,
} from "../../kube/kinds.ts";
import { keyOf, nameOf, namespaceOf, uidOf, type Stored } from "../../kube/objects.ts";
import { WorkQueue } from "../../kube/queue/work-queue.ts";
import type { KubeMetrics } from "../../kube/metrics.ts";
import type { Log } from "../../observe/log.ts";
import { volumeNameOf } from "../claims/claims.ts";
import { metricsOf, type ProvisionMetrics } from "../metrics.ts";
import type { Acknowledger } from "./acknowledger.ts";
import { bindClaim, bindUnannotatedClaim, markClaimBound, volumePhase } from "./patches.ts";
import { planBind, type BindPlan } from "./plan-bind.ts";

/*
 * Express bind: binds claims of ours whose volume is stored, where kube-controller-manager (KCM)
 * has not done it within a moment.
 *
 *   volume stored → volume phase Bound → 100 ms for KCM → acknowledgement → claim patched → claim
 *   status Bound
 *
 * What a crash leaves: before the claim's patch, an unbound claim with its volume, as after any
 * provisioner's work: KCM or the next leader goes on. Between the claim's patch and its status, a
 * claim with volumeName and bind-completed: KCM or the next leader writes the status, and KCM has
 * the volume (acknowledgement). Nothing is ever undone.
 *
 * Every write is guarded by tests; a refused one means that somebody else was first, and ends our
 * part.
 */

/**
 * How long KCM gets to bind a claim by itself. It takes 30 ms when idle; by measurement, a longer
 * wait only delays bursts.
 */
const HEAD_START_MS = 100;

/** Claims that are patched at once. The waiting ones cost nothing. */
const WORKERS = 4_096;

export interface BinderDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly volumes: Informer<PersistentVolume>;
  readonly acknowledger: Acknowledger;
  /**
   * Whether claims of this class are bound the ordinary way now: an unclaimed volume of the class
   * exists and KCM may have chosen it.
   */
  readonly mayBeMatched: (claim: PersistentVolumeClaim) => boolean;
  readonly metrics?: ProvisionMetrics | undefined;
  readonly kubeMetrics?: KubeMetrics | undefined;
}

/** How often a claim is looked at again after a refused write: the cache may have been behind. */
const LOOKS_AFTER_REFUSAL = 4;
const LOOK_AGAIN_MS = 1_000;

interface Pending {
  readonly uid: string;
  readonly volume: Stored<PersistentVolume>;
  readonly since: number;
  phaseWritten: boolean;
  refusals: number;
}

export class Binder {
  readonly #deps: BinderDeps;
  readonly #queue: WorkQueue;
  /**
   * Claims whose volume is stored and that were not seen bound yet, by claim key. Written by
   * `consider` and `#drop` only; an entry is for one claim UID and one volume UID.
   */
  readonly #pending = new Map<string, Pending>();

  constructor(deps: BinderDeps) {
    this.#deps = deps;
    this.#queue = new WorkQueue(
      { clock: deps.clock },
      { name: "bind", baseDelayMs: 200, maxDelayMs: 30_000, ...metricsOf(deps.kubeMetrics) },
    );
  }

  /**
   * To be called when a claim of ours has a stored volume and is not Bound to it, or is Lost: as
   * often as one likes.
   */
  consider(claim: Stored<PersistentVolumeClaim>, volume: Stored<PersistentVolume>): void {
    const key = keyOf(claim);
    const known = this.#pending.get(key);
    if (known?.uid === uidOf(claim) && uidOf(known.volume) === uidOf(volume)) return;
    const since = this.#deps.clock.monotonic();
    this.#pending.set(key, { uid: uidOf(claim), volume, since, phaseWritten: false, refusals: 0 });
    this.#queue.add(key);
  }

  /** To be called when a claim of ours was seen bound by somebody else. */
  forget(key: string): void {
    const pending = this.#pending.get(key);
    if (pending !== undefined) this.#drop(key, pending, "ordinary");
  }

  /** To be called when a claim of ours is gone. */
  gone(key: string): void {
    this.#pending.delete(key);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    await runController(
      { clock, log, ...metricsOf(this.#deps.kubeMetrics) },
      { name: "bind", queue: this.#queue, workers: WORKERS, reconcile: (key, stop) => this.#reconcile(key, stop) },
      signal,
    );
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const pending = this.#pending.get(key);
    if (pending === undefined) return undefined;
    if (!pending.phaseWritten) {
      await this.#markVolumeBound(pending.volume, signal);
      pending.phaseWritten = true;
    }
    const waitMs = HEAD_START_MS - (this.#deps.clock.monotonic() - pending.since);
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    // Our cache may not show the volume yet; it is there, or was.
    if (this.#plan(key, pending, pending.volume).step === "leave") return undefined;

    await this.#deps.acknowledger.acknowledged(this.#deps.claims.store.get(key), signal);
    // The canary's answer came over the same watch as the volume's creation, later: a volume the
    // cache does not show now was deleted.
    const plan = this.#plan(key, pending);
    if (plan.step === "leave") return undefined;
    return this.#write(key, pending, plan, signal);
  }

  #plan(key: string, pending: Pending, fallback?: Stored<PersistentVolume>): BindPlan {
    const { claims, volumes, mayBeMatched } = this.#deps;
    const claim = claims.store.get(key);
    const seen = volumes.store.get(nameOf(pending.volume)) ?? fallback;
    const plan = planBind({
      uid: pending.uid,
      claim,
      volume: seen !== undefined && uidOf(seen) === uidOf(pending.volume) ? seen : undefined,
      mayBeMatched: claim !== undefined && mayBeMatched(claim),
    });
    if (plan.step === "leave" && plan.final) this.#drop(key, pending, "ordinary");
    return plan;
  }

  /** Ends our part in a claim, unless the entry is another claim's or volume's by now. */
  #drop(key: string, pending: Pending, by: "ordinary" | "express"): void {
    if (this.#pending.get(key) !== pending) return;
    this.#pending.delete(key);
    this.#deps.metrics?.bound.inc({ by });
  }

  async #write(
    key: string,
    pending: Pending,
    plan: Exclude<BindPlan, { step: "leave" }>,
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    const { client, log, metrics } = this.#deps;
    const { claim } = plan;
    const at = { name: nameOf(claim), namespace: namespaceOf(claim) };
    const fields = { claim: key, volume: volumeNameOf(claim) };
    const from = plan.step === "mark" ? plan.from : undefined;
    try {
      if (plan.step === "bind") await this.#bind(claim, pending.volume, at, signal);
      const status = markClaimBound(claim, pending.volume, from);
      await client.patchJson(persistentVolumeClaims, at, status, { subresource: "status", signal });
    } catch (error) {
      if (!isRefused(error) && !isBadRequest(error)) throw error;
      log.debug("express bind was refused, the ordinary protocol goes on", { ...fields, err: error });
      pending.refusals += 1;
      // If a right is missing, or a webhook refuses (400), reading again does not help.
      if (!isForbidden(error) && !isBadRequest(error) && pending.refusals <= LOOKS_AFTER_REFUSAL)
        return { requeueAfterMs: LOOK_AGAIN_MS };
      this.#drop(key, pending, "ordinary");
      return undefined;
    }
    this.#drop(key, pending, "express");
    if (from === "Lost") {
      metrics?.lostRepaired.inc();
      log.warn("a claim was Lost although its volume exists; its status is repaired", fields);
    }
    return undefined;
  }

  async #bind(
    claim: Stored<PersistentVolumeClaim>,
    volume: Stored<PersistentVolume>,
    at: At,
    signal: AbortSignal,
  ): Promise<void> {
    const { client } = this.#deps;
    const provisioner = volume.metadata.annotations?.[PROVISIONED_BY];
    // This program did not store the volume.
    if (provisioner === undefined) return;
    const volumeName = volumeNameOf(claim);
    if (claim.metadata?.annotations === undefined) {
      const patch = bindUnannotatedClaim(claim, volumeName, provisioner);
      await client.patchMerge(persistentVolumeClaims, at, patch, { signal });
    } else {
      const patch = bindClaim(claim, volumeName, provisioner);
      await client.patchJson(persistentVolumeClaims, at, patch, { signal });
    }
  }

  /**
   * KCM has to write this phase for every new volume of a claim, at 20 requests a second. Writing
   * it ourselves keeps its one volume worker free.
   */
  async #markVolumeBound(volume: Stored<PersistentVolume>, signal: AbortSignal): Promise<void> {
    const { client, log } = this.#deps;
    if (volume.status?.phase !== undefined && volume.status.phase !== "Pending") return;
    const name = nameOf(volume);
    try {
      await client.patchJson(persistentVolumes, { name }, volumePhase(volume, "Pending", "Bound"), {
        subresource: "status",
        signal,
      });
    } catch (error) {
      if (!isRefused(error) && !isBadRequest(error)) throw error;
      log.debug("the volume's phase was written by somebody else", { volume: name });
    }
  }
}
