/**
 * Waits until every promise has ended, then gives their results or throws what the first one that
 * failed has thrown. `Promise.all` throws at once, while the others still write to a disk that the
 * caller takes for quiet.
 */
export async function allEnded<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const outcomes = await Promise.allSettled(promises);
  return outcomes.map((outcome) => {
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  });
}
