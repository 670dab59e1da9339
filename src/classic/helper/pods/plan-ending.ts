import type { Pod } from "../../../kube/kinds.ts";
import { type HelperRecord, isDeleted, recordOf } from "./record.ts";

/** How a pod is ended. A pod that cannot have made anything is deleted. */
export function planStop(record: HelperRecord | undefined, keep: boolean): "by deadline" | "by deletion" {
  const isRecord = keep || record === undefined || record.state.mayHaveRun || record.again;
  return isRecord ? "by deadline" : "by deletion";
}

/** What is known while a pod is being removed. */
export interface RemovalView {
  /** The pod as the API server has it now. */
  readonly now: Pod | undefined;
  /** The pod as the watch has it. */
  readonly watched: Pod | undefined;
  /** Force the deletion, without the kubelet. */
  readonly force: boolean;
  /** The deletion was just requested. */
  readonly isAsked: boolean;
}

/**
 * How to go on with the removal. A pod counts as gone only when the watch does not have it either:
 * only then is its last status known.
 */
export function planRemoval({ force, isAsked, now, watched }: RemovalView): "delete" | "wait" | "gone" {
  if (now === undefined) return watched === undefined ? "gone" : "wait";
  const isDeleted = now.metadata?.deletionTimestamp !== undefined;
  return !isAsked && (force || !isDeleted) ? "delete" : "wait";
}

/**
 * Whether it is still the same pod, for a teardown, and has not started. A pod without a UID is
 * found by its directory.
 */
export function isSameUnstarted(now: Pod, pod: Pod): boolean {
  const record = recordOf(now);
  if (record?.action !== "delete" || record.state.mayHaveRun || isDeleted(record.state)) return false;
  return record.path === recordOf(pod)?.path && (pod.metadata?.uid ?? record.uid) === record.uid;
}
