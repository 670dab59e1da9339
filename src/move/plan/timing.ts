/** An agent that has not renewed its StorageNode for this time counts as silent. */
export const AGENT_SILENT_MS = 90_000;
/** How long after the first eviction a pod of the group must be terminating. */
export const EVICTION_PATIENCE_MS = 30_000;
/** An eviction that was refused is sent again after this time, as kubectl does. */
export const EVICTION_RETRY_MS = 5_000;
/** A drain that has requested no eviction for this time does not wait for the move any more. */
export const ASKED_RECENTLY_MS = 30_000;
/**
 * After this number of failed copies in a row the move is undone. If its source is leaving, the
 * move looks for another target instead.
 */
export const COPY_TRIES = 3;
/**
 * A target that has reported no live pass for this time does not make any, because its agent is
 * older than live passes. The copy is then made while the pods are down.
 */
export const PRECOPY_PATIENCE_MS = 60_000;
/** The shortest time between two writes of the progress. */
export const PROGRESS_EVERY_MS = 5_000;
/** A movedAt older than this is written again before the volume gets its new node. */
export const MOVED_AT_FRESH_MS = 10_000;
/**
 * How long after the commit a move waits until the source has put its copy into the trash. That
 * takes a second or two, and never ends on a disk that has failed.
 */
export const TRASH_PATIENCE_MS = 300_000;
/** After this time a finished move does not wait any more for a publish on the target. */
export const DOWNTIME_WATCH_MS = 600_000;

const FIRST_BACKOFF_MS = 5_000;
const LONGEST_BACKOFF_MS = 300_000;

/** 5 s, 10 s … 5 min. `failures` counts from 1. */
export function backoffMs(failures: number): number {
  return Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.max(0, failures - 1));
}

/** RFC 3339 with milliseconds. */
export function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** Milliseconds of a stored time; undefined when there is none or it cannot be read. */
export function msOf(time: string | undefined): number | undefined {
  if (time === undefined) return undefined;
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? undefined : ms;
}
