import { delimiter, join } from "node:path";
import type { Files } from "../../effects/files.ts";
import type { ClusterAccess } from "./access.ts";
import { clusterInfoOf, serverOf, trustOf } from "./cluster.ts";
import { inClusterAccess } from "./in-cluster.ts";
import { KubeconfigError } from "./kubeconfig-error.ts";
import { readKubeconfigs, type Kubeconfig } from "./kubeconfig-file.ts";
import { proxyFor, type Env } from "./proxy.ts";
import { clientCertificateOf, credentialsOf, headersOf } from "./user.ts";

export interface AccessOptions {
  readonly files: Files;
  readonly env: Env;
  /** `--kubeconfig`. */
  readonly explicitPath?: string | undefined;
  /** `--context`. @default the file's current-context */
  readonly context?: string | undefined;
}

/**
 * Finds a cluster as kubectl does. The first of these that exists counts:
 * 1. the file of `--kubeconfig` (it must exist);
 * 2. the files of KUBECONFIG, merged; missing files are skipped;
 * 3. `$HOME/.kube/config`;
 * 4. the ServiceAccount of the pod.
 * Rejects with a KubeconfigError.
 */
export async function loadKubeconfig(options: AccessOptions): Promise<ClusterAccess> {
  const { files, env, explicitPath } = options;
  if (explicitPath) return accessOf(options, await readKubeconfigs(files, [explicitPath]));
  const listed = listOf(env);
  const candidates = listed.length > 0 ? listed : [homeConfig(env)].filter((path) => path !== undefined);
  const present: string[] = [];
  for (const path of candidates) if (await files.exists(path)) present.push(path);
  if (present.length > 0) return accessOf(options, await readKubeconfigs(files, present));
  return (await inClusterAccess(options)) ?? noConfig(candidates);
}

/**
 * Finds a cluster as local-path-provisioner does. The first of these that exists counts:
 * 1. the file of `--kubeconfig` (it must exist);
 * 2. the first existing file of the KUBECONFIG list, without merging;
 * 3. the ServiceAccount of the pod;
 * 4. `$HOME/.kube/config`.
 * Rejects with a KubeconfigError.
 */
export async function classicAccess(options: AccessOptions): Promise<ClusterAccess> {
  const { files, env, explicitPath } = options;
  if (explicitPath) return accessOf(options, await readKubeconfigs(files, [explicitPath]));
  const listed = listOf(env);
  for (const path of listed) {
    // The original treats every stat error, also EACCES, as "does not exist".
    const there = await files.exists(path).catch(() => false);
    if (there) return accessOf(options, await readKubeconfigs(files, [path]));
  }
  const inCluster = await inClusterAccess(options);
  if (inCluster !== undefined) return inCluster;
  const home = homeConfig(env);
  if (home === undefined || !(await files.exists(home))) return noConfig([...listed, ...(home ? [home] : [])]);
  return accessOf(options, await readKubeconfigs(files, [home]));
}

function listOf(env: Env): string[] {
  return (env["KUBECONFIG"] ?? "").split(delimiter).filter((path) => path !== "");
}

function homeConfig(env: Env): string | undefined {
  const home = env["HOME"] || env["USERPROFILE"];
  return home ? join(home, ".kube", "config") : undefined;
}

function noConfig(looked: readonly string[]): never {
  const places = [...looked, "the ServiceAccount of this pod"].join(", ");
  throw new KubeconfigError(`found no way to a cluster; looked at ${places}. Give --kubeconfig FILE or set KUBECONFIG`);
}

async function accessOf(options: AccessOptions, config: Kubeconfig): Promise<ClusterAccess> {
  const where = config.files.join(", ");
  const name = options.context || config.currentContext;
  if (name === undefined) {
    throw new KubeconfigError(
      `the kubeconfig ${where} has no current-context; set one or give --context (${known(config.contexts)})`,
    );
  }
  const context = config.contexts.get(name);
  if (context === undefined) {
    throw new KubeconfigError(`the kubeconfig ${where} has no context ${name} (${known(config.contexts)})`);
  }
  const clusterName = context.value.cluster ?? "";
  const cluster = config.clusters.get(clusterName);
  if (cluster === undefined) {
    throw new KubeconfigError(
      `the kubeconfig ${context.file}: context ${name} names cluster "${clusterName}", which is not there (${known(config.clusters)})`,
    );
  }
  const userName = context.value.user ?? "";
  const user = config.users.get(userName) ?? (userName === "" ? { file: context.file, value: {} } : undefined);
  if (user === undefined) {
    throw new KubeconfigError(
      `the kubeconfig ${context.file}: context ${name} names user "${userName}", which is not there (${known(config.users)})`,
    );
  }
  const server = serverOf(clusterName, cluster);
  const info = user.value.exec?.provideClusterInfo === true ? await clusterInfoOf(options.files, cluster, server) : {};
  return {
    source: `${where}, context ${name}`,
    server,
    currentNamespace: context.value.namespace || "default",
    tls: { ...trustOf(clusterName, cluster), clientCertificate: clientCertificateOf(userName, user) },
    proxyUrl: proxyFor(server, cluster.value["proxy-url"] || undefined, options.env),
    credentials: credentialsOf(userName, user, info),
    headers: headersOf(user),
  };
}

function known(entries: ReadonlyMap<string, unknown>): string {
  return entries.size === 0 ? "there is none" : `there are: ${[...entries.keys()].join(", ")}`;
}
