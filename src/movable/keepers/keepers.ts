/*
 * Brings the keepers of each node to where plan.ts says, and lets the driver put a volume on a node
 * only while its keeper is there.
 *
 * `whileKept(node, work)` makes sure that the keeper exists and holds it until the work has ended:
 * the loop treats the node as one with volumes meanwhile. Both are of one process, the leader.
 *
 * What a crash leaves: after a create, a keeper that the next leader's plan judges; after a
 * deletion, a keeper that is ending and keeps its finalizer until the plan lets it go.
 */
import { localVolumes, type LocalVolume } from "../../api/kinds/local-volume.ts";
import type { StorageNode } from "../../api/kinds/storage-node.ts";
import { volumeMoves, type VolumeMove } from "../../api/kinds/volume-move.ts";
import { KEEPER_FINALIZER } from "../../api/names.ts";
import type { Random } from "../../effects/random.ts";
import type { KubeClient } from "../../kube/client.ts";
import { runController, type ControllerDeps, type ReconcileResult } from "../../kube/queue/controller.ts";
import { isConflict, isInvalid, isNotFound } from "../../kube/errors.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import { nodes as nodeResource, pods as podResource, type Node, type Pod } from "../../kube/kinds.ts";
import { isLeaving } from "../../kube/nodes.ts";
import type { Stored } from "../../kube/objects.ts";
import { WorkQueue } from "../../kube/queue/work-queue.ts";
import { messageOf } from "../../observe/errors.ts";
import { isReleased } from "../../place/stays.ts";
import { movableErrors } from "../errors.ts";
import { arrivesAt } from "./arriving.ts";
import { planKeepers, type KeeperPlan } from "./plan.ts";
import { isKeeper, keeperOf, keeperPod, type KeeperSettings } from "./pod.ts";

/** Index of keeper pods by node, for the informer of pods. */
export const KEEPERS_BY_NODE = "keepersByNode";
export const keeperIndex = (namespace: string) => ({
  [KEEPERS_BY_NODE]: (pod: Pod): readonly string[] => {
    const nodeName = pod.spec?.nodeName;
    return nodeName !== undefined && isKeeper(pod, namespace) ? [nodeName] : [];
  },
});

export interface KeepersDeps extends ControllerDeps {
  readonly client: KubeClient;
  readonly random: Random;
  readonly settings: KeeperSettings;
  readonly nodes: Informer<Node>;
  readonly storageNodes: Informer<StorageNode>;
  readonly volumes: Informer<LocalVolume>;
  readonly moves: Informer<VolumeMove>;
  /** With the index of `keeperIndex`. */
  readonly pods: Informer<Pod>;
  /** Which of these volumes of the node must move before it may go. */
  readonly toMove: (node: Stored<Node>, volumes: readonly Stored<LocalVolume>[]) => boolean;
}

const WORKERS = 8;
const AGAIN_MS = 1000;
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 300_000;

export class Keepers {
  readonly #deps: KeepersDeps;
  readonly #queue: WorkQueue;
  /** How many pieces of work need the node's keeper now. */
  readonly #needed = new Map<string, number>();
  /** Creations under way, so that callers share one. */
  readonly #creating = new Map<string, Promise<void>>();
  /** Keepers of a node that failed in a row. */
  readonly #failures = new Map<string, number>();

  constructor(deps: KeepersDeps) {
    this.#deps = deps;
    this.#queue = new WorkQueue({ clock: deps.clock }, { name: "keepers" });
  }

  /**
   * Runs `work` while the node has a keeper. Rejects in the server's words when the keeper is
   * refused.
   */
  async whileKept<T>(nodeName: string, work: () => Promise<T>): Promise<T> {
    this.#needed.set(nodeName, (this.#needed.get(nodeName) ?? 0) + 1);
    try {
      if (!this.#hasLive(nodeName)) await this.#createOnce(nodeName);
      return await work();
    } finally {
      const left = (this.#needed.get(nodeName) ?? 1) - 1;
      if (left > 0) this.#needed.set(nodeName, left);
      else this.#needed.delete(nodeName);
      this.#queue.add(nodeName);
    }
  }

  /** Looks at a node's keepers again: something that decides about them has changed. */
  look(nodeName: string): void {
    this.#queue.add(nodeName);
  }

  /** Runs until the signal is aborted. The informers must have synced. */
  async run(signal: AbortSignal): Promise<void> {
    const { moves, nodes, pods, settings, storageNodes, volumes } = this.#deps;
    const stops = [
      moves.onChange(({ object, old }) => {
        for (const node of [object, old].map((move) => move?.status?.target))
          if (node !== undefined) this.#queue.add(node);
      }),
      nodes.onChange(({ key }) => {
        this.#queue.add(key);
      }),
      storageNodes.onChange(({ key }) => {
        this.#queue.add(key);
      }),
      volumes.onChange(({ object, old }) => {
        this.#queue.add(object.spec.nodeName);
        if (old !== undefined) this.#queue.add(old.spec.nodeName);
      }),
      pods.onChange(({ object }) => {
        const nodeName = object.spec?.nodeName;
        if (nodeName !== undefined && isKeeper(object, settings.namespace)) this.#queue.add(nodeName);
      }),
    ];
    const reconcile = (name: string, stop: AbortSignal): Promise<ReconcileResult> => this.#reconcile(name, stop);
    try {
      await runController(this.#deps, { name: "keepers", queue: this.#queue, workers: WORKERS, reconcile }, signal);
    } finally {
      for (const stop of stops) stop();
    }
  }

  #keepersOn(nodeName: string) {
    return this.#deps.pods.store.byIndex(KEEPERS_BY_NODE, nodeName).map((pod) => keeperOf(pod));
  }

  #hasLive(nodeName: string): boolean {
    return this.#keepersOn(nodeName).some(({ ending, failed }) => !ending && !failed);
  }

  #plan(nodeName: string): KeeperPlan {
    const { moves, nodes, toMove, volumes } = this.#deps;
    const node = nodes.store.get(nodeName);
    const here = volumes.store.byIndex("byNode", nodeName);
    const arriving = isAwaited(node, nodeName, moves.store.list());
    const leaving = node !== undefined && isLeaving(node);
    return planKeepers({
      node: node === undefined ? undefined : { leaving },
      hasVolumes: here.length > 0 || arriving || this.#needed.has(nodeName),
      // Only for this node, because it looks at all nodes for each volume of the node.
      toMove: leaving && (arriving || toMove(node, here)),
      keepers: this.#keepersOn(nodeName),
    });
  }

  async #reconcile(nodeName: string, signal: AbortSignal): Promise<ReconcileResult> {
    const plan = this.#plan(nodeName);
    try {
      return await this.#carryOut(nodeName, plan, signal);
    } catch (error) {
      if (isConflict(error) || isInvalid(error)) return { requeueAfterMs: AGAIN_MS };
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #carryOut(nodeName: string, plan: KeeperPlan, signal: AbortSignal): Promise<ReconcileResult> {
    const { client, settings } = this.#deps;
    switch (plan.step) {
      case "nothing":
        return undefined;
      case "create": {
        const pauseMs = this.#pauseMs(nodeName);
        if (pauseMs > 0) return { requeueAfterMs: pauseMs };
        if (plan.isLeaving && (await this.#mayLetGo(nodeName, "nothing-to-move", signal))) {
          return { requeueAfterMs: AGAIN_MS };
        }
        await this.#createOnce(nodeName);
        return undefined;
      }
      case "delete": {
        const { name, uid } = plan.keeper;
        await client.delete(podResource, { name, namespace: settings.namespace }, { uid, signal });
        return undefined;
      }
      case "let-go":
        if (!(await this.#mayLetGo(nodeName, plan.check, signal))) return { requeueAfterMs: AGAIN_MS };
        await this.#letGo(plan.keeper, signal);
        return undefined;
      default:
        return plan satisfies never;
    }
  }

  /**
   * Whether nothing needs a keeper, by uncached reads. A node for which a claim is being served at
   * this moment keeps its keeper.
   */
  async #mayLetGo(
    nodeName: string,
    check: Extract<KeeperPlan, { step: "let-go" }>["check"],
    signal: AbortSignal,
  ): Promise<boolean> {
    const { client, toMove } = this.#deps;
    if (check === "none") return true;
    const node = await client.find(nodeResource, { name: nodeName }, { signal });
    if (node === undefined) return true;
    if (check === "node-stays") return !isLeaving(node);
    // The moves first: one that is through by then has its volumes in the second list.
    const moves = await client.list(volumeMoves, { signal });
    if (isAwaited(node, nodeName, moves)) return false;
    const volumes = await client.list(localVolumes, { fieldSelector: `spec.nodeName=${nodeName}`, signal });
    if (this.#needed.has(nodeName)) return false;
    return isLeaving(node) ? !toMove(node, volumes) : volumes.length === 0;
  }

  async #letGo({ name, uid }: { name: string; uid: string }, signal: AbortSignal): Promise<void> {
    const { client, settings } = this.#deps;
    const at = { name, namespace: settings.namespace };
    const pod = await client.get(podResource, at, { signal });
    const finalizers = pod.metadata.finalizers ?? [];
    const index = finalizers.indexOf(KEEPER_FINALIZER);
    if (pod.metadata.uid !== uid || index < 0) return;
    const path = `/metadata/finalizers/${String(index)}`;
    await client.patchJson(
      podResource,
      at,
      [
        { op: "test", path: "/metadata/uid", value: uid },
        { op: "test", path, value: KEEPER_FINALIZER },
        { op: "remove", path },
      ],
      { signal },
    );
  }

  /**
   * Milliseconds until another keeper is tried where the last ones failed: 10 s, 20 s … five
   * minutes.
   */
  #pauseMs(nodeName: string): number {
    const newest = this.#keepersOn(nodeName)
      .filter(({ failed }) => failed)
      .map(({ createdAt }) => Date.parse(createdAt))
      .toSorted((a, b) => b - a)[0];
    if (newest === undefined) {
      this.#failures.delete(nodeName);
      return 0;
    }
    const failures = this.#failures.get(nodeName) ?? 1;
    const due = newest + Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);
    return Math.max(0, due - this.#deps.clock.now());
  }

  async #createOnce(nodeName: string): Promise<void> {
    const running = this.#creating.get(nodeName);
    if (running !== undefined) return running;
    const creating = this.#create(nodeName).finally(() => {
      this.#creating.delete(nodeName);
    });
    this.#creating.set(nodeName, creating);
    return creating;
  }

  async #create(nodeName: string): Promise<void> {
    const { client, pods, random, settings, storageNodes } = this.#deps;
    const storageNode = storageNodes.store.get(nodeName);
    if (storageNode === undefined) throw movableErrors.KEEPER_REFUSED({ node: nodeName, why: "it has no StorageNode" });
    const suffix = random.uuid().slice(0, 5);
    this.#failures.set(nodeName, (this.#failures.get(nodeName) ?? 0) + 1);
    try {
      const pod = await client.create(podResource, keeperPod(storageNode, suffix, settings));
      await pods.waitFor(pod.metadata.resourceVersion);
    } catch (error) {
      throw movableErrors.KEEPER_REFUSED({ node: nodeName, why: messageOf(error) }, { cause: error });
    }
  }
}

/** Whether a move brings volumes to the node, and the node was not released from its holds. */
function isAwaited(node: Node | undefined, nodeName: string, moves: readonly VolumeMove[]): boolean {
  if (node !== undefined && isReleased(node)) return false;
  return moves.some((move) => arrivesAt(move) === nodeName);
}
