/*
 * Decides when live passes run (prepared-passes.ts does it) while a move waits in Prepared: for a
 * disruption budget, for the drain's next try, for the rest of its group. What the pod writes
 * meanwhile would be copied while it is down. Only what a pass brings can tell how much that is.
 *
 *   seen in Prepared ── 30 s ──▶ pass ── it has sent much ───▶ 1 min ──▶ pass
 *                                 │  └── little ─────────────▶ 1, 2, 4, 8, 10 min ──▶ pass
 *                                 ├── it has failed ─────────▶ 5, 10 … 60 min ──▶ pass
 *                                 ├── and emptied the memory ▶ 30 s ──▶ pass
 *                                 └── ended for a cut-over ──▶ 1, 2, 4, 8, 10 min ──▶ the same pass
 *
 * After each pass the pause is at least 20 times as long as the pass was, so the fence comes in the
 * middle of one in less than one of 20 moves. A final pass after a pass that broke is slower: it
 * reads back what that one has brought, waits for the neighbours' data, and sends the file whole
 * that was being patched. So a pass ends before it patches a very large file (MOST_PATCHED_BYTES).
 * The final pass then sends what has changed of it. There is no pass at all while that much is open
 * for writing, because it would end so (MOST_OPEN_BYTES).
 *
 * A pass that finds what the target knows of the files to be wrong empties its memory. Until the
 * next pass has ended, the final pass would send everything, so the next one comes soon. It cannot
 * empty the memory again, so if it fails, the usual pauses follow.
 *
 * While the pods of another move from or to one of the two nodes are down, or about to be, there is
 * no pass, and one in progress ends (cut-overs.ts). It comes again after a pause that grows: in a
 * drain of many volumes, long passes would else be broken again and again, and the fence would find
 * what a broken pass has left.
 *
 * A pass that fails here changes nothing about the move, and is not tried again at once. A source
 * whose agent is older refuses these passes. It is asked again, because agents are updated.
 */
import { LITTLE_BYTES } from "./passes.ts";

/**
 * A pass patches no file of which more could stay. If the fence came while it is patched, the final
 * pass would have to send it whole, while the pods are down.
 */
export const MOST_PATCHED_BYTES = 1024 ** 3;
/**
 * No pass is made while the final pass would have to read more than this: the files that are open
 * for writing.
 */
export const MOST_OPEN_BYTES = 1024 ** 3;

const FIRST_MS = 30_000;
const LEAST_MS = 60_000;
const MOST_MS = 600_000;
/** Time until a pass is looked at again that has to wait for other work. */
export const BUSY_MS = 10_000;
/** The same, for one in progress. Its end is told at once. */
const UNDER_WAY_MS = 5000;
/** The pause is so many times as long as the pass. */
const SHARE = 20;
const FAILED_MS = 300_000;
const FAILED_MOST_MS = 3_600_000;

/** How a pass has ended. */
export type EndOfPass =
  | { readonly sent: number; readonly tookMs: number }
  /** It has failed. `emptied`: the target has forgotten what it knew of the files. */
  | { readonly failed: true; readonly emptied: boolean };

/** The passes of one volume, in one stay of its move in Prepared. */
export interface Stay {
  /** Identifies it: another one begins anew. */
  readonly of: string;
  /** The number of the next pass, or of the one in progress. */
  readonly number: number;
  /** When it is due (milliseconds, monotonic). */
  readonly dueMs: number;
  /** Passes in a row that have sent little. */
  readonly quiet: number;
  /** Passes in a row that have failed. */
  readonly failed: number;
  /** How often the pass in progress was ended for the cut-over of another volume. */
  readonly heldBack: number;
}

export function beginStay(of: string, nowMs: number): Stay {
  return { of, number: 1, dueMs: nowMs + FIRST_MS, quiet: 0, failed: 0, heldBack: 0 };
}

/** Identifies the next pass, or the one in progress. */
export function passOf({ number, of }: Stay): string {
  return `${of}/${String(number)}`;
}

/** What is known when a pass has ended. The next one has another name. */
export function afterPass(stay: Stay, end: EndOfPass, nowMs: number): Stay {
  const next = { ...stay, number: stay.number + 1, heldBack: 0 };
  if ("failed" in end) {
    if (end.emptied) return { ...next, dueMs: nowMs + FIRST_MS };
    const pauseMs = Math.min(FAILED_MOST_MS, FAILED_MS * 2 ** stay.failed);
    return { ...next, dueMs: nowMs + pauseMs, failed: stay.failed + 1 };
  }
  const quiet = end.sent > LITTLE_BYTES ? 0 : stay.quiet + 1;
  const pauseMs = Math.min(MOST_MS, LEAST_MS * 2 ** Math.max(0, quiet - 1));
  return { ...next, dueMs: nowMs + Math.max(pauseMs, SHARE * end.tookMs), quiet, failed: 0 };
}

/** What is known when the pass in progress was ended for a cut-over. It keeps its name. */
export function afterHoldingBack(stay: Stay, nowMs: number): Stay {
  const pauseMs = Math.min(MOST_MS, LEAST_MS * 2 ** stay.heldBack);
  return { ...stay, dueMs: nowMs + pauseMs, heldBack: stay.heldBack + 1 };
}

/** What the next step is decided from. */
export interface PreparedState {
  readonly stay: Stay;
  /** Whether the pass of the stay is in progress. */
  readonly isUnderWay: boolean;
  /** Whether this agent reads or copies anything else. */
  readonly isBusy: boolean;
  /** Whether another move is in its cut-over on one of the two nodes. */
  readonly isHeldBack: boolean;
}

/** `lookMs`: when to look again. */
export type PreparedStep =
  | { readonly step: "wait"; readonly lookMs: number }
  | { readonly step: "begin"; readonly lookMs: number }
  /** End the pass in progress. It comes again later. */
  | { readonly step: "end"; readonly lookMs: number };

export function planPrepared({ isBusy, isHeldBack, isUnderWay, stay }: PreparedState, nowMs: number): PreparedStep {
  if (isUnderWay) return isHeldBack ? { step: "end", lookMs: BUSY_MS } : { step: "wait", lookMs: UNDER_WAY_MS };
  if (stay.dueMs > nowMs) return { step: "wait", lookMs: stay.dueMs - nowMs };
  if (isHeldBack || isBusy) return { step: "wait", lookMs: BUSY_MS };
  return { step: "begin", lookMs: UNDER_WAY_MS };
}
