import { Buffer } from "node:buffer";
import type { Files } from "../../effects/files.ts";
import type { TlsAccess } from "./access.ts";
import { KubeconfigError } from "./kubeconfig-error.ts";
import { pathIn, type ClusterEntry } from "./kubeconfig-file.ts";
import { pemOf } from "./pem.ts";

/** The extension of a cluster entry that is passed to the exec plugin as `config`. */
const EXEC_EXTENSION = "client.authentication.k8s.io/exec";

/**
 * The server's URL without a trailing slash. Where the entry gives no scheme, it is https if the
 * entry has a TLS field, and http if not, as in kubectl.
 */
export function serverOf(name: string, entry: ClusterEntry): string {
  const { server } = entry.value;
  if (!server) {
    throw new KubeconfigError(
      `the kubeconfig ${entry.file}: cluster ${name} has no server; set it to the URL of the API server, for example https://10.0.0.1:6443`,
    );
  }
  const tls =
    entry.value["certificate-authority"] ||
    entry.value["certificate-authority-data"] ||
    entry.value["insecure-skip-tls-verify"] === true;
  const url = server.includes("://") ? server : `${tls ? "https" : "http"}://${server}`;
  const protocol = URL.canParse(url) ? new URL(url).protocol : undefined;
  if (protocol !== "https:" && protocol !== "http:") {
    throw new KubeconfigError(
      `the kubeconfig ${entry.file}: cluster ${name} has server ${server}, which is not an http or https URL`,
    );
  }
  return url.replace(/\/+$/, "");
}

/** The CA to trust and the server name to verify. */
export function trustOf(name: string, entry: ClusterEntry): TlsAccess {
  const authority = pemOf(entry, `cluster ${name}`, "certificate-authority");
  const insecure = entry.value["insecure-skip-tls-verify"] === true;
  if (insecure && authority !== undefined) {
    throw new KubeconfigError(
      `the kubeconfig ${entry.file}: cluster ${name} has both certificate-authority and insecure-skip-tls-verify; remove one of them`,
    );
  }
  return { authority, insecure, serverName: entry.value["tls-server-name"] || undefined };
}

/** The cluster information for an exec plugin with provideClusterInfo. */
export async function clusterInfoOf(
  files: Files,
  entry: ClusterEntry,
  server: string,
): Promise<Readonly<Record<string, unknown>>> {
  const { "certificate-authority": file, "certificate-authority-data": data, extensions } = entry.value;
  const authority =
    data || (file ? Buffer.from(await files.readText(pathIn(entry.file, file)), "utf8").toString("base64") : undefined);
  return {
    server,
    "tls-server-name": entry.value["tls-server-name"] || undefined,
    "insecure-skip-tls-verify": entry.value["insecure-skip-tls-verify"] === true ? true : undefined,
    "certificate-authority-data": authority,
    "proxy-url": entry.value["proxy-url"] || undefined,
    config: extensions?.find((extension) => extension.name === EXEC_EXTENSION)?.extension,
  };
}
