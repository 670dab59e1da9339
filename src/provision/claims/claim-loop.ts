/*
 * Makes volumes for claims.
 *
 *   claim planned → room reserved, where the driver has a ledger → driver makes the volume
 *     → PersistentVolume stored → driver told (stored) → claim bound (binder, or
 *     kube-controller-manager)
 *
 * What a crash leaves: before the PersistentVolume is stored, whatever the driver made, which the
 * next leader finds by the same claim (same name, same place) or, when the claim is gone, by the
 * driver's attempts. After it, a PersistentVolume whose claimRef carries the claim's UID: the next
 * leader binds it, and when the claim is gone, kube-controller-manager calls it Released and it is
 * reclaimed. Reserved room is only in memory.
 *
 * A claim that is deleted while its volume is being made aborts that work; the attempt sweep
 * (attempt-sweep.ts) cleans up after it.
 */
import type { Clock } from "../../effects/clock.ts";
import type { KubeClient } from "../../kube/client.ts";
import { runController, type ReconcileResult } from "../../kube/queue/controller.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import {
  nodes,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  type StorageClass,
} from "../../kube/kinds.ts";
import type { KubeMetrics } from "../../kube/metrics.ts";
import { keyOf, nameOf, namespaceOf, uidOf, type Stored } from "../../kube/objects.ts";
import type { Change } from "../../kube/watch/store.ts";
import { WorkQueue } from "../../kube/queue/work-queue.ts";
import { CodedError } from "../../observe/errors.ts";
import type { Log } from "../../observe/log.ts";
import { claimKeyOf, classNameOf, dataSourceOf, provisionerOf, selectedNodeOf, volumeNameOf } from "./claims.ts";
import type { Driver, ProvisionRequest } from "../driver.ts";
import { provisionErrors } from "../errors.ts";
import * as events from "../events.ts";
import type { Binder } from "../express/binder.ts";
import { AVAILABLE_BY_CLASS, BY_CLAIM, claimKeysOf } from "../indexes.ts";
import type { KeyedLock } from "../../kube/queue/keyed-lock.ts";
import { metricsOf, type ProvisionMetrics } from "../metrics.ts";
import { Outcomes } from "./outcomes.ts";
import { mayGoAhead } from "./plan-ahead.ts";
import { planClaim, type ClaimPlan } from "./plan-claim.ts";
import { isWantedBySiblings, siblingKeys, siblingsOf, type ClaimLookup } from "./plan-group.ts";
import { podsOfClaim } from "./pods-of-claim.ts";
import { Reservations } from "./reservations.ts";
import { storeVolume } from "./store-volume.ts";
import { canHold } from "../topology.ts";
import { volumeFor } from "./volume.ts";

/**
 * Claims in progress at once. A waiting claim costs a promise; the driver limits, per node, how
 * much really runs at once.
 */
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
  /** The pods of all namespaces, with the index of `podIndexes`: for drivers with a ledger. */
  readonly pods?: PodWatch | undefined;
  /** Reads the pods of a namespace, where they are not watched. */
  readonly podsIn?: PodReads | undefined;
  /**
   * One operation per volume name at a time, shared with the reclaim loops and the attempt sweep.
   */
  readonly locks: KeyedLock;
  /** Told of every claim of ours that has a volume, whether it is bound to it yet or not. */
  readonly binder?: Pick<Binder, "consider" | "forget" | "gone"> | undefined;
  readonly metrics?: ProvisionMetrics | undefined;
  readonly kubeMetrics?: KubeMetrics | undefined;
}

/** The part of a pod informer that is used; it may hold projections. */
export type PodWatch = Pick<Informer<Pod>, "store" | "onChange">;

/** The pods of a namespace as they are now; does not reject. */
export type PodReads = (namespace: string) => Promise<readonly Pod[]>;

type Claim = Stored<PersistentVolumeClaim>;
type Provision = Extract<ClaimPlan, { step: "provision" }>;

/** Serves the claims of one driver. */
export class ClaimLoop {
  readonly #deps: ClaimLoopDeps;
  readonly #driver: Driver;
  /** Name of the queue and the controller, in metrics and log lines: `claims/<driver>`. */
  readonly #name: string;
  readonly #queue: WorkQueue;
  readonly #lookup: ClaimLookup;
  readonly #reservations: Reservations | undefined;
  readonly #outcomes: Outcomes;
  /** Ends the work on a claim, by claim UID: called when the claim is deleted. */
  readonly #running = new Map<string, AbortController>();

  constructor(deps: ClaimLoopDeps, driver: Driver) {
    this.#deps = deps;
    this.#driver = driver;
    this.#name = `claims/${driver.name}`;
    this.#queue = new WorkQueue({ clock: deps.clock }, { name: this.#name, ...metricsOf(deps.kubeMetrics) });
    this.#reservations = driver.ledger === undefined ? undefined : new Reservations(driver.ledger);
    this.#outcomes = new Outcomes(deps, driver);
    const { claims, classes, volumes, pods } = deps;
    this.#lookup = {
      claim: (key) => claims.store.get(key),
      storageClass: (name) => classes.store.get(name),
      volume: (name) => volumes.store.get(name),
      pods: (key) => pods?.store.byIndex(BY_CLAIM, key) ?? [],
    };
  }

  /** Serves claims until the signal is aborted. The informers must have synced. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    const stops = this.#subscribe();
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

  #subscribe(): readonly (() => void)[] {
    const { claims, volumes, classes, pods } = this.#deps;
    const stops = [
      claims.onChange((change) => {
        if (change.type === "deleted") this.#gone(change.object);
        this.#queue.add(change.key);
        this.#addSiblings(change.object);
      }),
      // A class that appears, or a volume that comes or goes, may be what a claim waits for.
      classes.onChange((change) => {
        if (change.type === "deleted" || change.object.provisioner !== this.#driver.provisioner) return;
        for (const claim of claims.store.list()) {
          if (classNameOf(claim) === nameOf(change.object) && !claim.spec?.volumeName) this.#queue.add(keyOf(claim));
        }
      }),
      volumes.onChange((change) => {
        const key = claimKeyOf(change.object);
        if (key !== undefined && change.type !== "updated") this.#queue.add(key);
      }),
    ];
    const awaited = this.#driver.onChange?.(() => {
      for (const key of this.#outcomes.awaiting) this.#queue.add(key);
    });
    if (awaited !== undefined) stops.push(awaited);
    if (this.#reservations !== undefined && pods !== undefined) {
      stops.push(
        pods.onChange((change) => {
          this.#podChanged(change);
        }),
      );
    }
    return stops;
  }

  /** A pod that is gone, or will not run any more, may have been why room was reserved. */
  #podChanged({ object: pod }: Change<Pod>): void {
    for (const key of claimKeysOf(pod)) {
      const claim = this.#lookup.claim(key);
      if (claim !== undefined && this.#reservations?.has(uidOf(claim)) === true) this.#queue.add(key);
    }
  }

  /** The room of a claim that has no node of its own depends on its siblings. */
  #addSiblings(claim: Claim): void {
    if (this.#reservations === undefined) return;
    for (const key of siblingKeys(claim, this.#lookup)) {
      const sibling = this.#lookup.claim(key);
      if (sibling !== undefined && this.#reservations.has(uidOf(sibling))) this.#queue.add(key);
    }
  }

  #gone(claim: Claim): void {
    const uid = uidOf(claim);
    this.#outcomes.gone(claim);
    this.#running.get(uid)?.abort(new Error("the claim was deleted"));
    this.#reservations?.drop(uid);
    this.#deps.binder?.gone(keyOf(claim));
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { claims, classes, volumes, binder } = this.#deps;
    this.#outcomes.looking(key);
    const claim = claims.store.get(key);
    if (claim === undefined) return undefined;
    const storageClass = classes.store.get(classNameOf(claim));
    const ahead = this.#mayGoAhead(claim, storageClass);
    const plan = planClaim(this.#driver, {
      claim,
      storageClass,
      volume: volumes.store.get(volumeNameOf(claim)),
      ahead,
    });
    if (plan.step !== "provision") this.#keepOrDropRoom(claim);
    if (!ahead && provisionerOf(claim) !== this.#driver.provisioner) return undefined;
    switch (plan.step) {
      case "nothing":
        this.#nothingToMake(claim);
        return undefined;
      case "refuse":
        this.#outcomes.refused(claim, plan.error, `${plan.error.message}. ${plan.error.advice}`);
        return undefined;
      case "fail":
        return this.#outcomes.failed(claim, plan.error);
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
  #mayGoAhead(claim: Claim, storageClass: Stored<StorageClass> | undefined): boolean {
    const { binder, volumes } = this.#deps;
    if (binder === undefined || provisionerOf(claim) !== undefined) return false;
    return mayGoAhead(this.#driver.provisioner, {
      claim,
      storageClass,
      available: volumes.store.byIndex(AVAILABLE_BY_CLASS, classNameOf(claim)),
      reserved: volumes.store.byIndex(BY_CLAIM, keyOf(claim)),
    });
  }

  /**
   * A claim that names a volume of ours and is not in phase Bound (Lost, or a crash between two
   * writes) is left to the binder. A claim that waits for a volume populator gets an event.
   */
  #nothingToMake(claim: Claim): void {
    const { volumes, binder } = this.#deps;
    const boundTo = claim.spec?.volumeName;
    if (boundTo) {
      const volume = volumes.store.get(boundTo);
      const ours = boundTo === volumeNameOf(claim) && volume?.spec?.claimRef?.uid === uidOf(claim);
      if (ours && claim.status?.phase !== "Bound") binder?.consider(claim, volume);
      else binder?.forget(keyOf(claim));
      return;
    }
    const source = dataSourceOf(claim);
    if (source !== undefined) this.#outcomes.populatorExpected(claim, source.kind);
  }

  async #provision(claim: Claim, plan: Provision, signal: AbortSignal): Promise<ReconcileResult> {
    const { clock, metrics } = this.#deps;
    const labels = { class: nameOf(plan.storageClass), source: dataSourceOf(claim)?.kind ?? "" };
    const started = clock.monotonic();
    const controller = new AbortController();
    this.#running.set(uidOf(claim), controller);
    try {
      const both = AbortSignal.any([signal, controller.signal]);
      const volume = await this.#make(claim, plan, both);
      this.#outcomes.made(claim);
      metrics?.provisioned.inc(labels);
      metrics?.provisionSeconds.observe(labels, (clock.monotonic() - started) / 1000);
      await this.#made(claim, volume, both);
      return undefined;
    } catch (error) {
      // The claim is gone, or this leader is: the attempt sweep or the next leader goes on.
      if (controller.signal.aborted || signal.aborted) return undefined;
      metrics?.provisionFailed.inc(labels);
      return await this.#notMade(claim, error, signal);
    } finally {
      this.#running.delete(uidOf(claim));
    }
  }

  /** Makes the volume and stores its PersistentVolume. */
  async #make(claim: Claim, plan: Provision, signal: AbortSignal): Promise<Stored<PersistentVolume>> {
    const { client, locks, recorder } = this.#deps;
    const driver = this.#driver;
    const node = await this.#nodeFor(claim, plan, signal);
    const request = requestFor(claim, plan.storageClass, node);
    driver.admit(request);
    this.#reservations?.take([request, ...this.#siblings(request)]);
    recorder.record(events.aboutClaim(claim), events.provisioning(keyOf(claim)));
    return locks.run(
      request.volumeName,
      async () => {
        const made = await driver.provision(request, signal);
        return storeVolume(client, claim, volumeFor(request, made, driver.finalizer), signal);
      },
      signal,
    );
  }

  async #made(claim: Claim, volume: Stored<PersistentVolume>, signal: AbortSignal): Promise<void> {
    const { binder, recorder, volumes } = this.#deps;
    this.#reservations?.stored(uidOf(claim));
    binder?.consider(claim, volume);
    recorder.record(events.aboutClaim(claim), events.provisioned(nameOf(volume)));
    await this.#driver.stored(nameOf(volume));
    // The claim's next event must find the volume, or it would be made again.
    await volumes.waitFor(volume.metadata.resourceVersion, signal);
  }

  async #notMade(claim: Claim, error: unknown, signal: AbortSignal): Promise<ReconcileResult> {
    if (error instanceof CodedError && error.retry === "never") {
      this.#reservations?.drop(uidOf(claim));
      this.#outcomes.refused(claim, error);
      return undefined;
    }
    if (error instanceof CodedError && error.retry === "reschedule") {
      this.#reservations?.drop(uidOf(claim));
      return this.#outcomes.reschedule(claim, error, signal);
    }
    return this.#outcomes.failed(claim, error);
  }

  /**
   * The node the volume is made on: the selected one as the server has it now (its labels become
   * the volume's affinity, which cannot be changed: a cache may still have the old ones); for
   * Immediate binding the driver's choice; none for a volume that needs none.
   */
  async #nodeFor(claim: Claim, plan: Provision, signal: AbortSignal): Promise<Stored<Node> | undefined> {
    const { client, nodes: informer } = this.#deps;
    const { storageClass } = plan;
    if (plan.node === undefined) {
      const candidates = informer.store.list().filter((node) => canHold(node, storageClass));
      const lookup = await this.#withPods(claim);
      const pods = podsOfClaim(claim, lookup, (other) => this.#reservations?.nodeOf(uidOf(other)));
      return this.#driver.chooseNode(requestFor(claim, storageClass, undefined), candidates, pods);
    }
    const node = await client.find(nodes, { name: plan.node }, { signal });
    if (node === undefined) throw provisionErrors.NODE_MISSING({ node: plan.node });
    return node;
  }

  /** The lookup, with the pods of the claim's namespace read now where pods are not watched. */
  async #withPods(claim: Claim): Promise<ClaimLookup> {
    const { podsIn } = this.#deps;
    if (podsIn === undefined) return this.#lookup;
    const pods = await podsIn(namespaceOf(claim));
    return { ...this.#lookup, pods: (key) => pods.filter((pod) => claimKeysOf(pod).includes(key)) };
  }

  /** The other volumes to make on the same node for the same pods. */
  #siblings({ claim, node }: ProvisionRequest): readonly ProvisionRequest[] {
    if (node === undefined || selectedNodeOf(claim) === undefined) return [];
    return siblingsOf(this.#driver, claim, nameOf(node), this.#lookup)
      .filter((sibling) => !this.#isBeingMade(sibling.claim, nameOf(node)))
      .map((sibling) => requestFor(sibling.claim, sibling.storageClass, node))
      .filter((request) => this.#isAdmitted(request));
  }

  /** A volume that is being made keeps its room, whatever becomes of the others. */
  #isBeingMade(claim: Claim, node: string): boolean {
    return this.#running.has(uidOf(claim)) && this.#reservations?.nodeOf(uidOf(claim)) === node;
  }

  #isAdmitted(request: ProvisionRequest): boolean {
    try {
      this.#driver.admit(request);
      return true;
    } catch {
      // Its own reconcile reports the error.
      return false;
    }
  }

  /**
   * There is nothing to make for the claim now: the room reserved for it is released, unless its
   * siblings still need it.
   */
  #keepOrDropRoom(claim: Claim): void {
    const reservations = this.#reservations;
    if (reservations === undefined || !reservations.has(uidOf(claim))) return;
    if (this.#lookup.volume(volumeNameOf(claim)) !== undefined) reservations.stored(uidOf(claim));
    else if (!isWantedBySiblings(claim, reservations.nodeOf(uidOf(claim)), this.#lookup)) {
      reservations.drop(uidOf(claim));
    }
  }
}

function requestFor(
  claim: Claim,
  storageClass: Stored<StorageClass>,
  node: Stored<Node> | undefined,
): ProvisionRequest {
  return { claim, storageClass, volumeName: volumeNameOf(claim), node };
}
