const DECIMAL = /^(0|[1-9]\d*)$/;

/**
 * Whether this is a resourceVersion that can be compared: a decimal number without leading zeros.
 */
export function isComparable(resourceVersion: string): boolean {
  return DECIMAL.test(resourceVersion);
}

/**
 * Negative, 0 or positive as `a` is older than, the same as or newer than `b`. Resource versions of
 * one kind of object are decimal numbers of any length: the shorter is older, of the same length
 * the lexically lesser (Kubernetes 1.35 made this official). Throws for anything else.
 */
export function compareResourceVersions(a: string, b: string): number {
  for (const version of [a, b]) {
    if (!isComparable(version)) throw new RangeError(`${JSON.stringify(version)} is not a resourceVersion`);
  }
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
