/*
 * Decides how many live passes a copy gets, and which of their tries count.
 *
 *   begin ──▶ pass ── little was sent ─────────────────────────▶ done
 *              ▲  │── as much was sent as in the pass before ──▶ done
 *              │  │── too many passes ─────────────────────────▶ done
 *              │  └── the connection breaks ──▶ the next try continues (tries.ts)
 *              └──┘ otherwise
 *
 * The final pass, while the pods are down, will have to send about as much as the last live pass.
 *
 * A try that breaks has advanced if one of its passes has ended, or if more files have arrived
 * whole than in any try since then. The order of the files is that of the tree, so such a try has
 * come closer to the end. Bytes of a file that has not arrived whole do not count: the file is sent
 * again from its beginning.
 *
 * A pod that makes new files before one that is too large for the connection would let each try
 * advance, and no pass would ever end. So a pass has only so many tries that advance.
 */

/** Sending this takes less time than the end of a pod. */
export const LITTLE_BYTES = 16 * 1024 * 1024;
/** Another pass helps little if a pass sends more than this part of the pass before. */
const SHRINKS_TO = 0.7;
export const MOST_PASSES = 5;
/** The most tries of one pass that break and count as advanced. */
export const MOST_ADVANCES = 20;

/** The live passes of one copy, over all tries. */
export class LivePasses {
  /** The bytes of each pass of this try that has ended. */
  #sent: number[] = [];
  #count = 0;
  #furthest: number;
  /** The tries that have advanced since a pass has ended. */
  #advances = 0;

  /** @param arrived The files that an earlier pass has brought before it broke. */
  constructor(arrived: number) {
    this.#furthest = arrived;
  }

  /** The passes that have ended well, in all tries. */
  get count(): number {
    return this.#count;
  }

  beginTry(): void {
    this.#sent = [];
  }

  /** Called when a pass has ended well. Returns whether to make another. */
  ended(bytes: number): boolean {
    this.#sent.push(bytes);
    this.#count += 1;
    this.#furthest = 0;
    this.#advances = 0;
    return this.#count < MOST_PASSES && isWorthAnother(this.#sent);
  }

  /**
   * Whether this try has advanced although it failed. `arrived` is the number of files that the
   * pass in progress has brought.
   */
  hasAdvanced(arrived: number): boolean {
    const isFurther = arrived > this.#furthest;
    if (isFurther) this.#furthest = arrived;
    if (!isFurther && this.#sent.length === 0) return false;
    this.#advances += 1;
    return this.#advances <= MOST_ADVANCES;
  }
}

/** Whether to make another pass. `sent` has the bytes of each pass so far. */
function isWorthAnother(sent: readonly number[]): boolean {
  const last = sent.at(-1) ?? 0;
  const before = sent.at(-2);
  if (last <= LITTLE_BYTES) return false;
  return before === undefined || last <= before * SHRINKS_TO;
}
