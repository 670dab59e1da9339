export const COPY_CASES = ["large", "small", "sparse"] as const;
export const COPY_SUBJECTS = ["mooring", "rsync-local", "tls-stream", "disk"] as const;

/** A copy between two agents, or the downtime of a volume that moves in a real cluster. */
export const MOVE_CASES = [...COPY_CASES, "downtime"] as const;
/** What is in the volumes of `downtime`, and whether somebody writes: downtime/volumes.ts. */
export const DOWNTIME_VOLUMES = ["idle-1g", "idle-5g", "idle-10000", "log-1g", "appended-1g"] as const;

export type MoveCase = (typeof MOVE_CASES)[number];
export type DowntimeVolume = (typeof DOWNTIME_VOLUMES)[number];
export type CopyCase = (typeof COPY_CASES)[number];
export type CopySubjectName = (typeof COPY_SUBJECTS)[number];

/**
 * One line of the result: what `--json` writes. `case` is the tag. DowntimeFigures
 * are beside these.
 */
export interface CopyFigures {
  readonly case: CopyCase;
  readonly subject: CopySubjectName;
  /** Bytes of data; holes are not counted. */
  readonly bytes: number;
  readonly files: number;
  /** Until everything is on the disk: a syncfs of the target is inside. */
  readonly seconds: number;
  /** Million bytes of data per second. */
  readonly mbPerS: number;
  /** User and system time of the subject's processes. The kernel's own threads do not count. */
  readonly cpuSeconds: number;
  /**
   * The part of `seconds` after the last byte has arrived: syncfs and read-back. Only of subjects
   * that can tell.
   */
  readonly afterArrivalSeconds?: number;
}

/** One line of the result of `downtime`. */
export interface DowntimeFigures {
  readonly case: "downtime";
  readonly subject: "mooring";
  readonly volume: DowntimeVolume;
  /** What was in the volume before the pod began to append to it. */
  readonly bytes: number;
  readonly files: number;
  /** From the beginning of `kubectl drain` until the pod is Ready on another node. */
  readonly seconds: number;
  /** Million bytes of the volume per second of that time. */
  readonly mbPerS: number;
  /** User and system time of all agents meanwhile. */
  readonly cpuSeconds: number;
  /** Our part, from the last unpublish to the new place, as the VolumeMove tells it. */
  readonly downtimeMs: number;
  /** The kubelets' part: from there to the first publish. */
  readonly kubeletsMs: number;
}

/** The measurement in the middle by time; of two in the middle the faster one. */
export function median(all: readonly CopyFigures[]): CopyFigures {
  return medianBy(all, ({ seconds }) => seconds);
}

/** The same by any number. */
export function medianBy<T>(all: readonly T[], by: (one: T) => number): T {
  const sorted = all.toSorted((a, b) => by(a) - by(b));
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (middle === undefined) throw new Error("no measurement, no median");
  return middle;
}
