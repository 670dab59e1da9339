import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { Pod } from "../../kube/kinds.ts";
import type { Stored } from "../../kube/objects.ts";

export type SweepPlan =
  | { readonly step: "nothing" }
  | { readonly step: "delete"; readonly volume: string; readonly where: string }
  /** Its volumes left one by one, while no pod used them. */
  | { readonly step: "tell-apart"; readonly places: readonly (readonly [volume: string, node: string])[] };

/**
 * Whether a pod waits on a node that its volume is not on. It would hang in ContainerCreating for
 * ever: the kubelet and the agent refuse the volume there, and the scheduler does not look at it
 * again.
 *
 * Only pods that somebody makes again are deleted, and only while no container has begun: a
 * container that runs has its volumes. A pod of a volume that is being cut over is left to the
 * move.
 */
export function planSweep(pod: Stored<Pod>, volumes: readonly Stored<LocalVolume>[]): SweepPlan {
  const nodeName = pod.spec?.nodeName;
  if (pod.metadata.deletionTimestamp !== undefined) return { step: "nothing" };
  if (nodeName === undefined) return planApart(pod, volumes);
  if (pod.status?.phase !== "Pending" || hasBegun(pod) || !isReplaced(pod)) return { step: "nothing" };
  const elsewhere = volumes.find(({ spec }) => spec.nodeName !== nodeName && spec.fence === undefined);
  if (elsewhere === undefined) return { step: "nothing" };
  return { step: "delete", volume: elsewhere.metadata.name, where: elsewhere.spec.nodeName };
}

/** The scheduler says of each node that it does not match, and not what would help. */
function planApart(pod: Stored<Pod>, volumes: readonly Stored<LocalVolume>[]): SweepPlan {
  const isMoving = volumes.some(({ spec }) => spec.activeMove !== undefined || spec.fence !== undefined);
  const nodes = new Set(volumes.map(({ spec }) => spec.nodeName));
  const refused = pod.status?.conditions?.some(({ reason }) => reason === "Unschedulable") === true;
  if (nodes.size < 2 || isMoving || !refused) return { step: "nothing" };
  return { step: "tell-apart", places: volumes.map(({ metadata, spec }) => [metadata.name, spec.nodeName]) };
}

function hasBegun(pod: Pod): boolean {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {};
  return [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses].some(
    ({ state, lastState, restartCount }) =>
      state?.running !== undefined ||
      state?.terminated !== undefined ||
      lastState?.terminated !== undefined ||
      restartCount > 0,
  );
}

/** A DaemonSet's pod is made for one node; it would come back to the same one. */
function isReplaced(pod: Pod): boolean {
  const owner = pod.metadata?.ownerReferences?.find(({ controller }) => controller === true);
  return owner !== undefined && owner.kind !== "DaemonSet";
}
