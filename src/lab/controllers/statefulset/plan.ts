import type { Pod } from "kubernetes-types/core/v1.js";
import type { StatefulSet } from "../../objects/kinds.ts";
import { isReady, isTerminal, isTerminating } from "../../objects/pods.ts";
import { ordinalOf, revisionOf } from "./make-pod.ts";

/** What a StatefulSet needs now. With OrderedReady there is one step at most. */
export type Step =
  { readonly do: "create" | "ensure-claims"; readonly ordinal: number } | { readonly do: "delete"; readonly pod: Pod };

/**
 * The next steps: lower ordinals first up, higher first down, and updates from the top once all is
 * well. A pod that is terminating holds up everything in its order.
 */
export function planSet(set: StatefulSet, owned: readonly Pod[]): readonly Step[] {
  const { replicas = 1, podManagementPolicy = "OrderedReady", updateStrategy } = set.spec ?? {};
  const first = (set.spec as { ordinals?: { start?: number } } | undefined)?.ordinals?.start ?? 0;
  const ordered = podManagementPolicy !== "Parallel";
  const byOrdinal = new Map<number, Pod>();
  for (const pod of owned) {
    const ordinal = ordinalOf(set, pod);
    if (ordinal !== undefined) byOrdinal.set(ordinal, pod);
  }
  const steps: Step[] = [];
  for (let ordinal = first; ordinal < first + replicas; ordinal += 1) {
    const pod = byOrdinal.get(ordinal);
    const healthy = pod !== undefined && isReady(pod) && !isTerminating(pod);
    if (pod === undefined) steps.push({ do: "create", ordinal });
    else if (isTerminating(pod)) {
      if (ordered) return steps;
    } else if (isTerminal(pod)) steps.push({ do: "delete", pod });
    else if (pod.status?.phase === "Pending") steps.push({ do: "ensure-claims", ordinal });
    if (ordered && !healthy) return steps;
  }
  const condemned = [...byOrdinal]
    .filter(([ordinal]) => ordinal < first || ordinal >= first + replicas)
    .toSorted(([a], [b]) => b - a);
  for (const [, pod] of condemned) {
    if (!isTerminating(pod)) steps.push({ do: "delete", pod });
    if (ordered) return steps;
  }
  if (steps.length > 0 || updateStrategy?.type === "OnDelete") return steps;
  const partition = updateStrategy?.rollingUpdate?.partition ?? 0;
  const wanted = revisionOf(set);
  for (let ordinal = first + replicas - 1; ordinal >= Math.max(first, partition); ordinal -= 1) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined || isTerminating(pod)) return steps;
    if (pod.metadata?.labels?.["controller-revision-hash"] !== wanted) return [{ do: "delete", pod }];
    if (!isReady(pod)) return steps;
  }
  return steps;
}
