import type { Pod } from "../../../kube/kinds.ts";
import { type HelperRecord, isDeleted, recordOf } from "./record.ts";

/** How a pod is told to end: one that cannot have made anything is deleted. */
export function planStop(record: HelperRecord | undefined, keep: boolean): "by deadline" | "by deletion" {
  const isRecord = keep || record === undefined || record.state.mayHaveRun || record.again;
  return isRecord ? "by deadline" : "by deletion";
}

/** What is there while a pod is removed. */
export interface RemovalView {
  /** The pod, by the server's answer. */
  readonly now: Pod | undefined;
  /** The pod, by the watch. */
  readonly watched: Pod | undefined;
  /** The kubelet is not asked. */
  readonly force: boolean;
  /** Its deletion has just been asked for. */
  readonly isAsked: boolean;
}

/** Gone means to the watch, too: only then is the pod's last status known. */
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
