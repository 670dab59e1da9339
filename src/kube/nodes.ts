import type { Node } from "./kinds.ts";

// Also in src/api/names.ts, which this room may not import.
const HOSTNAME_LABEL = "kubernetes.io/hostname";

/**
 * Taints of nodes that are about to go: the cluster autoscaler's, and Karpenter's. (A cordon, which
 * `kubectl drain` begins with, is `spec.unschedulable`.)
 */
export const LEAVING_TAINTS: readonly string[] = ["ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted"];

/** Whether a node's kubelet answers, as far as the cluster knows. */
export function isReady(node: Node | undefined): boolean {
  return (node?.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True");
}

/**
 * Whether a node is to be emptied: cordoned, being deleted, or with one of these taints, whatever
 * its effect.
 */
export function isLeaving(node: Node, taints: readonly string[] = LEAVING_TAINTS): boolean {
  if (node.spec?.unschedulable === true || node.metadata?.deletionTimestamp !== undefined) return true;
  return (node.spec?.taints ?? []).some(({ key }) => taints.includes(key));
}

/** The name a node calls itself, which need not be its object's name. */
export function hostnameOf(node: Node): string | undefined {
  return node.metadata?.labels?.[HOSTNAME_LABEL];
}

/** Whether pods that tolerate nothing are kept off the node by a taint. */
export function isTainted(node: Node): boolean {
  return (node.spec?.taints ?? []).some(({ effect }) => effect === "NoSchedule" || effect === "NoExecute");
}
