/** When a failed claim or volume is tried again: after `firstMs`, then twice that, and so on. */
export interface RetryPolicy {
  /** Milliseconds after the first failure. */
  readonly firstMs: number;
  /** The longest pause, in milliseconds. */
  readonly longestMs: number;
  /**
   * After so many failures in a row the pause is `restingMs`, unless the object changes before. 0:
   * never.
   */
  readonly limit: number;
  readonly restingMs: number;
}

/** Milliseconds to wait after the `failures`-th failure in a row (1, 2, …). */
export function retryDelayMs(policy: RetryPolicy, failures: number): number {
  const { firstMs, longestMs, limit, restingMs } = policy;
  if (limit > 0 && failures >= limit) return restingMs;
  return Math.min(firstMs * 2 ** Math.min(failures - 1, 30), longestMs);
}
