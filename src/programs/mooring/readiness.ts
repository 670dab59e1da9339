/** What the readiness of a controller depends on. */
export interface Readiness {
  readonly informers: readonly { readonly hasSynced: boolean }[];
  readonly webhook: { readonly isServing: boolean };
}

/**
 * Why a replica is not Ready yet; undefined if it is. The API server lets evictions pass when the
 * webhook does not answer. The disruption budget allows the other replica to be evicted as soon as
 * this one is Ready, so from then on it must be able to hold evictions.
 */
export function whyNotReady({ informers, webhook }: Readiness): string | undefined {
  if (informers.some(({ hasSynced }) => !hasSynced)) return "still listing";
  return webhook.isServing ? undefined : "the eviction webhook does not serve yet";
}
