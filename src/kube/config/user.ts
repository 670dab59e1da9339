import type { ClusterAccess, CredentialSource, ExecPlugin, TlsAccess } from "./access.ts";
import { KubeconfigError } from "./kubeconfig-error.ts";
import { pathIn, type ExecEntry, type UserEntry } from "./kubeconfig-file.ts";
import { pemOf } from "./pem.ts";

const EXEC_VERSIONS = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"] as const;

/**
 * The client certificate of a user. Throws when it has a certificate without a key, or vice versa.
 */
export function clientCertificateOf(name: string, entry: UserEntry): TlsAccess["clientCertificate"] {
  const where = `user ${name}`;
  const certificate = pemOf(entry, where, "client-certificate");
  const key = pemOf(entry, where, "client-key");
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate === undefined || key === undefined) {
    const [has, lacks] =
      key === undefined ? ["client-certificate", "client-key"] : ["client-key", "client-certificate"];
    throw new KubeconfigError(
      `the kubeconfig ${entry.file}: ${where} has a ${has} but no ${lacks}; add ${lacks} or ${lacks}-data`,
    );
  }
  return { certificate, key };
}

/**
 * The credentials of a user. `cluster` is passed to an exec plugin that wants it. Throws when the
 * entry has more than one kind of credentials.
 */
export function credentialsOf(
  name: string,
  entry: UserEntry,
  cluster: Readonly<Record<string, unknown>>,
): CredentialSource {
  const { token, tokenFile, username, password, exec } = entry.value;
  const found: CredentialSource[] = [];
  // As in client-go, tokenFile wins over token: the token may be an old copy of the file's content.
  if (tokenFile) found.push({ kind: "tokenFile", file: pathIn(entry.file, tokenFile) });
  else if (token) found.push({ kind: "token", token });
  if (username) found.push({ kind: "basic", username, password: password ?? "" });
  if (exec) found.push({ kind: "exec", plugin: execPluginOf(name, entry.file, exec, cluster) });
  const provider = entry.value["auth-provider"];
  if (provider && found.length === 0) {
    throw new KubeconfigError(
      `the kubeconfig ${entry.file}: user ${name} uses auth-provider ${provider.name ?? ""}, which Kubernetes removed in 1.26; use an exec plugin instead`,
    );
  }
  const [first = { kind: "none" }, second] = found;
  if (second !== undefined) {
    const kinds = found.map((one) => one.kind).join(" and ");
    throw new KubeconfigError(`the kubeconfig ${entry.file}: user ${name} has ${kinds}; keep one of them`);
  }
  return first;
}

/** The impersonation headers of a user. */
export function headersOf(entry: UserEntry): ClusterAccess["headers"] {
  const { as, "as-uid": uid, "as-groups": groups, "as-user-extra": extra } = entry.value;
  if (!as) return undefined;
  const headers: Record<string, string | string[]> = { "impersonate-user": as };
  if (uid) headers["impersonate-uid"] = uid;
  if (groups && groups.length > 0) headers["impersonate-group"] = groups;
  for (const [key, values] of Object.entries(extra ?? {})) {
    headers[`impersonate-extra-${encodeURIComponent(key.toLowerCase())}`] = values;
  }
  return headers;
}

function execPluginOf(
  name: string,
  file: string,
  exec: ExecEntry,
  cluster: Readonly<Record<string, unknown>>,
): ExecPlugin {
  const apiVersion = EXEC_VERSIONS.find((version) => version === exec.apiVersion);
  if (apiVersion === undefined) {
    throw new KubeconfigError(
      `the kubeconfig ${file}: user ${name} has exec.apiVersion ${exec.apiVersion ?? "unset"}; set it to ${EXEC_VERSIONS.join(" or ")}`,
    );
  }
  if (exec.interactiveMode === "Always") {
    throw new KubeconfigError(
      `the kubeconfig ${file}: user ${name} has exec.interactiveMode Always, but this program has no terminal; use Never or IfAvailable and log in beforehand`,
    );
  }
  return {
    apiVersion,
    // With a slash, the path is relative to the kubeconfig; without one, it is looked up in PATH.
    command: exec.command.includes("/") ? pathIn(file, exec.command) : exec.command,
    args: exec.args ?? [],
    env: Object.fromEntries((exec.env ?? []).map((variable) => [variable.name, variable.value])),
    installHint: exec.installHint ?? undefined,
    cluster: exec.provideClusterInfo === true ? cluster : undefined,
  };
}
