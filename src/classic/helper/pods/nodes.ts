import type { Node } from "../../../kube/kinds.ts";
import { isReady } from "../../../kube/nodes.ts";

/** All nodes, watched. */
export interface NodeLookup {
  get(name: string): Node | undefined;
  all(): Iterable<Node>;
}

/** Whether a pod's kubelet answers. True for a pod without a node (name ""). */
export function answers(nodes: Pick<NodeLookup, "get">, name: string): boolean {
  return name === "" || isReady(nodes.get(name));
}

/** How many nodes can now run a pod that names no node. */
export function usableNodes(nodes: NodeLookup): number {
  return [...nodes.all()].filter((node) => isReady(node) && node.spec?.unschedulable !== true).length;
}
