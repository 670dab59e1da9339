import type { Node } from "./kinds.ts";

// Also in src/api/names.ts, which this room may not import.
const HOSTNAME_LABEL = "kubernetes.io/hostname";

/**
 * Taints of nodes that are about to be removed: those of the cluster autoscaler and of Karpenter.
 * (A cordon, with which `kubectl drain` begins, is `spec.unschedulable`.)
 */
export const LEAVING_TAINTS: readonly string[] = ["ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted"];

/** Whether the node's Ready condition is True. */
export function isReady(node: Node | undefined): boolean {
  return (node?.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True");
}

/**
 * Whether a node is leaving: it is cordoned, is being deleted, or has one of these taints with any
 * effect.
 */
export function isLeaving(node: Node, taints: readonly string[] = LEAVING_TAINTS): boolean {
  if (node.spec?.unschedulable === true || node.metadata?.deletionTimestamp !== undefined) return true;
  return (node.spec?.taints ?? []).some(({ key }) => taints.includes(key));
}

/** The node's hostname label, which may differ from the name of the Node object. */
export function hostnameOf(node: Node): string | undefined {
  return node.metadata?.labels?.[HOSTNAME_LABEL];
}

/** Whether a taint keeps pods without tolerations off the node. */
export function isTainted(node: Node): boolean {
  return (node.spec?.taints ?? []).some(({ effect }) => effect === "NoSchedule" || effect === "NoExecute");
}

const OUT_OF_SERVICE = "node.kubernetes.io/out-of-service";

/**
 * Whether an administrator has declared that nothing runs on a node any more: its object is gone,
 * or it carries the out-of-service taint. Kubernetes itself then forces its pods off.
 */
export function isDead(node: Node | undefined): boolean {
  return node === undefined || (node.spec?.taints ?? []).some(({ key }) => key === OUT_OF_SERVICE);
}
