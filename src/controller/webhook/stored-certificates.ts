import type { webcrypto } from "node:crypto";
import "reflect-metadata";
import { PemConverter, SubjectAlternativeNameExtension, X509Certificate } from "@peculiar/x509";
import { KEY_ALGORITHM } from "./issue.ts";

/** A certificate and the facts that planCertificates uses. Times are milliseconds since 1970. */
export interface CertificateFacts {
  readonly pem: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** A certificate whose private key we have. */
export interface OwnCertificate extends CertificateFacts {
  readonly key: string;
}

/** The usable content of the Secret. What is damaged or does not match counts as absent. */
export interface StoredCertificates {
  /** The CAs that clients trust, the newest first. */
  readonly authorities: readonly CertificateFacts[];
  /** The first CA, if its key is there. It signs the next certificate. */
  readonly authority: OwnCertificate | undefined;
  /** The serving certificate: for the right DNS name, and signed by one of the CAs. */
  readonly serving: OwnCertificate | undefined;
}

/** `data` of the Secret, not yet in base64. Names as in Secrets of type kubernetes.io/tls. */
const KEYS = { bundle: "ca.crt", authorityKey: "ca.key", serving: "tls.crt", servingKey: "tls.key" } as const;

/** The bundle that clients are to trust, as PEM text. */
export function bundleOf({ authorities }: Pick<StoredCertificates, "authorities">): string {
  return authorities.map(({ pem }) => `${pem}\n`).join("");
}

/** The certificates of a PEM text, in order. */
export function splitPem(text: string): readonly string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

/** The Secret's data for these certificates, in base64. */
export function toSecretData(stored: StoredCertificates): Readonly<Record<string, string>> {
  return {
    [KEYS.bundle]: toBase64(bundleOf(stored)),
    [KEYS.authorityKey]: toBase64(stored.authority?.key ?? ""),
    [KEYS.serving]: toBase64(stored.serving?.pem ?? ""),
    [KEYS.servingKey]: toBase64(stored.serving?.key ?? ""),
  };
}

/**
 * Reads the Secret's data. Never rejects: what is damaged is left out. `name` is the DNS name that
 * the serving certificate must have.
 */
export async function fromSecretData(
  data: Readonly<Record<string, string>>,
  name: string,
  web: webcrypto.Crypto,
): Promise<StoredCertificates> {
  const text = (key: string): string => Buffer.from(data[key] ?? "", "base64").toString("utf8");
  const authorities = splitPem(text(KEYS.bundle)).flatMap((pem) => parse(pem) ?? []);
  const [newest] = authorities;
  const serving = parse(splitPem(text(KEYS.serving))[0]);
  return {
    authorities: authorities.map(factsOf),
    authority: newest && (await withKey(newest, text(KEYS.authorityKey), web)),
    serving:
      serving && isFor(serving, name) && (await isSignedByOne(serving, authorities, web))
        ? await withKey(serving, text(KEYS.servingKey), web)
        : undefined,
  };
}

export function toBase64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}

function parse(pem: string | undefined): X509Certificate | undefined {
  try {
    return pem === undefined ? undefined : new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function factsOf(certificate: X509Certificate): CertificateFacts {
  return {
    pem: certificate.toString("pem").trim(),
    notBefore: certificate.notBefore.getTime(),
    notAfter: certificate.notAfter.getTime(),
  };
}

function isFor(certificate: X509Certificate, name: string): boolean {
  const names = certificate.getExtension(SubjectAlternativeNameExtension)?.names.toJSON() ?? [];
  return names.some(({ type, value }) => type === "dns" && value === name);
}

async function isSignedByOne(
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
  web: webcrypto.Crypto,
): Promise<boolean> {
  for (const { publicKey } of authorities) {
    // `verify` rejects when the key is of another type than the signature.
    const signed = await certificate.verify({ publicKey, signatureOnly: true }, web).catch(() => false);
    if (signed) return true;
  }
  return false;
}

/** The certificate with this key, or undefined if the key does not belong to it. */
async function withKey(
  certificate: X509Certificate,
  key: string,
  web: webcrypto.Crypto,
): Promise<OwnCertificate | undefined> {
  try {
    const der = PemConverter.decodeFirst(key);
    const secret = await web.subtle.importKey("pkcs8", der, KEY_ALGORITHM, true, ["sign"]);
    const own = await web.subtle.exportKey("jwk", secret);
    const certified = await web.subtle.exportKey("jwk", await certificate.publicKey.export(web));
    if (own.x === undefined || own.x !== certified.x || own.y !== certified.y) return undefined;
    return { ...factsOf(certificate), key };
  } catch {
    return undefined;
  }
}
