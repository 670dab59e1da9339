/*
 * The state of a running drain: the volumes and pods that are to leave each node, and their state
 * at the last read. It does no I/O. All of it can be read from the cluster again.
 */
import type { VolumeMove } from "../../../api/kinds/volume-move.ts";
import { nameOf, namespaceOf, type Stored } from "../../../kube/objects.ts";
import { isFinished } from "../../../move/drains/earlier-moves.ts";
import type { AheadPlan } from "../ahead/plan.ts";
import { trackedPod, type TrackedPod } from "../pods/evictions.ts";
import type { SortedPods } from "../pods/filters.ts";
import { volumeLine, type DrainView, type LeavingVolume, type NodeLine, type PodLine } from "../show/view.ts";

export class DrainState {
  readonly #nodes = new Map<string, NodeLine["state"]>();
  readonly #leaving = new Map<string, LeavingVolume>();
  readonly #moves = new Map<string, Stored<VolumeMove>>();
  readonly #pods = new Map<string, readonly TrackedPod[]>();
  readonly #left: PodLine[] = [];

  setNode(node: string, state: NodeLine["state"]): void {
    this.#nodes.set(node, state);
  }

  /** The nodes that this drain has cordoned or has found cordoned. */
  get cordoned(): readonly string[] {
    return [...this.#nodes].filter(([, state]) => state !== "Moving").map(([node]) => node);
  }

  /** The moves of this drain at the last read. */
  get moves(): readonly Stored<VolumeMove>[] {
    return [...this.#moves.values()];
  }

  /** The volumes that are to leave the nodes, and those that stay. */
  expect({ groups, stays }: AheadPlan): void {
    for (const { later, node, volumes } of groups) {
      for (const { claim, name } of volumes) {
        this.#leaving.set(name, { node, claim, volume: name, ...(later === undefined ? {} : { later }) });
      }
    }
    for (const { claim, name, node, why } of stays) this.#leaving.set(name, { node, claim, volume: name, stays: why });
  }

  addMove(move: Stored<VolumeMove>): void {
    this.#moves.set(move.metadata.uid, move);
  }

  /**
   * Takes all moves of the cluster, and keeps those of this drain and those that the controller has
   * made for the nodes.
   */
  seeMoves(found: readonly Stored<VolumeMove>[]): void {
    const mine = found.filter(
      (move) => this.#moves.has(move.metadata.uid) || (!isFinished(move) && this.#nodes.has(move.spec.from)),
    );
    this.#moves.clear();
    for (const move of mine) this.addMove(move);
  }

  /** Takes the pods of a node. From here on the drain works on exactly these. */
  track(node: string, { evict, left }: SortedPods): void {
    this.setPods(
      node,
      evict.map((pod) => trackedPod(pod)),
    );
    for (const { pod, why } of left) {
      this.#left.push({ node, pod: `${namespaceOf(pod)}/${nameOf(pod)}`, state: "Left", why });
    }
  }

  podsOf(node: string): readonly TrackedPod[] {
    return this.#pods.get(node) ?? [];
  }

  setPods(node: string, pods: readonly TrackedPod[]): void {
    this.#pods.set(node, pods);
  }

  setPod(node: string, pod: TrackedPod): void {
    this.setPods(
      node,
      this.podsOf(node).map((one) => (one.uid === pod.uid ? pod : one)),
    );
  }

  view(): DrainView {
    const pods = [...this.#pods].flatMap(([node, tracked]) => tracked.map((pod) => podLine(node, pod)));
    return {
      nodes: [...this.#nodes].map(([node, state]) => ({ node, state })),
      volumes: [...this.#leaving.values()].map((volume) => volumeLine(volume, this.moves)),
      pods: [...pods, ...this.#left],
    };
  }
}

function podLine(node: string, { name, namespace, state, why }: TrackedPod): PodLine {
  return { node, pod: `${namespace}/${name}`, state, ...(why === undefined ? {} : { why }) };
}
