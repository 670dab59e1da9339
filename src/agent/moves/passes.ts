/*
 * How many live passes a copy takes.
 *
 *   begin ──▶ pass ── little was sent ─────────────────────────▶ done
 *              ▲  │── as much was sent as in the pass before ──▶ done
 *              │  │── too many passes ─────────────────────────▶ done
 *              └──┘ else
 *
 * What the last pass has sent is about what the final pass will have to send while the pods are
 * down.
 */

/** So much is sent in less time than a pod takes to end. */
export const LITTLE_BYTES = 16 * 1024 * 1024;
/** A pass that sends more than this part of the one before does not help much. */
const SHRINKS_TO = 0.7;
export const MOST_PASSES = 5;

/** Whether to make another pass. `sent` are the bytes that each one has sent so far. */
export function isWorthAnother(sent: readonly number[]): boolean {
  const last = sent.at(-1) ?? 0;
  const before = sent.at(-2);
  if (last <= LITTLE_BYTES || sent.length >= MOST_PASSES) return false;
  return before === undefined || last <= before * SHRINKS_TO;
}
