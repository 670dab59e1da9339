import type { Node } from "../../../kube/kinds.ts";

/** Taints by which autoscalers announce that they will remove a node. */
const LEAVING_TAINTS: ReadonlySet<string> = new Set(["ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted"]);

/** The reason why a cordoned node is leaving. */
export const CORDONED = "it is cordoned";

/**
 * Why a node is leaving, such as `it is cordoned`. Undefined: it stays. `taints` are additional
 * taints that the administrator has configured.
 */
export function whyLeaving(node: Node, taints: ReadonlySet<string> = new Set()): string | undefined {
  if (node.metadata?.deletionTimestamp !== undefined) return "it is being deleted";
  if (node.spec?.unschedulable === true) return CORDONED;
  const taint = node.spec?.taints?.find(({ key }) => LEAVING_TAINTS.has(key) || taints.has(key));
  return taint === undefined ? undefined : `it has the taint ${taint.key}`;
}
