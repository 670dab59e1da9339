import type { webcrypto } from "node:crypto";
import "reflect-metadata";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { Random } from "../../effects/random.ts";
import type { OwnCertificate } from "./stored-certificates.ts";

export const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNING = { name: "ECDSA", hash: "SHA-256" } as const;

const DAY_MS = 24 * 3_600_000;
const AUTHORITY_LIFE_MS = 3650 * DAY_MS;
const SERVING_LIFE_MS = 90 * DAY_MS;
/** How far notBefore lies in the past, because the clocks of a cluster differ. */
export const BACKDATE_MS = 3_600_000;

/** What making certificates needs from outside. */
export interface IssueEffects {
  readonly random: Random;
  readonly web: webcrypto.Crypto;
}

/** Makes a certificate authority, good for ten years. */
export async function makeAuthority({ random, web }: IssueEffects, now: number): Promise<OwnCertificate> {
  const keys = await web.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
  const serialNumber = newSerial(random);
  const validity = validityFrom(now, now + AUTHORITY_LIFE_MS);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      ...validity,
      serialNumber,
      // During a rotation two CAs are trusted at the same time, so each has a different name.
      name: `CN=mooring webhook CA ${serialNumber.slice(-8)}`,
      keys,
      signingAlgorithm: SIGNING,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, web),
      ],
    },
    web,
  );
  return await own(certificate, keys.privateKey, web);
}

/**
 * Makes a serving certificate for a DNS name, signed by the authority: good for 90 days, but never
 * longer than the authority.
 */
export async function makeServing(
  { random, web }: IssueEffects,
  authority: OwnCertificate,
  name: string,
  now: number,
): Promise<OwnCertificate> {
  const keys = await web.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
  const issuer = new X509Certificate(authority.pem);
  const signingKey = await web.subtle.importKey(
    "pkcs8",
    PemConverter.decodeFirst(authority.key),
    KEY_ALGORITHM,
    false,
    ["sign"],
  );
  const certificate = await X509CertificateGenerator.create(
    {
      ...validityFrom(now, Math.min(now + SERVING_LIFE_MS, authority.notAfter)),
      serialNumber: newSerial(random),
      issuer: issuer.subject,
      // A common name has at most 64 characters. Clients check only the subject alternative name.
      subject: "CN=mooring webhook",
      publicKey: keys.publicKey,
      signingKey,
      signingAlgorithm: SIGNING,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension([{ type: "dns", value: name }]),
        await AuthorityKeyIdentifierExtension.create(issuer, false, web),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, web),
      ],
    },
    web,
  );
  return await own(certificate, keys.privateKey, web);
}

/** A certificate's times have whole seconds. */
function validityFrom(now: number, end: number): { readonly notBefore: Date; readonly notAfter: Date } {
  const whole = (ms: number): Date => new Date(Math.floor(ms / 1000) * 1000);
  return { notBefore: whole(now - BACKDATE_MS), notAfter: whole(end) };
}

/** A positive number of 16 random bytes, in hexadecimal. */
function newSerial(random: Random): string {
  return `01${random.uuid().replaceAll("-", "")}`;
}

async function own(
  certificate: X509Certificate,
  privateKey: webcrypto.CryptoKey,
  web: webcrypto.Crypto,
): Promise<OwnCertificate> {
  return {
    pem: certificate.toString("pem").trim(),
    notBefore: certificate.notBefore.getTime(),
    notAfter: certificate.notAfter.getTime(),
    key: PemConverter.encode(await web.subtle.exportKey("pkcs8", privateKey), PemConverter.PrivateKeyTag),
  };
}
