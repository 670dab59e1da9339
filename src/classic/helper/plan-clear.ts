import { clean } from "../directory/paths.ts";
import type { Location } from "../directory/locations.ts";
import type { HelperPod } from "./pods/helper-pods.ts";
import { meets, mayBeOnNodeOf } from "./pods/near.ts";
import type { HelperTask } from "./pods/pod.ts";
import { type HelperRecord, isDeleted, isInProgress } from "./pods/record.ts";

/** What is known when a directory is cleared of leftover teardowns. */
export interface ClearView {
  /** The directory that is wanted. */
  readonly location: Location;
  /** Whether the kubelet of a node answers. True for a pod without a node (""). */
  readonly answers: (node: string) => boolean;
  /** Whether nothing runs on a node any more (nodes.ts). */
  readonly isDead: (node: string) => boolean;
}

export type ClearStep =
  /**
   * Leave the pod: it cannot remove this directory. It is for another directory, or for another
   * volume and has ended.
   */
  | { readonly step: "pass-over" }
  /**
   * The pod's node does not answer and may still be running it, so the directory cannot be used
   * now. A pod that has not started is deleted, so that it never starts (`isToDelete`).
   */
  | { readonly step: "refuse"; readonly isToDelete: boolean }
  /**
   * Delete the pod. First wait for one that runs (`isAwaited`). Force the deletion on a dead node.
   */
  | { readonly step: "delete"; readonly isAwaited: boolean; readonly force: boolean };

/** How a leftover delete pod is prevented from removing a directory that is wanted. */
export function planClear(record: HelperRecord, { answers, isDead, location }: ClearView): ClearStep {
  const { node, state, volumeName } = record;
  const hasEnded = state.is === "over";
  const isOfVolume = volumeName === location.volume && mayBeOnNodeOf(record, location);
  if (!isOfVolume && (hasEnded || !meets(record, location))) return { step: "pass-over" };
  const force = node !== "" && isDead(node);
  const isToDelete = !state.mayHaveRun && !isDeleted(state);
  if (!hasEnded && !force && !answers(node)) return { step: "refuse", isToDelete };
  const isAwaited = !hasEnded && state.mayHaveRun && !isDeleted(state) && !force;
  return { step: "delete", isAwaited, force };
}

/** What is known before a teardown begins. */
export interface DoneView {
  readonly task: HelperTask;
  /** This process has done the teardown; the PersistentVolume still exists. */
  readonly isFinished: boolean;
  /** The volume's leftover delete pods. */
  readonly pods: readonly HelperPod[];
  /** UIDs of the pods that were waited for: they have ended, or did not end in time. */
  readonly awaited: ReadonlySet<string>;
  readonly answers: (node: string) => boolean;
}

export type DoneStep =
  /** Nothing remains to be done. */
  | { readonly step: "finished" }
  /**
   * A pod of any leader has already done this teardown: it is for this PersistentVolume, was
   * created after its release, and has succeeded.
   */
  | { readonly step: "take"; readonly helper: HelperPod }
  /**
   * A pod is running the teardown. A script that moves a directory or deletes a subvolume must not
   * run twice.
   */
  | { readonly step: "await"; readonly helper: HelperPod }
  /** Begin the teardown, once no other pod works in the directory. */
  | { readonly step: "begin" };

/** Whether a teardown was done already, is being done, or must begin. */
export function planDone({ answers, awaited, isFinished, pods, task }: DoneView): DoneStep {
  if (isFinished) return { step: "finished" };
  const own = pods.filter(({ record }) => isOf(record, task));
  const done = own.find(({ record: { state } }) => state.is === "over" && state.well);
  if (done !== undefined) return { step: "take", helper: done };
  const running = own.find(
    ({ record: { node, state, uid } }) => isInProgress(state) && state.mayHaveRun && answers(node) && !awaited.has(uid),
  );
  return running === undefined ? { step: "begin" } : { step: "await", helper: running };
}

/** Whether a pod is for this teardown, and not for an earlier volume of the same name. */
function isOf({ claimUid, createdAt, node, path, volumeUid }: HelperRecord, task: HelperTask): boolean {
  const { released } = task;
  if (released === undefined || path !== clean(task.path) || (node !== task.node && !task.shared)) return false;
  if (claimUid !== undefined && released.claimUid !== undefined) {
    return claimUid === released.claimUid && volumeUid === released.uid;
  }
  // Both times are in whole seconds.
  const isSince = createdAt !== undefined && createdAt >= Math.floor(released.since / 1000) * 1000;
  return isSince && (volumeUid === undefined || volumeUid === released.uid);
}
