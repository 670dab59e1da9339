import type { CopyCase, CopyFigures, CopySubjectName, DowntimeFigures } from "./figures.ts";
import { speedRatio } from "./report.ts";

/** How fast our copy is to be, as a ratio to the slowest of others in the same run. */
interface Target {
  readonly case: CopyCase;
  readonly against: readonly CopySubjectName[];
  readonly least: number;
}

const TARGETS: readonly Target[] = [
  { case: "large", against: ["rsync-local"], least: 1 },
  { case: "large", against: ["tls-stream", "disk"], least: 0.8 },
  { case: "small", against: ["rsync-local"], least: 1 },
];

/** One line per target whose case was measured. */
export function judgeCopies(all: readonly CopyFigures[]): string[] {
  const measured = TARGETS.filter((target) => all.some((one) => one.case === target.case));
  return measured.map(({ against, case: name, least }) => {
    const what = `mooring, ${name}, to ${against.length > 1 ? "the slower of " : ""}${against.join(" and ")}`;
    const ratio = speedRatio(all, name, against);
    if (ratio === undefined) return `not judged: ${what}: not all of them were measured`;
    const verdict = ratio >= least ? "met" : "NOT MET";
    return `${verdict}: ${what}: ${ratio.toFixed(2)} × its speed, target at least ${least.toFixed(2)}`;
  });
}

/** Our part of the downtime of a volume that nobody writes to, whatever is in it. */
const IDLE_DOWNTIME_MS = 1000;

/** One line per idle volume that was moved. */
export function judgeDowntimes(all: readonly DowntimeFigures[]): string[] {
  const idle = all.filter(({ volume }) => volume.startsWith("idle-"));
  return idle.map(({ downtimeMs, volume }) => {
    const verdict = downtimeMs < IDLE_DOWNTIME_MS ? "met" : "NOT MET";
    return `${verdict}: downtime of ${volume}, ours: ${String(downtimeMs)} ms, target less than ${String(IDLE_DOWNTIME_MS)} ms`;
  });
}
