/**
 * A short name for a template: the same for the same JSON, whatever the order of its keys. FNV-1a
 * in the letters Kubernetes uses for generated names.
 */
export function hashOf(value: unknown): string {
  let hash = 0x811c9dc5;
  for (const character of stable(value)) {
    hash ^= character.codePointAt(0) ?? 0;
    hash = Math.imul(hash, 0x01000193) >>> 0;
  }
  const letters = "bcdfghjklmnpqrstvwxz2456789";
  return Array.from(hash.toString(10), (digit) => letters[Number(digit)] ?? "").join("");
}

function stable(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stable).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${stable(each)}`).join()}}`;
}
