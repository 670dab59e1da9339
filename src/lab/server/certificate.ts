// A certificate authority of one run and a certificate for the lab's server. Both live in memory
// and die with the process; the authority's key is thrown away at once.
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { webcrypto } from "node:crypto";
import type { Clock } from "../../effects/clock.ts";

/** PEM. */
export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
  /** What clients are to trust. */
  readonly ca: string;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNING = { name: "ECDSA", hash: "SHA-256" } as const;
const DAY_MS = 24 * 3600 * 1000;

/** Makes a certificate for a server on loopback, good from a day ago (clocks differ) for a year. */
export async function makeCertificate(clock: Clock): Promise<ServerCertificate> {
  const { subtle } = webcrypto;
  const authorityKeys = await subtle.generateKey(ALGORITHM, false, ["sign", "verify"]);
  const serverKeys = await subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const now = clock.now();
  const validity = { notBefore: new Date(now - DAY_MS), notAfter: new Date(now + 365 * DAY_MS) };
  const authority = await X509CertificateGenerator.createSelfSigned(
    {
      ...validity,
      serialNumber: "01",
      name: "CN=Mooring lab CA",
      keys: authorityKeys,
      signingAlgorithm: SIGNING,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ],
    },
    webcrypto,
  );
  const server = await X509CertificateGenerator.create(
    {
      ...validity,
      serialNumber: "02",
      issuer: authority.subject,
      subject: "CN=Mooring lab",
      publicKey: serverKeys.publicKey,
      signingKey: authorityKeys.privateKey,
      signingAlgorithm: SIGNING,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension([
          { type: "ip", value: "127.0.0.1" },
          { type: "dns", value: "localhost" },
        ]),
      ],
    },
    webcrypto,
  );
  const key = PemConverter.encode(await subtle.exportKey("pkcs8", serverKeys.privateKey), PemConverter.PrivateKeyTag);
  return { cert: server.toString("pem"), key, ca: authority.toString("pem") };
}
