import type { HelperPod } from "../helper/pods/helper-pods.ts";
import { isDeleted } from "../helper/pods/record.ts";
import { type Attempt, attemptOf, isSameLocation } from "./memory.ts";

/** What determines how to end a create pod of an attempt that is given up. */
export interface EndView {
  readonly helper: HelperPod;
  /** What this process remembers of the volume. */
  readonly made: Attempt | undefined;
  /** Whether what an attempt made must never be removed. */
  readonly isKept: (attempt: Attempt) => boolean;
  /** State of the pod's node. */
  readonly node: "unknown" | "ready" | "silent";
}

export type EndStep =
  /** The pod has ended and is the record: remove what it may have made, then the pod. */
  | { readonly step: "remove-then-delete"; readonly made: Attempt | undefined }
  /** End the pod; it becomes the record. */
  | { readonly step: "end-as-record" }
  /**
   * No kubelet would end the pod. It stays as the record while what earlier pods made is removed.
   * If it starts meanwhile, what it makes is removed after that.
   */
  | { readonly step: "remove-beside"; readonly made: Attempt | undefined }
  /** Delete the pod; then only this process's memory leads to what may be there. */
  | { readonly step: "delete"; readonly made: Attempt | undefined };

/**
 * How to end a create pod of an attempt that is given up. It must not run beside a teardown, and
 * until its directory is removed something has to lead to it.
 *
 *   has ended                                    remove-then-delete
 *   at work, and its directory is to be removed  end-as-record, then the same
 *   the same, on no node, or one that is gone    remove-beside, then delete
 *   anything else                                delete: nothing is to be removed, or its node does
 *                                                not answer, or somebody has deleted it already
 */
export function planEnd({ helper, isKept, made, node }: EndView): EndStep {
  const { again, state } = helper.record;
  const own = attemptOf(helper);
  if (state.is === "over" && !state.isDeleted) return { step: "remove-then-delete", made: own };
  /** What this pod, or one before it, may have made. Other locations are the caller's business. */
  const remembered = isSameLocation(made, own) ? made : undefined;
  const left = state.mayHaveRun || again ? own : remembered;
  if (isDeleted(state)) return { step: "delete", made: left };
  const canBeEnded = node === "ready" || (node === "silent" && !state.mayHaveRun);
  if (left !== undefined && !isKept(left) && canBeEnded) return { step: "end-as-record" };
  return { step: state.mayHaveRun ? "delete" : "remove-beside", made: left };
}

/** What is known when the claim is gone and its attempt is given up. */
export interface AbandonView extends Pick<EndView, "made" | "isKept"> {
  /** The volume's create pods, without those that were given up. */
  readonly pods: readonly HelperPod[];
  /** UIDs of the pods that were waited for: they have ended, or did not end in time. */
  readonly awaited: ReadonlySet<string>;
}

export type AbandonStep =
  | { readonly step: "await-end" | "give-up-pod"; readonly helper: HelperPod }
  | { readonly step: "give-up-directory"; readonly made: Attempt }
  /** Only this process's memory of the attempt remains. Delete it. */
  | { readonly step: "forget" };

/**
 * How an attempt is given up: wait for the pods that run, give up all pods, then the directory that
 * no pod records.
 *
 * A pod whose directory is kept is not waited for, because no record is needed. The next claim of
 * this name may get the directory now, so our script must not run in it longer than necessary.
 */
export function planAbandon({ awaited, isKept, made, pods }: AbandonView): AbandonStep {
  const running = pods.filter((helper) => isRunning(helper) && !awaited.has(helper.record.uid));
  const toAwait = running.find((helper) => {
    const own = attemptOf(helper);
    return own !== undefined && !isKept(own);
  });
  if (toAwait !== undefined) return { step: "await-end", helper: toAwait };
  const [helper] = pods;
  if (helper !== undefined) return { step: "give-up-pod", helper };
  return made === undefined ? { step: "forget" } : { step: "give-up-directory", made };
}

/** Whether a pod may be at work, and was not deleted. */
export function isRunning({ record: { state } }: HelperPod): boolean {
  return state.is === "at work" && state.mayHaveRun && !isDeleted(state);
}

/**
 * What becomes of the directory that an attempt may have made. `skip`: its node does not exist any
 * more, and the directory stays there.
 */
export function planDirectory(
  attempt: Attempt,
  { isKept, node }: Pick<EndView, "isKept" | "node">,
): "keep" | "skip" | "remove" {
  if (isKept(attempt)) return "keep";
  return attempt.node !== "" && node === "unknown" ? "skip" : "remove";
}
