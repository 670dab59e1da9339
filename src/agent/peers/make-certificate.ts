import type { webcrypto } from "node:crypto";
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { Random } from "../../effects/random.ts";
import { LIFETIME_MS, type Certificate } from "./certificates.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNING = { name: "ECDSA", hash: "SHA-256" } as const;
/** Clocks of a cluster differ. */
const BACKDATE_MS = 3_600_000;

export interface MakeEffects {
  readonly random: Random;
  readonly web: webcrypto.Crypto;
}

/**
 * Makes a certificate that an agent shows as server and as client. It signs itself and names
 * nobody: who it belongs to is what the StorageNode says that has its fingerprint.
 */
export async function makeCertificate({ random, web }: MakeEffects, now: number): Promise<Certificate> {
  const keys = await web.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      // A certificate's times have whole seconds.
      notBefore: new Date(Math.floor((now - BACKDATE_MS) / 1000) * 1000),
      notAfter: new Date(Math.floor((now + LIFETIME_MS) / 1000) * 1000),
      serialNumber: `01${random.uuid().replaceAll("-", "")}`,
      name: "CN=mooring agent",
      keys,
      signingAlgorithm: SIGNING,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      ],
    },
    web,
  );
  const print = await web.subtle.digest("SHA-256", certificate.rawData);
  return {
    cert: certificate.toString("pem"),
    key: PemConverter.encode(await web.subtle.exportKey("pkcs8", keys.privateKey), PemConverter.PrivateKeyTag),
    fingerprint: Buffer.from(print).toString("hex"),
    madeAt: now,
  };
}
