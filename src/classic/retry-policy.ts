import type { RetryPolicy } from "../provision/retry-policy.ts";

/**
 * The figures of local-path-provisioner: 15 s, 30 s, 60 s … at most 1,000 s apart. After `limit`
 * failures (0: no limit) only its resync period of a quarter of an hour tries again.
 */
export function localPathRetry(limit: number): RetryPolicy {
  return { firstMs: 15_000, longestMs: 1_000_000, limit, restingMs: 15 * 60_000 };
}
