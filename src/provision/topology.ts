import type { Node, StorageClass } from "../kube/kinds.ts";
import { isReady } from "../kube/nodes.ts";

/**
 * Whether a driver may choose this node for a new volume of the class: Ready, not cordoned, not
 * going away, within allowedTopologies.
 */
export function canHold(node: Node, storageClass: StorageClass): boolean {
  if (node.spec?.unschedulable === true || node.metadata?.deletionTimestamp !== undefined) return false;
  return isReady(node) && fitsTopology(node, storageClass);
}

/**
 * allowedTopologies: terms are alternatives, the expressions of one term all hold. None:
 * everywhere.
 */
export function fitsTopology(node: Node, storageClass: StorageClass): boolean {
  const terms = storageClass.allowedTopologies ?? [];
  if (terms.length === 0) return true;
  return terms.some((term) =>
    (term.matchLabelExpressions ?? []).every(({ key, values }) => {
      const label = node.metadata?.labels?.[key];
      return label !== undefined && values.includes(label);
    }),
  );
}
