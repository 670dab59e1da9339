import { X509Certificate } from "node:crypto";

/** The DNS name by which API servers call the webhook of these tests. */
export const WEBHOOK_NAME = "mooring-webhook.storage.svc";

/** Whether Node, trusting these CAs, accepts the certificate now. */
export function isAccepted(
  certificate: { readonly cert: string } | undefined,
  trusted: readonly string[],
  now: number,
): boolean {
  if (certificate === undefined) return false;
  const shown = new X509Certificate(certificate.cert);
  const inTime = Date.parse(shown.validFrom) <= now && now < Date.parse(shown.validTo);
  const signed = trusted.some((pem) => {
    const authority = new X509Certificate(pem);
    return shown.checkIssued(authority) && shown.verify(authority.publicKey) && Date.parse(authority.validTo) > now;
  });
  return inTime && signed && shown.checkHost(WEBHOOK_NAME) === WEBHOOK_NAME;
}
