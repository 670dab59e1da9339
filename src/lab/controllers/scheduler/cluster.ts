// The scheduler's view of nodes and the pods on them.
//
// A pod is on a node when the informer shows it there, or when the scheduler has chosen the node
// and the informer does not show it yet (assumed). Invariant: a pod is on at most one node, and a
// finished pod is on none. A deleted node keeps its pods here until they are deleted too, but is
// not a candidate for other pods.
import type { Node, Pod } from "kubernetes-types/core/v1.js";
import { uidOf } from "../../../kube/objects.ts";
import { isTerminal } from "../../objects/pods.ts";
import { NodeInfo } from "./node-info.ts";

export class Cluster {
  readonly #infos = new Map<string, NodeInfo>();
  readonly #placed = new Map<string, string>();
  readonly #assumed = new Set<string>();

  /** The nodes that are there, by name. */
  nodes(): readonly NodeInfo[] {
    return [...this.#infos.values()]
      .filter(({ node }) => node !== undefined)
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  isAssumed(uid: string): boolean {
    return this.#assumed.has(uid);
  }

  setNode(name: string, node: Node | undefined): void {
    this.#info(name).node = node;
  }

  /** A pod as the server shows it now. */
  show(pod: Pod): void {
    const uid = uidOf(pod);
    const { nodeName = "" } = pod.spec ?? {};
    if (nodeName === "" && this.#assumed.has(uid)) return;
    this.#assumed.delete(uid);
    this.#take(uid);
    if (nodeName !== "" && !isTerminal(pod)) this.#put(pod, nodeName);
  }

  remove(uid: string): void {
    this.#assumed.delete(uid);
    this.#take(uid);
  }

  assume(pod: Pod, nodeName: string): void {
    this.#assumed.add(uidOf(pod));
    this.#put(pod, nodeName);
  }

  /** Takes an assumption back; does nothing once the server shows the pod on a node. */
  forget(uid: string): void {
    if (this.#assumed.delete(uid)) this.#take(uid);
  }

  #put(pod: Pod, nodeName: string): void {
    this.#placed.set(uidOf(pod), nodeName);
    this.#info(nodeName).add(pod);
  }

  #take(uid: string): void {
    const nodeName = this.#placed.get(uid);
    if (nodeName === undefined) return;
    this.#placed.delete(uid);
    const info = this.#info(nodeName);
    info.remove(uid);
    if (info.node === undefined && info.podCount === 0) this.#infos.delete(nodeName);
  }

  #info(name: string): NodeInfo {
    let info = this.#infos.get(name);
    if (info === undefined) this.#infos.set(name, (info = new NodeInfo()));
    return info;
  }
}
