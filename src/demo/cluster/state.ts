import type { PersistentVolumeClaim, Pod } from "../../kube/kinds.ts";

/** Questions about single objects that story and checks have in common. Pure. */

export function isPodReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
}

/** Whether the pod has ended successfully. */
export function hasSucceeded(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded";
}

/** Why no node fits, in the scheduler's words; undefined until the scheduler has said so. */
export function unschedulableMessage(pod: Pod): string | undefined {
  return pod.status?.conditions?.find(
    ({ type, status, reason }) => type === "PodScheduled" && status === "False" && reason === "Unschedulable",
  )?.message;
}

/** Keys (namespace/name) of the claims that a pod uses. */
export function claimKeysOf(pod: Pod): readonly string[] {
  const { namespace = "", name = "" } = pod.metadata ?? {};
  return (pod.spec?.volumes ?? []).flatMap((volume) => {
    if (volume.persistentVolumeClaim !== undefined) return [`${namespace}/${volume.persistentVolumeClaim.claimName}`];
    return volume.ephemeral === undefined ? [] : [`${namespace}/${name}-${volume.name}`];
  });
}

export function isBound(claim: PersistentVolumeClaim): boolean {
  return claim.status?.phase === "Bound";
}

export function isControlled(pod: Pod): boolean {
  return pod.metadata?.ownerReferences?.some(({ controller }) => controller === true) === true;
}
