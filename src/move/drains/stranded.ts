import type { Pod } from "../../kube/kinds.ts";

/**
 * Whether the scheduler has found no node for a pod. If one of its volumes sits on a leaving node,
 * that is why. The pod before it was deleted without an eviction (the webhook was not there, or
 * `kubectl delete pod`), so no eviction asks for the volumes to move: the Pending pod counts as
 * asking.
 */
export function isStranded({ metadata, spec, status }: Pod): boolean {
  if (spec?.nodeName !== undefined || metadata?.deletionTimestamp !== undefined) return false;
  return (
    status?.conditions?.some((one) => {
      return one.type === "PodScheduled" && one.status === "False" && one.reason === "Unschedulable";
    }) === true
  );
}
