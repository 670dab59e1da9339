/** An agent that has not renewed its StorageNode for this long is not there. */
export const AGENT_SILENT_MS = 90_000;
/** How long after the first eviction a pod of the group must be terminating. */
export const EVICTION_PATIENCE_MS = 30_000;
/** An eviction that was refused is sent again after this time, as kubectl does. */
export const EVICTION_RETRY_MS = 5_000;
/** A drain that has not asked for this long does not wait for the move. */
export const ASKED_RECENTLY_MS = 30_000;
/**
 * How often a copy may fail in a row before the move is undone, or on a leaving source, before
 * another target is looked for.
 */
export const COPY_TRIES = 3;
/**
 * A target that has not reported a live pass for this long makes none: its agent is older than live
 * passes. The copy is then made while the pods are down.
 */
export const PRECOPY_PATIENCE_MS = 60_000;
/** Progress is written no more often than this. */
export const PROGRESS_EVERY_MS = 5_000;
/** A movedAt older than this is written again before the volume gets its new place. */
export const MOVED_AT_FRESH_MS = 10_000;
/** After this long nothing waits any more for a pod that publishes on the target. */
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
