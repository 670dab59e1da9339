export const COPY_CASES = ["large", "small", "sparse"] as const;
export const COPY_SUBJECTS = ["mooring", "rsync-local", "tls-stream", "disk"] as const;

export type CopyCase = (typeof COPY_CASES)[number];
export type CopySubjectName = (typeof COPY_SUBJECTS)[number];

/**
 * One line of the result: what `--json` writes. `case` is the tag: other measurements of a move get
 * cases of their own beside these.
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

/** The measurement in the middle by time; of two in the middle the faster one. */
export function median(all: readonly CopyFigures[]): CopyFigures {
  const sorted = all.toSorted((a, b) => a.seconds - b.seconds);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (middle === undefined) throw new Error("no measurement, no median");
  return middle;
}
