/*
 * Decides how many live passes a copy gets, and which of their tries count.
 *
 *   begin ──▶ pass ── little was sent, and the final pass fits ───▶ ready
 *              ▲  │── it fits, but another pass takes too long ───▶ ready
 *              │  │── another pass would hardly help ─────────────▶ ready or unshrinking
 *              │  │── as many passes as a copy gets ──────────────▶ ready or most
 *              │  └── the connection breaks ──▶ the next try continues (tries.ts)
 *              └──┘ otherwise
 *
 * The final pass fits if it probably takes no longer than the volume's `maxDowntime`. While the
 * pods are down, it has to read what is not proven, and to send about as much as the last live
 * pass. The two are estimated apart: a large database that writes little has much to read and
 * little to send.
 *
 * A try that breaks has advanced if one of its passes has ended, or if more files have arrived
 * whole than in any try since then. The order of the files is that of the tree, so such a try has
 * come closer to the end. Bytes of a file that has not arrived whole do not count: the file is sent
 * again from its beginning.
 *
 * A pod that makes new files before one that is too large for the connection would let each try
 * advance, and no pass would ever end. So a pass has only so many tries that advance.
 */

import type { LivePassReport } from "../../../api/kinds/volume-copy.ts";
import type { PassFigures } from "../../transfer/passes/figures.ts";

/** Sending this takes less time than the end of a pod. */
export const LITTLE_BYTES = 16 * 1024 * 1024;
/** Another pass helps little if a pass sends more than this part of the pass before. */
const SHRINKS_TO = 0.7;
/**
 * Although the final pass fits, another live pass is made if it takes no longer than this: the pods
 * run meanwhile, and are down for a shorter time afterwards.
 */
const SHORT_MS = 60_000;
/**
 * No speed is computed from a pass with fewer bytes: it has spent most of its time on looking at
 * files, or it has continued an earlier pass.
 */
const TELLING_BYTES = 1024 * 1024;
/** Bytes per millisecond, if no pass has had a speed: about that of a slow disk. */
const UNKNOWN_SPEED = 100_000;
export const MOST_PASSES = 5;
/** The most tries of one pass that break and count as advanced. */
export const MOST_ADVANCES = 20;

/** A live pass that has ended well. */
export interface EndedPass {
  readonly sent: number;
  readonly tookMs: number;
  /** Undefined: the source's agent is too old to tell. */
  readonly source?: PassFigures | undefined;
}

/** In bytes per millisecond. 0: no pass has had enough bytes to say. */
interface Speeds {
  readonly reading: number;
  readonly sending: number;
}

const UNTOLD: Speeds = { reading: 0, sending: 0 };

/** The live passes of one copy, over all tries. */
export class LivePasses {
  readonly #maxDowntimeMs: number;
  /** The passes of this try that have ended. */
  #history: EndedPass[] = [];
  /** The speeds of the tries before this one. */
  #speeds = UNTOLD;
  #count = 0;
  #report: LivePassReport | undefined;
  #furthest: number;
  /** The tries that have advanced since a pass has ended. */
  #advances = 0;

  /** @param arrived How many files had arrived in an earlier pass before it broke. */
  constructor(arrived: number, maxDowntimeMs: number) {
    this.#furthest = arrived;
    this.#maxDowntimeMs = maxDowntimeMs;
  }

  /** The last pass that has ended well, in all tries. Undefined: none has. */
  get report(): LivePassReport | undefined {
    return this.#report;
  }

  beginTry(): void {
    this.#speeds = speedsOf(this.#history, this.#speeds);
    this.#history = [];
  }

  /** Called when a pass has ended well. Returns whether to make another. */
  ended(pass: EndedPass): Next {
    this.#history.push(pass);
    this.#count += 1;
    this.#report = reportOf(this.#count, pass, finalPassMs(this.#history, this.#speeds));
    this.#furthest = 0;
    this.#advances = 0;
    return anotherPass(this.#history, this.#maxDowntimeMs, this.#count, this.#speeds);
  }

  /**
   * Whether this try has advanced although it failed. `arrived` is the number of files that have
   * arrived in the pass in progress.
   */
  hasAdvanced(arrived: number): boolean {
    const isFurther = arrived > this.#furthest;
    if (isFurther) this.#furthest = arrived;
    if (!isFurther && this.#history.length === 0) return false;
    this.#advances += 1;
    return this.#advances <= MOST_ADVANCES;
  }
}

export function reportOf(number: number, { sent, source, tookMs }: EndedPass, finalMs: number): LivePassReport {
  const read = source === undefined ? {} : { read: source.read, toRead: source.toRead };
  return { number, sent, ...read, tookMs, finalMs };
}

/**
 * What comes after a pass.
 *
 *   on            another pass
 *   ready         the final pass probably fits
 *   unshrinking   it does not, and another live pass would hardly make it shorter
 *   most          it does not, and there were as many passes as a copy gets
 */
export type Next = "on" | "ready" | "unshrinking" | "most";

/**
 * Decides after each pass. `history` has the passes of this try, `count` is the number of passes
 * that have ended in all tries, and `speeds` are those of the tries before.
 */
export function anotherPass(
  history: readonly EndedPass[],
  maxDowntimeMs: number,
  count = history.length,
  speeds = UNTOLD,
): Next {
  const [before, last] = [history.at(-2), history.at(-1)];
  if (last === undefined) return "on";
  const expectedMs = finalPassMs(history, speeds);
  const fits = expectedMs <= maxDowntimeMs;
  if (fits && last.sent <= LITTLE_BYTES) return "ready";
  if (count >= MOST_PASSES) return fits ? "ready" : "most";
  // The first pass sends what the second one will not.
  if (before === undefined) return "on";
  if (fits && expectedMs > SHORT_MS) return "ready";
  const sendsLess = last.sent > LITTLE_BYTES && last.sent <= before.sent * SHRINKS_TO;
  const readsLess = !fits && isLess(last.source?.toRead, before.source?.toRead);
  if (sendsLess || readsLess) return "on";
  return fits ? "ready" : "unshrinking";
}

function isLess(last = 0, before = 0): boolean {
  return before > 0 && last <= before * SHRINKS_TO;
}

/**
 * How long the final pass will probably take, in milliseconds, after the passes of this try and at
 * their speeds. `before` are those of the tries before it.
 */
export function finalPassMs(history: readonly EndedPass[], before = UNTOLD): number {
  const last = history.at(-1);
  if (last === undefined) return 0;
  const { reading, sending } = speedsOf(history, before);
  const ms = timeFor(last.source?.toRead, reading) + timeFor(last.sent, sending);
  return Math.min(Number.MAX_SAFE_INTEGER, Math.round(ms));
}

/**
 * The highest speeds of the passes of this try. Other passes were slower because they read and sent
 * at the same time, or did little but look at files. A speed limit delays reading only in live
 * passes, so the time of that delay does not count as time of reading. If no pass of this try has
 * had a speed, that of the tries `before` counts. That happens after a break, when most files have
 * arrived already.
 */
function speedsOf(history: readonly EndedPass[], before: Speeds): Speeds {
  const reading = history.map(({ source, tookMs }) => perMs(source?.read, tookMs - (source?.heldMs ?? 0)));
  const sending = history.map(({ sent, tookMs }) => perMs(sent, tookMs));
  return {
    reading: Math.max(0, ...reading) || before.reading,
    sending: Math.max(0, ...sending) || before.sending,
  };
}

/** 0: the pass has too few bytes to say. */
function perMs(bytes = 0, ms: number): number {
  return bytes < TELLING_BYTES ? 0 : bytes / Math.max(1, ms);
}

function timeFor(bytes = 0, speed: number): number {
  return bytes / (speed === 0 ? UNKNOWN_SPEED : speed);
}
