import type { Pod } from "../../kube/kinds.ts";

/**
 * Whether the scheduler has found no node for a pod. If one of its volumes is on a leaving node,
 * that is the reason. The pod before it was deleted without an eviction (the webhook was not
 * available, or somebody used `kubectl delete pod`), so no eviction requests the move of the
 * volumes. The Pending pod counts as that request.
 */
export function isStranded({ metadata, spec, status }: Pod): boolean {
  if (spec?.nodeName !== undefined || metadata?.deletionTimestamp !== undefined) return false;
  return (
    status?.conditions?.some((one) => {
      return one.type === "PodScheduled" && one.status === "False" && one.reason === "Unschedulable";
    }) === true
  );
}
