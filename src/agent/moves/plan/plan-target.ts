/*
 * The target's part of a move, for one volume.
 *
 *   Copying      the source has checked the volume → live passes, while the pod writes, until
 *                little is left to send; meanwhile report Copying → report Precopied; or Refused,
 *                with the reason. A new process begins with a new pass, whatever is reported,
 *                because its records are lost
 *   Prepared     this node has reported Precopied → now and then another live pass, so that little
 *                remains to be sent when the wait is over. The report stays Precopied, with the
 *                figures of the last pass that has ended. A pass that fails is not reported
 *   Fenced       a live pass that is in progress is ended
 *   Sealed       the source has reported Sealed for this sealing → the whole tree is copied,
 *                compared and made durable; meanwhile report Copying, with the progress → report
 *                Copied, with its digest; or Refused, with the reason
 *                A copy that was reported as Copied does not change any more while the move has
 *                this sealing: the commit may be written at any moment, and it relies on that
 *                report. After a restart of the machine it is read again, and only compared.
 *                So is a copy that is whole for this sealing and not reported: its process has
 *                ended before the report, or is about to send it
 *   Committed    the LocalVolume names this node and the epoch that was copied → the Incoming copy
 *                becomes the Active one
 *   otherwise    nothing: what has arrived stays for the next try
 *
 * The transfer runs beside the loop. A transfer of another move or of an earlier sealing, or a live
 * pass, is ended before its directory is used again.
 *
 * A crash leaves a directory that is Incoming and not whole, with a part of the tree. The next pass
 * makes it equal to the source. A live pass never makes it whole, and its report has no digest, so
 * nothing can be committed on it.
 */
import type { CopyReport } from "../../../api/kinds/volume-copy.ts";
import { stayDirectory } from "../../copies/layout.ts";
import { agentErrors } from "../../errors.ts";
import { MOST_OPEN_BYTES } from "../jobs/kept-small.ts";
import type { CopyView, ReportContent, VolumeView } from "../view.ts";
import { isReported, recordedOf, recordsCount } from "../view.ts";

export type TargetStep =
  | { readonly step: "nothing" }
  | { readonly step: "report"; readonly content: ReportContent }
  /** Read the copy, which is whole: another process made it, or the machine was restarted since. */
  | { readonly step: "compare"; readonly epoch: number; readonly moveUID: string }
  | {
      readonly step: "copy";
      readonly epoch: number;
      readonly incarnation: string;
      readonly digest: string;
    }
  | { readonly step: "precopy"; readonly epoch: number; readonly incarnation: string }
  /** A live pass in Prepared, once it is due. `passes` is the number of passes that have ended. */
  | { readonly step: "keep-small"; readonly epoch: number; readonly incarnation: string; readonly passes: number }
  | { readonly step: "promote"; readonly epoch: number; readonly moveUID: string };

const NOTHING: TargetStep = { step: "nothing" };

/**
 * `source` is the source's report, read uncached. `sourceBytes` are the bytes that its copy uses on
 * its disk.
 */
export function planTarget(view: VolumeView, source: CopyReport | undefined, sourceBytes?: number): TargetStep {
  const { copies, found, localVolume, move, nodeName } = view;
  if (localVolume === undefined || localVolume.spec.reclaim) return NOTHING;
  const { spec } = localVolume;
  if (spec.nodeName === nodeName) {
    // The LocalVolume names this node and the epoch only after the commit: no other proof is
    // needed.
    const arrived = copies.find(
      ({ epoch, incarnation, moveUID, state }) =>
        state === "Incoming" && epoch === spec.epoch && incarnation === spec.incarnation && moveUID !== undefined,
    );
    const moveUID = arrived?.moveUID;
    // The move holds the volume until the copy is open. A copy that another move left here is not
    // the volume.
    const placed = moveUID !== undefined && spec.activeMove?.uid === moveUID;
    return placed ? { step: "promote", epoch: spec.epoch, moveUID } : NOTHING;
  }
  const recorded = recordedOf(view);
  const phase = move?.status?.phase;
  if (phase !== "Copying" && phase !== "Prepared" && phase !== "Sealed") return NOTHING;
  if (move?.status?.target !== nodeName || recorded === undefined) return NOTHING;
  if (move.metadata.deletionTimestamp !== undefined || spec.activeMove?.uid !== move.metadata.uid) return NOTHING;
  if (spec.epoch !== recorded.epoch || spec.incarnation !== recorded.incarnation) return NOTHING;
  const isCurrent = source?.moveUID === move.metadata.uid && source.sealing === (move.status.sealing ?? 0);
  if (phase !== "Sealed") {
    // A volume that may still be made has nothing to copy, or next to nothing.
    if (!isCurrent || source.state !== "Checked" || spec.mayCreate !== undefined) return NOTHING;
    if (phase === "Prepared") return planKeepSmall(view, spec.epoch, spec.incarnation);
    return planPrecopy(view, spec.epoch, spec.incarnation, sourceBytes);
  }
  if (!isCurrent || source.state !== "Sealed" || source.role !== "Source" || source.tombstone === true) return NOTHING;
  const inTheWay = copies.find((copy) => isInTheWay(copy, spec.epoch, spec.incarnation));
  if (inTheWay !== undefined) return refuse(view, inTheWay, spec.epoch, spec.incarnation);
  const { copied } = found;
  if (isReportedCopied(view)) {
    const { bootID, report } = view;
    const isOfThisBoot = report?.bootID === bootID;
    if (copied === undefined && !isOfThisBoot) {
      return { step: "compare", epoch: spec.epoch + 1, moveUID: move.metadata.uid };
    }
    // Another process of the agent may have made the copy while this one failed to.
    if (isOfThisBoot && (copied === undefined || "code" in copied)) return NOTHING;
  }
  if (copied === undefined) {
    const isWhole = copies.some(
      (copy) =>
        copy.state === "Incoming" && copy.moveUID === move.metadata.uid && copy.whole === (move.status?.sealing ?? 0),
    );
    if (isWhole) return { step: "compare", epoch: spec.epoch + 1, moveUID: move.metadata.uid };
    if (source.digest === undefined) return NOTHING;
    const progress = progressOf(view, source);
    if (progress !== undefined && !isReported(view, progress)) return { step: "report", content: progress };
    return { step: "copy", epoch: spec.epoch + 1, incarnation: spec.incarnation, digest: source.digest };
  }
  const content: ReportContent =
    "code" in copied
      ? { role: "Target", state: "Refused", code: copied.code, message: copied.message }
      : { role: "Target", state: "Copied", ...copied };
  return isReported(view, content) ? NOTHING : { step: "report", content };
}

function planPrecopy(view: VolumeView, epoch: number, incarnation: string, bytes: number | undefined): TargetStep {
  const inTheWay = view.copies.find((copy) => isInTheWay(copy, epoch, incarnation));
  if (inTheWay !== undefined) return refuse(view, inTheWay, epoch, incarnation);
  const { copying, precopied } = view.found;
  // A move may enter Copying several times. A report from an earlier time does not count.
  const copyingAt = view.move?.status?.copyingAt;
  const answers = copyingAt === undefined ? {} : { copyingAt };
  if (precopied === undefined || precopied.copyingAt !== copyingAt) {
    const { livePass, rate = 0, received = 0 } = (copying?.copyingAt === copyingAt ? copying : undefined) ?? {};
    const total = bytes === undefined ? {} : { bytes, toRead: Math.max(0, bytes - received), rate };
    const last = livePass === undefined ? {} : { livePass };
    const content: ReportContent = { role: "Target", state: "Copying", ...answers, ...total, ...last };
    if (!isReported(view, content)) return { step: "report", content };
    return { step: "precopy", epoch: epoch + 1, incarnation };
  }
  const { result } = precopied;
  const state = "code" in result ? "Refused" : "Precopied";
  const content: ReportContent = { role: "Target", state, ...answers, ...result };
  return isReported(view, content) ? NOTHING : { step: "report", content };
}

/**
 * A live pass in Prepared continues those of Copying. Without their report there is none. A report
 * of an earlier sealing does not count, because the move has been in Fenced since then.
 */
function planKeepSmall(view: VolumeView, epoch: number, incarnation: string): TargetStep {
  const { copies, found, localVolume, move, report } = view;
  const isPrecopied =
    report?.state === "Precopied" &&
    report.role === "Target" &&
    report.moveUID === move?.metadata.uid &&
    report.sealing === (move.status?.sealing ?? 0) &&
    report.copyingAt === move.status?.copyingAt;
  if (!isPrecopied || localVolume?.spec.fence !== undefined || !recordsCount(move)) return NOTHING;
  if (copies.some((copy) => isInTheWay(copy, epoch, incarnation))) return NOTHING;
  const { copyingAt, livePass } = report;
  const answers = copyingAt === undefined ? {} : { copyingAt };
  const { precopied } = found;
  if (precopied?.copyingAt === copyingAt && precopied !== undefined && !("code" in precopied.result)) {
    const content: ReportContent = { role: "Target", state: "Precopied", ...answers, ...precopied.result };
    if (!isReported(view, content)) return { step: "report", content };
  }
  // A source whose agent does not say what is to be read is too old for live passes in Prepared.
  if (livePass?.toRead === undefined || livePass.toRead > MOST_OPEN_BYTES) return NOTHING;
  return { step: "keep-small", epoch: epoch + 1, incarnation, passes: livePass.number };
}

/**
 * Whether the disk has a copy that the API does not know: the cluster was restored from a backup.
 * It is of a later epoch, or it has the name that the arriving copy will get and is of an earlier
 * volume of the same name. A copy that a cancelled move left behind does not count.
 */
function isInTheWay(copy: CopyView, epoch: number, incarnation: string): boolean {
  if (copy.incarnation !== incarnation) return copy.directory === stayDirectory(epoch + 1);
  const wasBrought = copy.state === "Incoming" || (copy.state === "Trash" && copy.moveUID !== undefined);
  return copy.epoch > epoch && !wasBrought;
}

/** Refuses the move, because the arriving data could not be distinguished from that copy. */
function refuse(view: VolumeView, found: CopyView, epoch: number, incarnation: string): TargetStep {
  const { nodeName: node, volume } = view;
  const { code, message } =
    found.incarnation === incarnation
      ? agentErrors.DISK_AHEAD({ volume, node, epoch, found: found.epoch })
      : agentErrors.WRONG_INCARNATION({ volume, node, found: found.incarnation, wanted: incarnation });
  const content: ReportContent = { role: "Target", state: "Refused", code, message };
  return isReported(view, content) ? NOTHING : { step: "report", content };
}

/** Progress of the running transfer. Bytes that the source must still read have not arrived yet. */
function progressOf({ found: { copying } }: VolumeView, { bytes }: CopyReport): ReportContent | undefined {
  if (copying === undefined || bytes === undefined) return undefined;
  const { rate, received } = copying;
  return { role: "Target", state: "Copying", bytes, toRead: Math.max(0, bytes - received), rate };
}

/** Whether this node has said, for the move's present sealing, that its copy is complete. */
function isReportedCopied({ move, report }: VolumeView): boolean {
  return (
    report?.state === "Copied" &&
    report.role === "Target" &&
    report.moveUID === move?.metadata.uid &&
    report.sealing === move.status?.sealing
  );
}
