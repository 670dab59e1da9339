// Certificates for tests, valid for a hundred years. `pem/` was made once with openssl (EC keys,
// the key of the authority was thrown away): `ca` signed `server` (127.0.0.1, kubernetes.test),
// `named-server` (kubernetes.test only), `client` and `client-renewed`; `other-ca` signed nothing.
import { readFileSync } from "node:fs";
import type { TlsOptions } from "node:tls";

const names = ["ca", "other-ca", "server", "named-server", "client", "client-renewed"] as const;
type Name = (typeof names)[number];

const read = (name: string): string => readFileSync(new URL(`pem/${name}.pem`, import.meta.url), "utf8");

/** The certificate with this name. */
export const certificate = (name: Name): string => read(name);

/** Its key. */
export const key = (name: Exclude<Name, "ca" | "other-ca">): string => read(`${name}.key`);

/** For a server that asks for a client certificate but lets everybody in. */
export function tlsOptions(name: "server" | "named-server" = "server"): TlsOptions {
  return {
    cert: certificate(name),
    key: key(name),
    ca: certificate("ca"),
    requestCert: true,
    rejectUnauthorized: false,
  };
}
