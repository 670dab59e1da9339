import type { Files } from "../../effects/files.ts";
import type { ClusterAccess } from "./access.ts";
import { proxyFor, type Env } from "./proxy.ts";

/** Where the kubelet mounts a pod's ServiceAccount. */
const MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * Access from inside a pod, by its ServiceAccount. Undefined when this process does not run in a
 * pod: KUBERNETES_SERVICE_HOST is not set, or no token is mounted.
 */
export async function inClusterAccess(options: { files: Files; env: Env }): Promise<ClusterAccess | undefined> {
  const { files, env } = options;
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (!host || !port || !(await files.exists(`${MOUNT}/token`))) return undefined;
  const server = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  // If ca.crt is missing, the connection fails later with a TLS error, and that message is right.
  const authority = (await files.exists(`${MOUNT}/ca.crt`)) ? { file: `${MOUNT}/ca.crt` } : undefined;
  const namespace = (await files.exists(`${MOUNT}/namespace`)) ? await files.readText(`${MOUNT}/namespace`) : "";
  return {
    source: "in-cluster",
    server,
    currentNamespace: namespace.trim() || "default",
    tls: { authority },
    proxyUrl: proxyFor(server, undefined, env),
    credentials: { kind: "tokenFile", file: `${MOUNT}/token` },
  };
}
