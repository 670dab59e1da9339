/**
 * When a failed claim or volume is tried again: 15 s, 30 s, 60 s … at most 1,000 s apart, as in local-path-provisioner. After `limit` failures (0: no limit) it is
 * left until the next event of the object, or a quarter of an hour, the resync period of that program.
 */
export interface RetryPolicy {
  readonly limit: number;
}

const FIRST_DELAY_MS = 15_000;
const LONGEST_DELAY_MS = 1_000_000;
const RESYNC_MS = 15 * 60_000;

/** Milliseconds to wait after the `failures`-th failure in a row (1, 2, …). */
export function retryDelayMs(policy: RetryPolicy, failures: number): number {
  if (policy.limit > 0 && failures >= policy.limit) return RESYNC_MS;
  return Math.min(FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 30), LONGEST_DELAY_MS);
}
