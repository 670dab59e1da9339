import type { VolumeMoveStatus } from "../../../api/kinds/volume-move.ts";
import type { CodedError } from "../../../observe/errors.ts";
import { moveErrors } from "../../errors.ts";
import { bootIdOf, silentAt } from "../target/agents.ts";
import { whyCancel } from "./cancel.ts";
import { withFailure } from "../target/failed-targets.ts";
import { currentReport, existing, isFenced, readFirst, wordsOf } from "../parts.ts";
import { howFar, progressOf } from "../progress/progress.ts";
import type { MoveSnapshot, VolumeView } from "../snapshot.ts";
import { enter, howToCancel, undo, waiting } from "../status.ts";
import type { MoveStep } from "../step.ts";
import { isFinal, whyLost } from "../target/target.ts";
import { backoffMs, COPY_TRIES, PROGRESS_EVERY_MS, timeOf } from "../timing.ts";

/**
 * Sealed. The target copies the data. When every copy is durable and equal to its source, one write
 * commits the move. Everything that the commit depends on is read uncached, and the write carries
 * the resourceVersion of the VolumeMove that was read. If the move has left this sealing meanwhile
 * (an undo, a new seal), the resourceVersion has changed and the write fails.
 */
export function planSealed(s: MoveSnapshot, now: number): MoveStep {
  const end = whyCancel(s);
  if (end !== undefined) return readFirst(s, ["move", "volumes"]) ?? undo(s, now, end);
  const verdicts = s.volumes.map((view) => judge(s, view));
  for (const verdict of verdicts) {
    if ("unsealed" in verdict) return readFirst(s, ["move", "copies"]) ?? sealAgain(s, now, verdict.unsealed);
    if ("failed" in verdict) return readFirst(s, ["move", "copies"]) ?? copyFailed(s, now, verdict.failed, false);
    if ("refused" in verdict) return readFirst(s, ["move", "copies"]) ?? refused(s, now, verdict.refused);
  }
  const open = existing(s).find(({ volume }) => !isFenced(s, volume));
  if (open !== undefined) {
    const why = moveErrors.SEAL_LOST({ volume: open.name, node: s.source.name });
    return readFirst(s, ["move", "volumes"]) ?? sealAgain(s, now, why);
  }
  const waits = verdicts.flatMap((verdict) => ("waits" in verdict ? [verdict.waits] : []));
  if (waits.length === 0) return readFirst(s, ["move", "volumes", "copies", "nodes"]) ?? commit(s, now);
  const lost = s.target === undefined ? "it was not chosen" : whyLost(s, s.target, now);
  if (lost !== undefined) {
    const why = moveErrors.TARGET_LOST({ node: s.target?.name ?? "", why: lost });
    return readFirst(s, ["move", "nodes"]) ?? refused(s, now, why);
  }
  const progress = progressOf(s);
  const until = s.target === undefined ? undefined : silentAt(s.target);
  const message = `Copying to node ${s.target?.name ?? ""} since ${s.move.status?.sealedAt ?? ""}${howFar(progress)}: ${waits.join(", ")}. ${howToCancel(s)}`;
  const tooSoon = s.notedAt !== undefined && now - s.notedAt < PROGRESS_EVERY_MS && s.move.status?.message === message;
  return tooSoon
    ? { step: "wait", until: (s.notedAt ?? now) + PROGRESS_EVERY_MS }
    : waiting(s, now, { message, until, also: progress });
}

/** The only write that cannot be undone. */
function commit(s: MoveSnapshot, now: number): MoveStep {
  return enter(s, "Committed", {
    committed: true,
    committedAt: timeOf(now),
    failures: undefined,
    progress: progressOf(s).progress,
    eta: undefined,
    message: `The volumes are on node ${s.target?.name ?? ""} now. Making them usable there.`,
  });
}

type Verdict =
  | { readonly done: true }
  | { readonly waits: string }
  | { readonly unsealed: CodedError }
  | { readonly failed: CodedError }
  | { readonly refused: CodedError };

function judge(s: MoveSnapshot, { name, sourceCopy, targetCopy }: VolumeView): Verdict {
  const source = currentReport(s, sourceCopy, "Source");
  const target = currentReport(s, targetCopy, "Target");
  const targetName = s.target?.name ?? "";
  if (source?.state !== "Sealed") return { unsealed: moveErrors.SEAL_LOST({ volume: name, node: s.source.name }) };
  if (source.tombstone === true) return { done: true };
  if (target?.state === "Refused") {
    const why = moveErrors.AGENT_REFUSED({ volume: name, node: targetName, why: wordsOf(target) });
    return isFinal(target) ? { refused: why } : { failed: why };
  }
  if (target?.state !== "Copied")
    return { waits: `${name}${target?.message === undefined ? "" : ` (${target.message})`}` };
  // A machine that went down after the hash was made may have lost data since.
  const rebooted = [
    [s.source.name, source.bootID, bootIdOf(s.source)],
    [targetName, target.bootID, bootIdOf(s.target)],
  ].find(([, reported, current]) => reported !== current);
  if (rebooted !== undefined)
    return { waits: `${name} (node ${String(rebooted[0])} was restarted and compares again)` };
  if (source.digest === undefined || source.digest !== target.digest) {
    return { failed: moveErrors.DIGESTS_DIFFER({ volume: name, node: targetName }) };
  }
  return { done: true };
}

/**
 * Goes back to Fenced. The source must prove again that nobody can write, with a new sealing
 * number, so that no earlier report counts.
 */
function sealAgain(
  s: MoveSnapshot,
  now: number,
  why: CodedError,
  changes: Pick<VolumeMoveStatus, "failures" | "retryAt" | "failedTargets"> = {},
) {
  return enter(s, "Fenced", {
    sealing: (s.move.status?.sealing ?? 0) + 1,
    fencedAt: timeOf(now),
    progress: undefined,
    bytesDone: undefined,
    eta: undefined,
    ...changes,
    message: `Sealing again: ${why.message}. ${howToCancel(s)}`,
  });
}

/**
 * If the source stays, the pods can come back, so the move is undone after a few tries. If it is
 * leaving, they could not run there, so the move tries until it succeeds: the same target a few
 * times (unless it would certainly fail again), then other targets.
 */
function copyFailed(s: MoveSnapshot, now: number, why: CodedError, surely: boolean): MoveStep {
  const failures = (s.move.status?.failures ?? 0) + 1;
  if (s.source.leaving !== undefined) {
    const target = s.move.status?.target;
    if (target !== undefined && (surely || failures >= COPY_TRIES)) {
      const failedTargets = [...withFailure(s.move.status, target, why, now)];
      return sealAgain(s, now, why, { failures, failedTargets });
    }
    return sealAgain(s, now, why, { failures, retryAt: timeOf(now + backoffMs(failures)) });
  }
  return failures >= COPY_TRIES ? undo(s, now, why) : sealAgain(s, now, why, { failures });
}

/** A target that refuses or is lost would do so again. If the source stays, there is no retry. */
function refused(s: MoveSnapshot, now: number, why: CodedError): MoveStep {
  return s.source.leaving === undefined ? undo(s, now, why) : copyFailed(s, now, why, true);
}
