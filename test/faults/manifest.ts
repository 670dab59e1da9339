import type { ConfigMap } from "kubernetes-types/core/v1.js";
import type { Deployment } from "kubernetes-types/apps/v1.js";
import { parseAllDocuments } from "yaml";
import { parseCommandLine, type StartOptions } from "../../src/classic/settings/options.ts";
import type { Kube } from "../../src/kube/kube.ts";

interface ManifestObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** deploy/local-path-storage.yaml, or the original's, as far as a run needs it. */
export interface Manifest {
  readonly objects: readonly ManifestObject[];
  readonly configMap: ConfigMap;
  readonly deployment: Deployment;
}

export interface Manifests {
  readonly ours: Manifest;
  readonly original: Manifest;
}

/** Where the Deployment mounts the ConfigMap. */
const MOUNT = "/etc/config/";

export function parseManifest(text: string): Manifest {
  const objects = parseAllDocuments(text).map((document) => document.toJS() as ManifestObject);
  const of = <T>(kind: string): T => {
    const found = objects.find((object) => object.kind === kind);
    if (found === undefined) throw new Error(`the manifest has no ${kind}`);
    return found as T;
  };
  return { objects, configMap: of("ConfigMap"), deployment: of("Deployment") };
}

/**
 * The command line and environment of the Deployment's container; `more` arguments are appended.
 */
export function optionsOf({ deployment }: Manifest, namespace: string, more: readonly string[]): StartOptions {
  const [container] = deployment.spec?.template.spec?.containers ?? [];
  const [program, ...args] = container?.command ?? [];
  const env = Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value ?? namespace]));
  const command = parseCommandLine([...args, ...more], env, "faults");
  if (command.kind !== "start") throw new Error(`the manifest's ${program ?? "container"} does not start`);
  return command.options;
}

/**
 * Applies namespace, ServiceAccount, roles and the ConfigMap with this configuration. Not the
 * Deployment: the run plays its pods; not the class: runs have their own.
 */
export async function applyManifest(manifest: Manifest, kube: Kube, config: object): Promise<void> {
  for (const object of manifest.objects) {
    const { kind, metadata } = object;
    if (kind === "Deployment" || kind === "StorageClass") continue;
    const body = kind === "ConfigMap" ? configured(manifest.configMap, config) : object;
    await kube.request({ method: "POST", path: collectionOf(object, metadata.namespace), body });
  }
}

/** The ConfigMap as the kubelet mounts it for the product. */
export function mounted(manifest: Manifest, config: object): Record<string, string> {
  const data = configured(manifest.configMap, config).data ?? {};
  return Object.fromEntries(Object.entries(data).map(([key, text]) => [`${MOUNT}${key}`, text]));
}

function configured(configMap: ConfigMap, config: object): ConfigMap {
  return { ...configMap, data: { ...configMap.data, "config.json": JSON.stringify(config) } };
}

function collectionOf({ apiVersion, kind }: ManifestObject, namespace: string | undefined): string {
  const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const where = namespace === undefined ? "" : `/namespaces/${namespace}`;
  return `${root}${where}/${kind.toLowerCase()}s`;
}
