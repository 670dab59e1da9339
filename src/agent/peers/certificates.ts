/*
 * The certificates of one agent. Agents know each other by fingerprints alone: each publishes its
 * own in its StorageNode.
 *
 * The states of a certificate: published (its fingerprint is in the StorageNode, but it is not
 * shown yet), shown (to every peer that connects, and still published), dropped. A peer must never
 * see a certificate whose fingerprint it could not have read. So a new certificate is shown only
 * PUBLISH_MS after it was made. An old one stays published until PUBLISH_MS after its successor is
 * shown, because a peer may have connected with it a moment before. The very first certificate is
 * shown at once, because there is no other.
 *
 * The list is stored, oldest first, with the time at which each certificate was made. A crash
 * before a write loses a certificate that no peer has seen. If the file is lost, a new certificate
 * is shown at once: peers refuse it until they have read the StorageNode, and try again.
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
/** Time between publishing and showing a certificate. Even a slow watch has seen it by then. */
export const PUBLISH_MS = HOUR_MS;

/** The next change of the list. `at` is the time of the next look. */
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
