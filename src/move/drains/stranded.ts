import type { Pod } from "../../kube/kinds.ts";

/**
 * Whether the scheduler has found no node for a pod. If one of its volumes sits on a leaving node,
 * that is why: a pod that was deleted without an eviction (the webhook was not there, `kubectl
 * delete pod`) leaves no eviction that asks for its volumes to move, so the Pending replacement
 * counts as asking.
 */
export function isStranded({ metadata, spec, status }: Pod): boolean {
  if (spec?.nodeName !== undefined || metadata?.deletionTimestamp !== undefined) return false;
  return (
    status?.conditions?.some((one) => {
      return one.type === "PodScheduled" && one.status === "False" && one.reason === "Unschedulable";
    }) === true
  );
}
