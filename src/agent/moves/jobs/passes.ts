/*
 * Decides how many live passes a copy gets.
 *
 *   begin ──▶ pass ── little was sent ─────────────────────────▶ done
 *              ▲  │── as much was sent as in the pass before ──▶ done
 *              │  │── too many passes ─────────────────────────▶ done
 *              └──┘ otherwise
 *
 * The final pass, while the pods are down, will have to send about as much as the last live pass.
 */

/** Sending this takes less time than the end of a pod. */
export const LITTLE_BYTES = 16 * 1024 * 1024;
/** Another pass helps little if a pass sends more than this part of the pass before. */
const SHRINKS_TO = 0.7;
export const MOST_PASSES = 5;

/** Whether to make another pass. `sent` has the bytes of each pass so far. */
export function isWorthAnother(sent: readonly number[]): boolean {
  const last = sent.at(-1) ?? 0;
  const before = sent.at(-2);
  if (last <= LITTLE_BYTES || sent.length >= MOST_PASSES) return false;
  return before === undefined || last <= before * SHRINKS_TO;
}
