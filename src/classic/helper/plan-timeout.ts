import { isFor } from "./plan-create.ts";
import { isDeleted, type HelperRecord } from "./pods/record.ts";

/** A pod that may be the one whose time is up. */
export interface TimeoutView {
  /** What the pod was to record. */
  readonly wanted: HelperRecord | undefined;
  readonly shared: boolean;
  /** What the pod of that name records. Undefined: there is none, or it is no helper pod. */
  readonly found: HelperRecord | undefined;
  /** Whether this run knows that the pod was its own. Otherwise it only has that name. */
  readonly known: boolean;
}

export type TimeoutStep =
  /** Leave the pod. */
  | "pass-over"
  /** The pod has not begun: end it. */
  | "end"
  /** Print the pod's log, then end it. */
  | "print-and-end"
  /** The pod has done the work. That counts although it is late. */
  | "succeeded"
  /** The pod has failed: report its own error, not the timeout. */
  | "failed";

/**
 * What happens to a helper pod when its time is up. The pod was read uncached, because the watch
 * may be behind. `lost`: a container of it may have run, or it is not known that none has.
 *
 *   gone, or another's         pass-over, lost
 *   being deleted already      pass-over
 *   at work                    end; with its log if it may have run
 *   has succeeded              succeeded, if it is ours or makes a directory; else print-and-end:
 *                              a teardown that ended earlier may be of an earlier volume
 *   has failed                 failed, if it is ours; else pass-over: it stays as the record
 */
export function planTimeout({ found, known, shared, wanted }: TimeoutView): {
  readonly step: TimeoutStep;
  readonly lost: boolean;
} {
  if (wanted === undefined || !isFor({ wanted, shared }, found)) return { step: "pass-over", lost: true };
  const { action, state } = found;
  const lost = state.mayHaveRun;
  if (isDeleted(state)) return { step: "pass-over", lost };
  if (state.is === "at work") return { step: state.mayHaveRun ? "print-and-end" : "end", lost };
  if (state.well) return { step: known || action === "create" ? "succeeded" : "print-and-end", lost };
  return { step: known ? "failed" : "pass-over", lost };
}
