import type { Node } from "../../../kube/kinds.ts";

/** All nodes, watched. */
export interface NodeLookup {
  get(name: string): Node | undefined;
  all(): Iterable<Node>;
}

const OUT_OF_SERVICE = "node.kubernetes.io/out-of-service";

/** Whether a node's kubelet answers, as far as the cluster knows. */
export function isReady(node: Node | undefined): boolean {
  return (node?.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True");
}

/** Whether a pod's kubelet answers. One without a node (name "") waits for no kubelet. */
export function answers(nodes: Pick<NodeLookup, "get">, name: string): boolean {
  return name === "" || isReady(nodes.get(name));
}

/** How many nodes can now run a pod that names no node. */
export function usableNodes(nodes: NodeLookup): number {
  let count = 0;
  for (const node of nodes.all()) if (isReady(node) && node.spec?.unschedulable !== true) count++;
  return count;
}

/**
 * Whether an administrator has declared that nothing runs on a node any more: its object is gone,
 * or it carries the out-of-service taint. Kubernetes itself then forces its pods off.
 */
export function isDead(node: Node | undefined): boolean {
  return node === undefined || (node.spec?.taints ?? []).some(({ key }) => key === OUT_OF_SERVICE);
}
