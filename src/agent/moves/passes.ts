/*
 * How many live passes a copy takes.
 *
 *   begin ──▶ pass ── little was sent ─────────────────────────▶ done
 *              ▲  │── as much was sent as in the pass before ──▶ done
 *              │  │── too many passes ─────────────────────────▶ done
 *              │  └── else: a pause ──┐
 *              └──────────────────────┘
 *
 * What the last pass has sent is about what the final pass will have to send while the pods are
 * down.
 */

/** So much is sent in less time than a pod takes to end. */
export const LITTLE_BYTES = 16 * 1024 * 1024;
/** A pass that sends more than this part of the one before does not help much. */
const SHRINKS_TO = 0.7;
export const MOST_PASSES = 5;
/**
 * From the beginning of a pass to that of the next one, where much was young: a file counts as
 * unchanged only when it was changed more than 10 s before the pass that read it
 * (transfer/passes).
 */
export const PASS_EVERY_MS = 11_000;

/**
 * How long to wait before the next pass (milliseconds); undefined: there is none. `sent` are the
 * bytes that each pass has sent so far. Of the last one: `tookMs`, its time; `toReadAgain`, bytes
 * of files that it read too early to be believed.
 */
export function pauseBeforeNext(
  sent: readonly number[],
  { toReadAgain, tookMs }: { readonly toReadAgain: number; readonly tookMs: number },
): number | undefined {
  const last = sent.at(-1) ?? 0;
  const before = sent.at(-2);
  if (last <= LITTLE_BYTES || sent.length >= MOST_PASSES) return undefined;
  if (before !== undefined && last > before * SHRINKS_TO) return undefined;
  return toReadAgain <= LITTLE_BYTES ? 0 : Math.max(0, PASS_EVERY_MS - tookMs);
}
