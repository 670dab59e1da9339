/*
 * Decides when live passes run while a move waits in Prepared: for a disruption budget, for the
 * drain's next try, for the rest of its group. (prepared-passes.ts runs them.) Without these passes
 * everything that the pod writes meanwhile would be sent while it is down. Only a pass can find out
 * how much that is.
 *
 *   seen in Prepared ── 30 s ──▶ pass ── it has sent much ───▶ 1 min ──▶ pass
 *                                 │  └── little ─────────────▶ 1, 2, 4, 8, 10 min ──▶ pass
 *                                 ├── it has failed ─────────▶ 5, 10 … 60 min ──▶ pass
 *                                 ├── failed, memory emptied ▶ 30 s ──▶ pass
 *                                 └── ended for a cut-over ──▶ 1, 2, 4, 8, 10 min ──▶ the same pass
 *
 * After each pass the pause is at least 20 times as long as the pass was. So the fence interrupts a
 * pass in less than one of 20 moves. The final pass after an interrupted pass is slower: it reads
 * back the files that this pass has copied, waits for other pods' data on the disk, and sends the
 * file that was being patched whole. So a pass ends before it patches a very large file
 * (MOST_PATCHED_BYTES). The final pass then sends the changed parts of that file. While that many
 * bytes are open for writing there is no pass at all, because it would end early (MOST_OPEN_BYTES).
 *
 * If a pass finds that the target's records of the files are wrong, it deletes them. Until another
 * pass has ended, the final pass would send everything, so the next one begins soon. It has no
 * records to delete, so if it fails, the usual pauses follow.
 *
 * While the pods of another move from or to one of the two nodes are down, or about to be, there is
 * no pass, and one in progress ends (cut-overs.ts). It begins again after a pause that grows.
 * Otherwise, in a drain of many volumes, long passes would be interrupted again and again, and the
 * final pass would nearly always follow an interrupted one.
 *
 * A pass that fails here changes nothing about the move, and is not tried again at once. A source
 * whose agent is older refuses these passes. It is asked again later, because agents are updated.
 */
import { LITTLE_BYTES } from "./passes.ts";

/**
 * A pass patches no file of which more than this could stay unchanged. If the fence interrupted the
 * patching, the final pass would have to send the file whole, while the pods are down.
 */
export const MOST_PATCHED_BYTES = 1024 ** 3;
/** No pass is made while files with more bytes than this are open for writing. */
export const MOST_OPEN_BYTES = 1024 ** 3;

const FIRST_MS = 30_000;
const LEAST_MS = 60_000;
const MOST_MS = 600_000;
/** Time until the next look at a pass that has to wait for other work. */
export const BUSY_MS = 10_000;
/** Time until the next look at a pass in progress. Its end is reported at once. */
const UNDER_WAY_MS = 5000;
/** The pause is at least this many times as long as the pass. */
const SHARE = 20;
const FAILED_MS = 300_000;
const FAILED_MOST_MS = 3_600_000;

/** How a pass has ended. */
export type EndOfPass =
  | { readonly sent: number; readonly tookMs: number }
  /** It has failed. `emptied`: the target has deleted its records of the files. */
  | { readonly failed: true; readonly emptied: boolean };

/** The passes of one volume, in one stay of its move in Prepared. */
export interface Stay {
  /** Identifies the stay. Another stay begins with another value. */
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
  /** End the pass in progress. It begins again later. */
  | { readonly step: "end"; readonly lookMs: number };

export function planPrepared({ isBusy, isHeldBack, isUnderWay, stay }: PreparedState, nowMs: number): PreparedStep {
  if (isUnderWay) return isHeldBack ? { step: "end", lookMs: BUSY_MS } : { step: "wait", lookMs: UNDER_WAY_MS };
  if (stay.dueMs > nowMs) return { step: "wait", lookMs: stay.dueMs - nowMs };
  if (isHeldBack || isBusy) return { step: "wait", lookMs: BUSY_MS };
  return { step: "begin", lookMs: UNDER_WAY_MS };
}
