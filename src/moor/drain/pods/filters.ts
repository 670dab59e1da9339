/*
 * What a drain means for each pod of a node, as `kubectl drain --ignore-daemonsets` decides it
 * (k8s.io/kubectl/pkg/drain, filters). Pure.
 */
import type { Pod } from "../../../kube/kinds.ts";
import type { Stored } from "../../../kube/objects.ts";

export interface PodFilters {
  /** Evict pods with an emptyDir: what is in it is lost. */
  readonly deleteEmptyDirData: boolean;
  /** Evict pods that no controller would make again. */
  readonly force: boolean;
}

interface Why {
  readonly pod: Stored<Pod>;
  readonly why: string;
}

export interface SortedPods {
  readonly evict: readonly Stored<Pod>[];
  /** Their controller or the kubelet would bring them back at once. */
  readonly left: readonly Why[];
  /** The drain does not begin while there is one. */
  readonly refused: readonly Why[];
}

const MIRROR = "kubernetes.io/config.mirror";

export function sortPods(pods: readonly Stored<Pod>[], filters: PodFilters): SortedPods {
  const evict: Stored<Pod>[] = [];
  const left: Why[] = [];
  const refused: Why[] = [];
  for (const pod of pods) {
    const stays = whyLeft(pod);
    const refuses = stays === undefined && !isFinished(pod) ? whyRefused(pod, filters) : undefined;
    if (stays !== undefined) left.push({ pod, why: stays });
    else if (refuses === undefined) evict.push(pod);
    else refused.push({ pod, why: refuses });
  }
  return { evict, left, refused };
}

function whyLeft(pod: Stored<Pod>): string | undefined {
  if (pod.metadata.annotations?.[MIRROR] !== undefined) return "it is a static pod of the node's kubelet";
  if (ownerOf(pod)?.kind !== "DaemonSet" || isFinished(pod)) return undefined;
  return `it is of DaemonSet ${ownerOf(pod)?.name ?? ""}`;
}

function whyRefused(pod: Stored<Pod>, { deleteEmptyDirData, force }: PodFilters): string | undefined {
  const emptyDir = pod.spec?.volumes?.find((volume) => volume.emptyDir !== undefined);
  if (emptyDir !== undefined && !deleteEmptyDirData) {
    return `what is in its emptyDir ${emptyDir.name} would be lost; --delete-emptydir-data evicts it all the same`;
  }
  if (ownerOf(pod) !== undefined || force) return undefined;
  return "no controller would make it again; --force evicts it all the same";
}

function ownerOf(pod: Stored<Pod>) {
  return pod.metadata.ownerReferences?.find(({ controller }) => controller === true);
}

function isFinished({ status }: Pod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}
