import { maxDowntimeMs } from "../../../api/duration.ts";
import type { CopyReport, LivePassReport } from "../../../api/kinds/volume-copy.ts";
import type { CodedError } from "../../../observe/errors.ts";
import { moveErrors } from "../../errors.ts";
import { currentReport, existing } from "../parts.ts";
import type { MoveSnapshot, VolumeView } from "../snapshot.ts";
import { bytesOf } from "./progress.ts";

/** The live passes of a move so far. Bytes are the sum over the last pass of each volume. */
export interface LivePasses {
  /**
   * The live passes that every volume still being copied has had. After the last one: the most
   * that a volume has had.
   */
  readonly ended: number;
  readonly sent: number;
  /** Undefined: an agent is too old to tell. */
  readonly read: number | undefined;
  readonly toRead: number | undefined;
  /** The final passes of all volumes run at the same time. */
  readonly finalMs: number;
}

/** The target's report for this time in Copying. (A move may enter Copying more than once.) */
export function answerOf(s: MoveSnapshot, { targetCopy }: VolumeView): CopyReport | undefined {
  const report = currentReport(s, targetCopy, "Target");
  return report?.copyingAt === s.move.status?.copyingAt ? report : undefined;
}

/** Undefined: a copied volume has had no live pass yet, or those of a volume have failed. */
export function livePassesOf(s: MoveSnapshot): LivePasses | undefined {
  const reports = copied(s).map((view) => answerOf(s, view));
  const running = reports.filter((report) => report?.state === "Copying");
  const passes = reports.flatMap((report) => report?.livePass ?? []);
  const numbers = running.map((report) => report?.livePass?.number ?? 0);
  const ended = numbers.length > 0 ? Math.min(...numbers) : Math.max(0, ...passes.map(({ number }) => number));
  const isTold = reports.every((report) => report !== undefined && report.state !== "Refused");
  if (ended === 0 || !isTold) return undefined;
  const sum = (of: (pass: LivePassReport) => number | undefined): number | undefined =>
    passes.reduce<number | undefined>((all, pass) => add(all, of(pass)), 0);
  return {
    ended,
    sent: sum(({ sent }) => sent) ?? 0,
    read: sum(({ read }) => read),
    toRead: sum(({ toRead }) => toRead),
    finalMs: Math.max(...passes.map(({ finalMs }) => finalMs)),
  };
}

/**
 * Why the pods will probably be down for longer than a volume allows, after the last live pass.
 * Undefined: they will not.
 */
export function whyLong(s: MoveSnapshot): CodedError | undefined {
  for (const view of copied(s)) {
    const report = answerOf(s, view);
    const allowedMs = maxDowntimeMs(view.volume);
    if (report?.state !== "Precopied" || report.livePass === undefined || report.livePass.finalMs <= allowedMs)
      continue;
    const { finalMs, sent, toRead = 0 } = report.livePass;
    const figures = { read: bytesOf(toRead), send: bytesOf(sent) };
    const { name, volume } = view;
    const allowed = volume.spec.policies.maxDowntime;
    return moveErrors.LONG_DOWNTIME({ volume: name, seconds: secondsOf(finalMs), allowed, ...figures });
  }
  return undefined;
}

/** The last live passes, as the end of a sentence. */
export function whatRemains({ finalMs, sent, toRead }: LivePasses): string {
  const reading = toRead === undefined ? "" : `${bytesOf(toRead)} to read and `;
  return `about ${String(secondsOf(finalMs))} s while the pods are down, with ${reading}${bytesOf(sent)} to send`;
}

function secondsOf(ms: number): number {
  return Math.ceil(ms / 1000);
}

/** The volumes that live passes copy. A volume with mayCreate may not exist yet. */
function copied(s: MoveSnapshot) {
  return existing(s).filter(({ volume }) => volume.spec.mayCreate === undefined);
}

function add(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}
