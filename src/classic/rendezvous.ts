/**
 * Rendezvous (highest random weight) hashing: each claim draws a score for every candidate, the
 * highest wins. The same claim draws the same candidate on every attempt and in every replica,
 * claims spread evenly, and when a candidate is added or removed, only the claims that it wins or
 * had won change.
 */
export function rendezvous<T>(key: string, candidates: readonly T[], nameOf: (candidate: T) => string): T | undefined {
  let best: { candidate: T; name: string; score: number } | undefined;
  for (const candidate of candidates) {
    const name = nameOf(candidate);
    const score = hash(`${key}\0${name}`);
    // Equal scores are decided by name, so that the order of the candidates never matters.
    if (best === undefined || score > best.score || (score === best.score && name < best.name)) {
      best = { candidate, name, score };
    }
  }
  return best?.candidate;
}

/**
 * FNV-1a over UTF-16 code units, then murmur3's finalizer: FNV alone leaves the scores of names
 * that differ only at the end too alike.
 */
export function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) h = Math.imul(h ^ text.charCodeAt(at), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
