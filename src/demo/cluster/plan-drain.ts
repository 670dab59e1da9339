import type { Pod } from "../../kube/kinds.ts";
import { hasSucceeded, isControlled } from "./state.ts";

/** What draining a node means for each of its pods. */
export interface DrainPlan {
  readonly evict: readonly Pod[];
  /** Pods that stay: their DaemonSet or the kubelet would start them again at once. */
  readonly stay: readonly Pod[];
  /**
   * Pods without a controller, which nothing would make again. kubectl refuses to drain while there
   * is one, unless it gets --force.
   */
  readonly refuse: readonly Pod[];
}

const MIRROR = "kubernetes.io/config.mirror";

/** As `kubectl drain --ignore-daemonsets --delete-emptydir-data` decides it. Pure. */
export function planDrain(node: string, pods: readonly Pod[]): DrainPlan {
  const evict: Pod[] = [];
  const stay: Pod[] = [];
  const refuse: Pod[] = [];
  for (const pod of pods.filter(({ spec }) => spec?.nodeName === node)) {
    const owner = pod.metadata?.ownerReferences?.find(({ controller }) => controller === true);
    const ended = hasSucceeded(pod) || pod.status?.phase === "Failed";
    if (pod.metadata?.annotations?.[MIRROR] !== undefined || (owner?.kind === "DaemonSet" && !ended)) stay.push(pod);
    else if (!isControlled(pod) && !ended) refuse.push(pod);
    else evict.push(pod);
  }
  return { evict, stay, refuse };
}
