/**
 * Waits until every promise has settled. Then returns their results, or throws the error of the
 * first one that failed. `Promise.all` would throw at once, while the others still write to the
 * disk.
 */
export async function allEnded<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const outcomes = await Promise.allSettled(promises);
  return outcomes.map((outcome) => {
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  });
}
