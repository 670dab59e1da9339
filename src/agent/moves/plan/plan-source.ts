/*
 * The source's part of a move, for one volume. The order of the steps matters for the proof that
 * nobody can write:
 *
 *   Planned … Prepared   look for what cannot be copied          → report Checked or Refused
 *   Copying              whoever is the target may read meanwhile (serve.ts)
 *   Fenced, fence seen   nothing is mounted any more             → else report Waiting (pods)
 *                        copy.json: Sealing, the data renamed    → from here on no publish, and no
 *                                                                  live pass begins
 *                        live passes of ours are ended
 *                        nobody here holds the directory         → else report Waiting (processes)
 *                        copy.json: Sealed
 *                        the tree is summed up (what live passes → report Sealed, with its digest
 *                        have read and is unchanged not read)
 *     never published    a tombstone: it is never made here      → report Sealed, tombstone
 *   Undoing              the copy is opened again                → report Unsealed
 *   Committed            the copy is of an earlier epoch         → Trash
 *
 * Each sealing needs a new proof, also when the copy is Sealed already: an agent that was stopped
 * in between cannot know what happened meanwhile. And each begin of a seal forgets the proof and
 * the summary of before: after a restore of the API a sealing number counts a second time.
 *
 * A late seal is undone by itself: the agent opens a sealed copy if the LocalVolume names it and
 * has neither a fence nor the move that asked for the seal.
 */
import type { CopyView, ReportContent, VolumeView } from "../view.ts";
import { isReported, recordedOf } from "../view.ts";

export type SourceStep =
  | { readonly step: "nothing" }
  /** Wait for the fence, or for the end of a pod or process. */
  | { readonly step: "look-again" }
  | { readonly step: "report"; readonly content: ReportContent }
  | { readonly step: "find-unmovable" }
  | { readonly step: "make-tombstone"; readonly epoch: number; readonly incarnation: string }
  | { readonly step: "begin-seal"; readonly epoch: number }
  | { readonly step: "prove"; readonly epoch: number }
  | { readonly step: "finish-seal"; readonly epoch: number }
  | { readonly step: "summarize"; readonly epoch: number }
  | { readonly step: "unseal"; readonly epoch: number }
  | { readonly step: "to-trash"; readonly directory: string };

const NOTHING: SourceStep = { step: "nothing" };

export function planSource(view: VolumeView): SourceStep {
  const { localVolume, move, nodeName } = view;
  if (localVolume === undefined || localVolume.spec.reclaim) return NOTHING;
  const { activeMove, epoch, fence, incarnation } = localVolume.spec;
  if (localVolume.spec.nodeName !== nodeName) return NOTHING;
  const copy = view.copies.find((one) => one.epoch === epoch && one.state !== "Incoming");
  const mine = copy?.incarnation === incarnation ? copy : undefined;
  const isSealed = mine?.state === "Sealed" || mine?.state === "Sealing";
  const phase = move?.status?.phase;
  const held = move !== undefined && activeMove?.uid === move.metadata.uid;
  if (phase === "Undoing" && move?.spec.from === nodeName) {
    if (isSealed && fence === move.metadata.uid) return { step: "unseal", epoch };
    if (held && mine !== undefined && !isSealed && wasAsked(view)) {
      return reported(view, { role: "Source", state: "Unsealed" });
    }
  }
  if (isSealed && fence === undefined && !isWanted(view)) return { step: "unseal", epoch };
  if (!held || move.spec.from !== nodeName) return NOTHING;
  const recorded = recordedOf(view);
  if (recorded !== undefined && (recorded.epoch !== epoch || recorded.incarnation !== incarnation)) return NOTHING;
  switch (phase) {
    case "Planned":
    case "Copying":
    case "Prepared":
      return planCheck(view, mine);
    case "Fenced":
    case "Sealed":
      return fence === move.metadata.uid ? planSeal(view, mine, epoch, incarnation) : { step: "look-again" };
    case "Committed":
    case "Done":
    case "Undoing":
    case "Cancelled":
    case undefined:
      return NOTHING;
    default:
      return phase satisfies never;
  }
}

/**
 * Puts a copy of an earlier epoch into the trash. This step comes last. On a disk that has failed
 * it fails every time, and would keep a later move to this node from its report.
 */
export function planOutdated(view: VolumeView): SourceStep {
  if (view.localVolume?.spec.reclaim === true) return NOTHING;
  const outdated = view.copies.find((copy) => isOutdated(view, copy));
  return outdated === undefined ? NOTHING : { step: "to-trash", directory: outdated.directory };
}

/**
 * Whether the copy belongs to an earlier epoch of the volume. Only a sealed copy can be outdated.
 */
function isOutdated({ localVolume }: VolumeView, { epoch, incarnation, state }: CopyView): boolean {
  if (localVolume === undefined || state !== "Sealed") return false;
  return incarnation === localVolume.spec.incarnation && epoch < localVolume.spec.epoch;
}

/**
 * Whether the move that holds the volume wants it sealed now or soon. A seal without a fence and
 * without such a move is left over from an earlier move.
 */
function isWanted({ localVolume, move }: VolumeView): boolean {
  const active = localVolume?.spec.activeMove;
  if (active === undefined) return false;
  // If the move is gone, the controller repairs the volume first.
  if (move === undefined || move.metadata.uid !== active.uid) return true;
  const phase = move.status?.phase;
  return phase === "Fenced" || phase === "Sealed" || phase === "Committed";
}

/** Whether this node has reported for the move before, or was asked to seal. */
function wasAsked({ move, report }: VolumeView): boolean {
  return report?.moveUID === move?.metadata.uid || (move?.status?.sealing ?? 0) > 0;
}

/** Before anything is closed: refuses a copy that cannot be made while the pod still runs. */
function planCheck(view: VolumeView, copy: CopyView | undefined): SourceStep {
  if (copy === undefined) {
    return mayBeMade(view) ? reported(view, { role: "Source", state: "Checked" }) : planWithoutData(view);
  }
  const { unmovable } = view.found;
  if (unmovable === undefined) return { step: "find-unmovable" };
  if (unmovable === "") return reported(view, { role: "Source", state: "Checked" });
  return reported(view, { role: "Source", state: "Refused", code: "AGENT_UNMOVABLE", message: unmovable });
}

/** Whether the volume's directory may still be made here. Then there may be no copy. */
function mayBeMade({ localVolume, nodeName }: VolumeView): boolean {
  const may = localVolume?.spec.mayCreate;
  return may?.nodeName === nodeName && may.epoch === localVolume?.spec.epoch;
}

/**
 * The volume was made here, but there is no copy. If the pool cannot be used, that is reported: the
 * data may still be on the disk.
 */
function planWithoutData(view: VolumeView): SourceStep {
  const { localVolume, nodeName, pool, volume } = view;
  if (pool === "unknown") return { step: "look-again" };
  if (pool !== "ready") {
    const message = `pool ${localVolume?.spec.pool ?? ""} of node ${nodeName} cannot be used: ${pool.why}`;
    return reported(view, { role: "Source", state: "Refused", code: "AGENT_UNMOVABLE", message });
  }
  const message = `volume ${volume} has no data on node ${nodeName} although it was made there`;
  return reported(view, { role: "Source", state: "Refused", code: "AGENT_DATA_MISSING", message });
}

function planSeal(view: VolumeView, copy: CopyView | undefined, epoch: number, incarnation: string): SourceStep {
  const { found, nodeName, publishedTo } = view;
  if (copy === undefined) {
    return mayBeMade(view) ? { step: "make-tombstone", epoch, incarnation } : planWithoutData(view);
  }
  if (copy.state === "Trash" || copy.state === "Incoming") {
    const message = `the copy of volume ${view.volume} on node ${nodeName} is ${copy.state}`;
    return reported(view, { role: "Source", state: "Refused", code: "AGENT_NOT_ACTIVE", message });
  }
  if (copy.state === "Sealed" && isReportedSealed(view)) return NOTHING;
  if (copy.tombstone) return reported(view, { role: "Source", state: "Sealed", tombstone: true });
  if (publishedTo.length > 0) {
    const message = `mounted for ${publishedTo.map((uid) => `pod ${uid}`).join(", ")}`;
    return waiting(view, message);
  }
  if (copy.state === "Active") {
    // The report of this sealing is from before the copy was opened again: the API was restored
    // from a backup. It must not count for what is sealed now.
    if (isReportedSealed(view)) return waiting(view, "it was opened again after it had been sealed");
    return { step: "begin-seal", epoch };
  }
  if (found.proven === undefined) return { step: "prove", epoch };
  if (!found.proven) return { step: "look-again" };
  if (copy.state === "Sealing") return { step: "finish-seal", epoch };
  if (found.summary === undefined) return { step: "summarize", epoch };
  const { summary } = found;
  if ("code" in summary) return reported(view, { role: "Source", state: "Refused", ...summary });
  return reported(view, { role: "Source", state: "Sealed", ...summary });
}

/**
 * Whether this node has reported Sealed for this sealing and boot. Since that report nothing can
 * have been opened, because copy.json forbids it.
 */
function isReportedSealed({ bootID, move, report }: VolumeView): boolean {
  return (
    report?.state === "Sealed" &&
    report.role === "Source" &&
    report.moveUID === move?.metadata.uid &&
    report.sealing === move.status?.sealing &&
    report.bootID === bootID
  );
}

function waiting(view: VolumeView, message: string): SourceStep {
  const content: ReportContent = { role: "Source", state: "Waiting", message };
  return isReported(view, content) ? { step: "look-again" } : { step: "report", content };
}

function reported(view: VolumeView, content: ReportContent): SourceStep {
  return isReported(view, content) ? NOTHING : { step: "report", content };
}
