import type { HelperPod } from "../helper/pods/helper-pods.ts";
import { isDeleted } from "../helper/pods/record.ts";
import { type Attempt, attemptOf, isSameLocation } from "./memory.ts";

/** What decides how a create pod of an attempt that is given up is ended. */
export interface EndView {
  readonly helper: HelperPod;
  /** What this process remembers of the volume. */
  readonly made: Attempt | undefined;
  /** What an attempt has made is never to be removed. */
  readonly isKept: (attempt: Attempt) => boolean;
  /** Of the pod's node. */
  readonly node: "unknown" | "ready" | "silent";
}

export type EndStep =
  /** It has ended and is the record: what it may have made goes, then the pod. */
  | { readonly step: "remove-then-delete"; readonly made: Attempt | undefined }
  /** It is told to end and becomes the record. */
  | { readonly step: "end-as-record" }
  /**
   * Nobody would end it. It stays, as the record, while what came before it is removed; what it
   * makes when it begins meanwhile is removed after that.
   */
  | { readonly step: "remove-beside"; readonly made: Attempt | undefined }
  /** It is deleted; then only this process' memory leads to what may be there. */
  | { readonly step: "delete"; readonly made: Attempt | undefined };

/**
 * How a create pod of an attempt that is given up is ended, so that it does not work beside a
 * teardown, and something leads to its directory until that is removed.
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
  /**
   * What may be there, by this pod or one before it. Of another place it is the caller's matter.
   */
  const remembered = isSameLocation(made, own) ? made : undefined;
  const left = state.mayHaveRun || again ? own : remembered;
  if (isDeleted(state)) return { step: "delete", made: left };
  const canBeEnded = node === "ready" || (node === "silent" && !state.mayHaveRun);
  if (left !== undefined && !isKept(left) && canBeEnded) return { step: "end-as-record" };
  return { step: state.mayHaveRun ? "delete" : "remove-beside", made: left };
}
