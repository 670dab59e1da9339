import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { must } from "./run.ts";

/** The files of a cluster's certificates, in one directory: NAME.crt and NAME.key. */
export interface Pki {
  readonly directory: string;
  certificate(name: string): string;
  key(name: string): string;
}

/**
 * Whom a client certificate is for: the user name, and the group that RBAC or the node authorizer
 * knows.
 */
interface Subject {
  readonly name: string;
  readonly user: string;
  readonly group?: string;
}

const CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650"];

/**
 * Makes one authority, the API server's certificate, the key pair that signs service account
 * tokens, and a client certificate for the admin, each control plane component and each node.
 */
export async function makePki(directory: string, addresses: readonly string[], nodes: readonly string[]): Promise<Pki> {
  const pki: Pki = {
    directory,
    certificate: (name) => join(directory, `${name}.crt`),
    key: (name) => join(directory, `${name}.key`),
  };
  const files = (name: string): string[] => ["-keyout", pki.key(name), "-out", pki.certificate(name)];
  await must(["openssl", "req", "-x509", ...CURVE, "-subj", "/CN=mooring-test-ca", ...files("ca")]);
  const authority = ["-CA", pki.certificate("ca"), "-CAkey", pki.key("ca")];
  const sign = async (name: string, subject: string, extensions: readonly string[]): Promise<void> => {
    const added = ["basicConstraints=critical,CA:FALSE", ...extensions].flatMap((extension) => ["-addext", extension]);
    await must(["openssl", "req", "-x509", ...CURVE, ...authority, "-subj", subject, ...added, ...files(name)]);
  };

  const names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"];
  const alternatives = [...names.map((name) => `DNS:${name}`), ...addresses.map((address) => `IP:${address}`)].join(
    ",",
  );
  const subjects: Subject[] = [
    { name: "admin", user: "admin", group: "system:masters" },
    { name: "kube-controller-manager", user: "system:kube-controller-manager" },
    { name: "kube-scheduler", user: "system:kube-scheduler" },
    ...nodes.map((node) => ({ name: `node-${node}`, user: `system:node:${node}`, group: "system:nodes" })),
  ];
  await Promise.all([
    must(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", pki.key("service-accounts")]),
    sign("apiserver", "/CN=kube-apiserver", [`subjectAltName=${alternatives}`, "extendedKeyUsage=serverAuth"]),
    ...subjects.map(({ name, user, group }) =>
      sign(name, `${group === undefined ? "" : `/O=${group}`}/CN=${user}`, ["extendedKeyUsage=clientAuth"]),
    ),
  ]);
  await chmod(pki.key("service-accounts"), 0o600);
  return pki;
}
