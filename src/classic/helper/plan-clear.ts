import { clean } from "../directory/paths.ts";
import type { Location } from "../directory/locations.ts";
import type { HelperPod } from "./pods/helper-pods.ts";
import { meets, mayBeOnNodeOf } from "./pods/near.ts";
import type { HelperTask } from "./pods/pod.ts";
import { type HelperRecord, isDeleted, isInProgress } from "./pods/record.ts";

/** What is there when a directory is made free of teardowns. */
export interface ClearView {
  /** The directory that is wanted. */
  readonly location: Location;
  /** Whether a pod's kubelet answers; it does for a pod that is on no node. */
  readonly answers: (node: string) => boolean;
  /** Whether nothing runs on a node any more (nodes.ts). */
  readonly isDead: (node: string) => boolean;
}

export type ClearStep =
  /** It cannot remove this directory: it is for another one, or another volume's and has ended. */
  | { readonly step: "pass-over" }
  /**
   * Its node does not answer, and may still be running it: the directory cannot be had now. A pod
   * that has not started is deleted, so that it never does (`isToDelete`).
   */
  | { readonly step: "refuse"; readonly isToDelete: boolean }
  /**
   * It is deleted. One that runs is waited for first (`isAwaited`), and one on a dead node is
   * forced.
   */
  | { readonly step: "delete"; readonly isAwaited: boolean; readonly force: boolean };

/** How an unattended delete pod is kept from removing a directory that is wanted. */
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

/** What is there before a teardown is begun. */
export interface DoneView {
  readonly task: HelperTask;
  /** This process has done it; the PersistentVolume is still there. */
  readonly isFinished: boolean;
  /** The volume's unattended delete pods. */
  readonly pods: readonly HelperPod[];
  /** UIDs of the pods whose end was waited for: they have ended, or their time was up. */
  readonly awaited: ReadonlySet<string>;
  readonly answers: (node: string) => boolean;
}

export type DoneStep =
  /** Nothing remains to be done. */
  | { readonly step: "finished" }
  /**
   * A pod has already done this teardown, whoever made it: for this PersistentVolume, created since
   * its release, and succeeded.
   */
  | { readonly step: "take"; readonly helper: HelperPod }
  /** One runs it: a script that moves a directory or deletes a subvolume cannot run twice. */
  | { readonly step: "await"; readonly helper: HelperPod }
  /** It is yet to be done, once nothing else works in the directory. */
  | { readonly step: "begin" };

/** What of a teardown has been done already. */
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
