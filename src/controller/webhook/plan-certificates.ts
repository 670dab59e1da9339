import { BACKDATE_MS } from "./issue.ts";
import type { CertificateFacts, StoredCertificates } from "./stored-certificates.ts";

export interface CertificatesSnapshot {
  readonly stored: StoredCertificates;
  /** The certificates that every webhook of our configuration trusts now (PEM). */
  readonly published: readonly string[];
  readonly now: number;
}

export type CertificatesStep =
  /** Make a new CA and put it before the others. */
  | { readonly step: "make-authority"; readonly why: string }
  /** Let the CA sign a new serving certificate, which replaces the old one. */
  | { readonly step: "make-serving"; readonly why: string }
  /** Remove expired CAs from the bundle. */
  | { readonly step: "drop-expired" }
  | { readonly step: "nothing" };

/**
 * How long a new CA is published before it signs: each API server sees a changed webhook
 * configuration at a different time.
 */
const SETTLE_MS = 3_600_000;

/**
 * The next step to valid certificates. A CA is replaced in an order in which no API server ever
 * sees a certificate that it does not trust yet:
 *
 *   make-authority ──▶ the bundle is published ──▶ an hour passes ──▶ make-serving, when the
 *   serving certificate is due by itself ──▶ the old authority expires ──▶ drop-expired
 *
 * When there is no valid serving certificate, one is made at once.
 */
export function planCertificates({ stored, published, now }: CertificatesSnapshot): CertificatesStep {
  const { authorities, authority, serving } = stored;
  if (authorities.some(({ notAfter }) => notAfter <= now)) return { step: "drop-expired" };
  if (authority === undefined) return { step: "make-authority", why: "there is none whose key we have" };
  const authorityFault = whyReplace(authority, now);
  if (authorityFault !== undefined) return { step: "make-authority", why: authorityFault };
  if (serving === undefined) return { step: "make-serving", why: "there is none that works" };
  if (!isValid(serving, now)) return { step: "make-serving", why: "it is not valid now" };
  const servingFault = whyReplace(serving, now);
  if (servingFault === undefined) return { step: "nothing" };
  const isSettled = now - (authority.notBefore + BACKDATE_MS) >= SETTLE_MS && published.includes(authority.pem);
  return isSettled ? { step: "make-serving", why: servingFault } : { step: "nothing" };
}

function isValid({ notBefore, notAfter }: CertificateFacts, now: number): boolean {
  return notBefore <= now && now < notAfter;
}

function whyReplace(certificate: CertificateFacts, now: number): string | undefined {
  const { notBefore, notAfter } = certificate;
  if (!isValid(certificate, now)) return "it is not valid now";
  return notAfter - now < (notAfter - notBefore) / 3 ? "less than a third of its life remains" : undefined;
}
