/*
 * The certificates of one agent. Agents know each other by fingerprints alone: each publishes its
 * own in its StorageNode.
 *
 * A certificate goes through: published (named in the StorageNode, not shown yet), shown (to every
 * peer that connects, still published), dropped. Nobody may meet a certificate whose fingerprint he
 * could not have read, so a new one is shown only PUBLISH_MS after it was made, and an old one
 * stays published until PUBLISH_MS after its successor is shown: a peer may have connected with it
 * a moment before. The very first one is shown at once, for there is nothing else to show.
 *
 * Stored is the list, oldest first, with the time at which each was made. After a crash before a
 * write there is one certificate less, which nobody has met; after it all is as before. A lost file
 * means a new certificate that is shown at once: peers refuse it until they have read the
 * StorageNode, and try again.
 */

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  /** PEM (PKCS #8). */
  readonly key: string;
  /** SHA-256 of the certificate: 64 hexadecimal digits in lower case. */
  readonly fingerprint: string;
  /** Wall-clock time in milliseconds. */
  readonly madeAt: number;
}

const HOUR_MS = 3_600_000;
export const LIFETIME_MS = 30 * 24 * HOUR_MS;
const RENEW_AFTER_MS = LIFETIME_MS / 2;
/**
 * So long the StorageNode names a certificate before it is shown: a watch that has fallen behind
 * has caught up by then.
 */
export const PUBLISH_MS = HOUR_MS;

/** What is to be done with the list now. `at` is when to look again. */
export type RotationStep =
  | { readonly step: "make" }
  | { readonly step: "drop"; readonly fingerprints: readonly string[] }
  | { readonly step: "wait"; readonly untilMs: number };

/**
 * The certificate to show to peers: the newest that was published for long enough. Undefined for an
 * empty list.
 */
export function shownCertificate(certificates: readonly Certificate[], now: number): Certificate | undefined {
  return certificates.findLast((one) => ageOf(one, now) >= PUBLISH_MS) ?? certificates[0];
}

/** Decides the next step of the rotation. `certificates` is oldest first. */
export function planRotation(certificates: readonly Certificate[], now: number): RotationStep {
  const newest = certificates.at(-1);
  if (newest === undefined || ageOf(newest, now) >= RENEW_AFTER_MS) return { step: "make" };
  const shown = shownCertificate(certificates, now);
  const older = certificates.slice(0, shown === undefined ? 0 : certificates.indexOf(shown));
  if (shown !== undefined && older.length > 0 && ageOf(shown, now) >= 2 * PUBLISH_MS) {
    return { step: "drop", fingerprints: older.map((one) => one.fingerprint) };
  }
  const next = [newest.madeAt + RENEW_AFTER_MS];
  for (const one of certificates.slice(1)) next.push(one.madeAt + PUBLISH_MS, one.madeAt + 2 * PUBLISH_MS);
  return { step: "wait", untilMs: Math.min(...next.filter((time) => time > now)) };
}

/**
 * After a jump of the wall clock into the past a certificate seems to come from the future: it
 * counts as just made.
 */
function ageOf(certificate: Certificate, now: number): number {
  return Math.max(0, now - certificate.madeAt);
}
