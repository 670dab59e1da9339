/*
 * Which pods of a node a drain evicts, leaves or refuses, by the rules of
 * `kubectl drain --ignore-daemonsets` (k8s.io/kubectl/pkg/drain, filters). Pure.
 */
import type { Pod } from "../../../kube/kinds.ts";
import { nameOf, namespaceOf, type Stored } from "../../../kube/objects.ts";
import type { CodedError } from "../../../observe/errors.ts";
import { moorErrors } from "../../errors.ts";

export interface PodFilters {
  /** Evict pods with an emptyDir, whose data is lost then. */
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
  /** Not evicted, because their controller or the kubelet would make them again at once. */
  readonly left: readonly Why[];
  /** The drain does not begin while there is such a pod. */
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

/** The error that names the pods that may not be evicted, and the flags that permit it. */
export function podsRefused(refused: SortedPods["refused"]): CodedError {
  return moorErrors.PODS_REFUSED({
    pods: refused.map(({ pod, why }) => `${namespaceOf(pod)}/${nameOf(pod)} (${why})`),
  });
}

function whyLeft(pod: Stored<Pod>): string | undefined {
  if (pod.metadata.annotations?.[MIRROR] !== undefined) return "it is a static pod of the node's kubelet";
  if (ownerOf(pod)?.kind !== "DaemonSet" || isFinished(pod)) return undefined;
  return `it belongs to DaemonSet ${ownerOf(pod)?.name ?? ""}`;
}

function whyRefused(pod: Stored<Pod>, { deleteEmptyDirData, force }: PodFilters): string | undefined {
  const emptyDir = pod.spec?.volumes?.find((volume) => volume.emptyDir !== undefined);
  if (emptyDir !== undefined && !deleteEmptyDirData) {
    return `the data in its emptyDir ${emptyDir.name} would be lost; give --delete-emptydir-data to evict it`;
  }
  if (ownerOf(pod) !== undefined || force) return undefined;
  return "no controller would make it again; give --force to evict it";
}

function ownerOf(pod: Stored<Pod>) {
  return pod.metadata.ownerReferences?.find(({ controller }) => controller === true);
}

function isFinished({ status }: Pod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}
