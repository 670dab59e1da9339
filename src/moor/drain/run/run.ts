/*
 * Drains nodes. Its whole state is in the cluster, so that the same command can continue after an
 * interruption. A crash after each step leaves:
 *
 *  1 look, refuse                nothing
 *  2 make VolumeMoves            some of them; the next run follows them and makes the rest
 *  3 wait until they have ended  volumes on other nodes, with their pods; the nodes take new pods
 *  4 delete moves that cannot    the volumes are where they were
 *    begin
 *  5 cordon all nodes            cordoned nodes whose pods run, as kubectl cordon leaves them
 *  6 evict, node by node         pods that run or end. A move that the controller made continues
 *                                up to Prepared, and waits there for the next drain
 *
 * It never undoes anything by itself: a node that is cordoned stays so, as with kubectl.
 */
import { volumeMoves, type VolumeMove } from "../../../api/kinds/volume-move.ts";
import { KEEPER_LABEL } from "../../../api/names.ts";
import type { Clock } from "../../../effects/clock.ts";
import type { Random } from "../../../effects/random.ts";
import type { KubeClient } from "../../../kube/client.ts";
import { isConflict, isNotFound } from "../../../kube/errors.ts";
import { nodes as nodeKind, pods as podKind } from "../../../kube/kinds.ts";
import type { Stored } from "../../../kube/objects.ts";
import type { Cluster } from "../../cluster/cluster.ts";
import { patientReader } from "../../cluster/patience.ts";
import { readCluster } from "../../cluster/read.ts";
import { moorErrors } from "../../errors.ts";
import { controllerStatus } from "../../status/controller.ts";
import { planAhead } from "../ahead/plan.ts";
import { aheadState, toCallOff } from "../ahead/state.ts";
import { podsWith } from "../plan.ts";
import { afterEviction, planEvictions, type TrackedPod } from "../pods/evictions.ts";
import { podsRefused, sortPods, type PodFilters, type SortedPods } from "../pods/filters.ts";
import type { DrainShow } from "../show/show.ts";
import { howToContinue } from "./how-to-continue.ts";
import { resultOf, type DrainResult } from "./result.ts";
import { DrainState } from "./state.ts";

export interface DrainEffects {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly show: DrainShow;
}

export interface DrainRequest {
  /** In the order in which they are emptied. */
  readonly nodes: readonly string[];
  readonly filters: PodFilters;
  /** A label selector: only these pods are evicted, and only their volumes move. Unset: all. */
  readonly podSelector?: string | undefined;
  /** Bytes per second of each move that it makes, as a quantity. Unset: no limit. */
  readonly bandwidth?: string | undefined;
  /** Unset: each pod has its own. */
  readonly gracePeriodSeconds?: number | undefined;
  /** Unset: for ever. */
  readonly timeoutMs?: number | undefined;
}

const LOOK_MS = 1_000;
/**
 * The nodes are cordoned after all remaining moves have been stuck for this time. A short wait is
 * useful: a disruption budget that one move has used up allows the next eviction when that move's
 * pod is Ready on the other node.
 */
const STUCK_MS = 10_000;

export class Drain {
  readonly #effects: DrainEffects;
  readonly #request: DrainRequest;
  readonly #signal: AbortSignal;
  readonly #state = new DrainState();
  readonly #read: ReturnType<typeof patientReader>;
  readonly #beganAt: number;
  #hasBegun = false;
  /** UIDs of the pods that the selector had at the last look; undefined without one. */
  #selected: ReadonlySet<string> | undefined;

  constructor(effects: DrainEffects, request: DrainRequest, signal: AbortSignal) {
    this.#effects = effects;
    this.#request = request;
    this.#signal = signal;
    this.#read = patientReader(effects.clock);
    this.#beganAt = effects.clock.monotonic();
  }

  /**
   * Rejects with MOOR_NODE_MISSING and MOOR_PODS_REFUSED before anything was changed, with
   * MOOR_PODS_NOT_EVICTED and MOOR_TIMED_OUT later.
   */
  async run(): Promise<DrainResult> {
    const { clock } = this.#effects;
    const { nodes } = this.#request;
    await this.#moveAhead(await this.#look());
    await this.#cordon();
    const cluster = await this.#look();
    this.#state.expect(planAhead(cluster, nodes, { suffix: () => "", selected: this.#selected }));
    for (const node of nodes) this.#state.track(node, this.#sorted(cluster, node));
    for (const node of nodes) await this.#empty(node);
    return resultOf(this.#state.view(), Math.round((clock.monotonic() - this.#beganAt) / 1000));
  }

  /** How to continue or cancel an incomplete drain. Undefined: the drain has changed nothing. */
  howToContinue(): string | undefined {
    if (!this.#hasBegun) return undefined;
    const { nodes, podSelector } = this.#request;
    return howToContinue({ nodes, podSelector }, this.#state.cordoned, this.#state.moves);
  }

  /** Reads everything, and refuses what kubectl would refuse. */
  async #look(): Promise<Cluster> {
    const cluster = await readCluster(this.#effects, this.#signal);
    this.#selected = await this.#readSelected();
    const refused = this.#refused(cluster);
    if (refused.length === 0) return cluster;
    throw podsRefused(refused);
  }

  /**
   * With a selector also pods that it does not have, but that end because their volumes move with
   * those of selected pods: nobody has agreed to lose them or their emptyDirs.
   */
  #refused(cluster: Cluster): SortedPods["refused"] {
    const { filters, nodes } = this.#request;
    const refused = nodes.flatMap((node) => this.#sorted(cluster, node).refused);
    const selected = this.#selected;
    if (selected === undefined) return refused;
    const { groups } = planAhead(cluster, nodes, { suffix: () => "", selected });
    const moving = new Set(groups.flatMap(({ volumes }) => volumes.map(({ name }) => name)));
    const along = nodes
      .flatMap((node) => podsWith(cluster, node, moving))
      .filter(({ metadata }) => !selected.has(metadata.uid));
    return [...refused, ...sortPods(along, filters).refused];
  }

  /**
   * The server reads the selector, as it does kubectl's: it refuses one that is none. A selector
   * that only leaves some pods out (`app!=db`) has the keeper too, but an eviction of that is a
   * request to move every volume of the node.
   */
  async #readSelected(): Promise<ReadonlySet<string> | undefined> {
    const { podSelector: labelSelector, nodes } = this.#request;
    if (labelSelector === undefined) return undefined;
    const found = await this.#effects.client.list(podKind, { labelSelector, signal: this.#signal });
    const here = found.filter(({ metadata, spec }) => {
      return nodes.includes(spec?.nodeName ?? "") && metadata.labels?.[KEEPER_LABEL] === undefined;
    });
    return new Set(here.map(({ metadata }) => metadata.uid));
  }

  #sorted({ pods }: Cluster, node: string): SortedPods {
    const here = pods.store.list().filter(({ metadata, spec }) => {
      return spec?.nodeName === node && (this.#selected === undefined || this.#selected.has(metadata.uid));
    });
    return sortPods(here, this.#request.filters);
  }

  async #moveAhead(cluster: Cluster): Promise<void> {
    const { client, random } = this.#effects;
    const { bandwidth, nodes } = this.#request;
    const suffix = (): string => random.uuid().slice(0, 8);
    const plan = planAhead(cluster, nodes, { bandwidth, suffix, selected: this.#selected });
    this.#hasBegun = true;
    for (const node of nodes) {
      const isCordoned = cluster.nodes.store.get(node)?.spec?.unschedulable === true;
      this.#state.setNode(node, isCordoned ? "Cordoned" : "Moving");
    }
    this.#tellWhetherItMoves(cluster);
    this.#state.expect(plan);
    for (const move of plan.follow) this.#state.addMove(move);
    for (const move of plan.moves) {
      this.#state.addMove(await client.create(volumeMoves, move, { signal: this.#signal }));
    }
    if (this.#state.moves.length > 0) await this.#untilNothingGoesOn();
    for (const move of toCallOff(this.#state.moves)) await this.#delete(move);
  }

  /** Waits until the moves have ended, or have all been stuck for a while. */
  async #untilNothingGoesOn(): Promise<void> {
    const { clock } = this.#effects;
    const isAnyUncordoned = this.#state.cordoned.length < this.#request.nodes.length;
    const patienceMs = isAnyUncordoned ? STUCK_MS : 0;
    let stuckAt: number | undefined;
    for (;;) {
      this.#show();
      const state = aheadState(this.#state.moves);
      const time = clock.monotonic();
      stuckAt = state === "stuck" ? (stuckAt ?? time) : undefined;
      if (state === "ended" || (stuckAt !== undefined && time - stuckAt >= patienceMs)) return;
      await this.#pause();
      await this.#readMoves();
    }
  }

  #tellWhetherItMoves({ lease, now, pods }: Cluster): void {
    if (lease === undefined) return;
    const { trouble } = controllerStatus(pods.store.list(), lease.found, now);
    if (trouble !== undefined) {
      this.#effects.show.note(`No volume moves until Mooring's controller works again: ${trouble}`);
    }
  }

  async #cordon(): Promise<void> {
    const { client } = this.#effects;
    for (const name of this.#request.nodes) {
      await client.patchMerge(nodeKind, { name }, { spec: { unschedulable: true } }, { signal: this.#signal });
      this.#state.setNode(name, "Cordoned");
    }
    this.#show();
  }

  /** Evicts the pods of a node until none remains. */
  async #empty(node: string): Promise<void> {
    const { client, clock } = this.#effects;
    for (;;) {
      const fieldSelector = `spec.nodeName=${node}`;
      const found = await this.#read(() => client.list(podKind, { fieldSelector, signal: this.#signal }));
      await this.#readMoves();
      if (found !== undefined) {
        const { evict, pods } = planEvictions(this.#state.podsOf(node), found, clock.monotonic());
        this.#state.setPods(node, pods);
        this.#show();
        await Promise.all(evict.map((pod) => this.#evict(node, pod)));
        this.#show();
        if (pods.every(({ state }) => state === "Gone" || state === "Failed")) break;
      }
      await this.#pause();
    }
    const failed = this.#state.podsOf(node).filter(({ state }) => state === "Failed");
    if (failed.length > 0) {
      const pods = failed.map(({ name, namespace, why }) => `${namespace}/${name} (${why ?? "no reason given"})`);
      throw moorErrors.PODS_NOT_EVICTED({ node, pods });
    }
    this.#state.setNode(node, "Drained");
    this.#show();
  }

  async #evict(node: string, pod: TrackedPod): Promise<void> {
    const { client, clock } = this.#effects;
    const { gracePeriodSeconds } = this.#request;
    const askedAt = clock.monotonic();
    const refused = await client.evict(pod, { gracePeriodSeconds, signal: this.#signal }).then(
      () => undefined,
      (error: unknown) => error,
    );
    this.#signal.throwIfAborted();
    this.#state.setPod(node, afterEviction(pod, refused, askedAt));
  }

  async #readMoves(): Promise<void> {
    const found = await this.#read(() => this.#effects.client.list(volumeMoves, { signal: this.#signal }));
    if (found !== undefined) this.#state.seeMoves(found);
  }

  async #delete({ metadata: { name, uid } }: Stored<VolumeMove>): Promise<void> {
    try {
      await this.#effects.client.delete(volumeMoves, { name }, { uid, signal: this.#signal });
    } catch (error) {
      // The move is gone, or another one has its name.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }

  #show(): void {
    this.#effects.show.update(this.#state.view());
  }

  async #pause(): Promise<void> {
    const { clock } = this.#effects;
    const { timeoutMs } = this.#request;
    if (timeoutMs !== undefined && clock.monotonic() - this.#beganAt >= timeoutMs) {
      const pods = this.#state.view().pods.filter(({ state }) => state !== "Gone" && state !== "Left");
      const what = pods.length === 0 ? "volumes still move" : `${pods.map(({ pod }) => pod).join(", ")} remain`;
      throw moorErrors.TIMED_OUT({ seconds: Math.round(timeoutMs / 1000), what });
    }
    await clock.sleep(LOOK_MS, this.#signal);
  }
}
