import type { Node, Pod } from "kubernetes-types/core/v1.js";
import { uidOf } from "../../../kube/objects.ts";
import { addRequests, amounts, requestsOf, type Amounts } from "./resources.ts";

/**
 * A node with the pods that are on it, those included that the scheduler has put there and the
 * server does not show yet.
 */
export class NodeInfo {
  readonly #pods = new Map<string, Pod>();
  #node: Node | undefined;
  #requested: Amounts | undefined;
  #allocatable: Amounts | undefined;

  get node(): Node | undefined {
    return this.#node;
  }

  set node(node: Node | undefined) {
    this.#node = node;
    this.#allocatable = undefined;
  }

  get name(): string {
    return this.#node?.metadata?.name ?? "";
  }

  get labels(): Readonly<Record<string, string>> {
    return this.#node?.metadata?.labels ?? {};
  }

  get pods(): readonly Pod[] {
    return [...this.#pods.values()];
  }

  get podCount(): number {
    return this.#pods.size;
  }

  /** What the pods on it have requested. */
  get requested(): Amounts {
    this.#requested ??= this.pods.map(requestsOf).reduce(addRequests, new Map());
    return this.#requested;
  }

  get allocatable(): Amounts {
    this.#allocatable ??= amounts(this.#node?.status?.allocatable ?? this.#node?.status?.capacity);
    return this.#allocatable;
  }

  add(pod: Pod): void {
    this.#pods.set(uidOf(pod), pod);
    this.#requested = undefined;
  }

  remove(uid: string): void {
    if (this.#pods.delete(uid)) this.#requested = undefined;
  }
}
