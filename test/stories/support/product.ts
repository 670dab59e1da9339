import type { Ground } from "../../cluster/ground.ts";
import { readManifest, toYaml, type ManifestObject } from "./manifest.ts";
import { emptyNamespace, namespaceGone } from "./namespaces.ts";
import type { Pod } from "./objects.ts";

export const PRODUCT_NAMESPACE = "local-path-storage";
export const PRODUCT_MANIFEST = "deploy/local-path-storage.yaml";
const DEPLOYMENT = "local-path-provisioner";

/** How a story wants the product installed. */
export interface InstallOptions {
  /** @default PRODUCT_MANIFEST */
  readonly manifest?: string;
  /** Changes of the ConfigMap's keys; `config.json` as an object. */
  readonly config?: object;
  readonly setup?: string;
  readonly teardown?: string;
  readonly helperPod?: string;
  readonly replicas?: number;
  /** Added to the program's arguments. */
  readonly args?: readonly string[];
  /**
   * Everything of the manifest moves to this namespace, as bundles of other distributions have it.
   */
  readonly namespace?: string;
  /** Changes whatever else of the manifest the story wants otherwise, object by object. */
  readonly edit?: (object: ManifestObject) => void;
}

interface DeploymentSpec {
  replicas: number;
  template: {
    metadata: { annotations?: Record<string, string> };
    spec: { containers: { image: string; command: string[] }[] };
  };
}

/**
 * Installs the product as a user would, with the image that this checkout builds, and waits until
 * it is Ready. Where it is installed already, it is changed: pods of an older configuration are
 * replaced.
 */
export async function installProduct(ground: Ground, options: InstallOptions = {}): Promise<void> {
  const image = await ground.loadProductImage();
  const objects = await productObjects(image, options);
  await namespaceFree(ground, options.namespace);
  // Its ConfigMap first: a pod that mounts the one of before sees the new one a minute later.
  const isDeployment = ({ kind }: ManifestObject): boolean => kind === "Deployment";
  await ground.apply(toYaml(...objects.filter((object) => !isDeployment(object)), ...objects.filter(isDeployment)));
  await productReady(ground, options.namespace);
}

/**
 * The manifest without the Deployment: all that a product outside the cluster, or one
 * that is not started yet, needs.
 */
export async function installWithoutDeployment(ground: Ground, options: InstallOptions = {}): Promise<void> {
  const objects = await productObjects("", options);
  await namespaceFree(ground, options.namespace);
  await ground.apply(toYaml(...objects.filter(({ kind }) => kind !== "Deployment")));
}

/** Waits for the end of a namespace that removeProduct() has deleted: nothing can be made in it. */
async function namespaceFree(ground: Ground, name: string = PRODUCT_NAMESPACE): Promise<void> {
  await ground.waitFor(`namespace ${name} to take objects`, async (saw) => {
    const found = await ground.get<{ metadata: { deletionTimestamp?: string }; status?: unknown }>("Namespace", name);
    saw(found?.status);
    return found?.metadata.deletionTimestamp === undefined ? true : undefined;
  });
}

async function productObjects(image: string, options: InstallOptions): Promise<ManifestObject[]> {
  const objects = await readManifest(options.manifest ?? PRODUCT_MANIFEST);
  for (const object of objects) adapt(object, image, options);
  return options.namespace === undefined ? objects : moved(objects, options.namespace);
}

function adapt(object: ManifestObject, image: string, options: InstallOptions): void {
  if (object.kind === "Deployment") {
    const spec = object["spec"] as DeploymentSpec;
    if (options.replicas !== undefined) spec.replicas = options.replicas;
    const container = spec.template.spec.containers[0];
    if (container === undefined) throw new Error("the manifest's Deployment has no container");
    container.image = image;
    container.command.push(...(options.args ?? []));
    // A Deployment does not look at its ConfigMap; with this its pods start anew when that changes.
    const { config, setup, teardown, helperPod } = options;
    const configured = JSON.stringify({ config, setup, teardown, helperPod });
    spec.template.metadata.annotations = { ...spec.template.metadata.annotations, "stories/configured": configured };
  }
  if (object.kind === "ConfigMap") {
    const data = object["data"] as Record<string, string>;
    if (options.config !== undefined) data["config.json"] = JSON.stringify(options.config);
    if (options.setup !== undefined) data["setup"] = options.setup;
    if (options.teardown !== undefined) data["teardown"] = options.teardown;
    if (options.helperPod !== undefined) data["helperPod.yaml"] = options.helperPod;
  }
  options.edit?.(object);
}

function moved(objects: readonly ManifestObject[], namespace: string): ManifestObject[] {
  const text = JSON.stringify(objects.filter(({ kind }) => kind !== "Namespace"));
  const changed = text.replaceAll(`"namespace":"${PRODUCT_NAMESPACE}"`, `"namespace":"${namespace}"`);
  return JSON.parse(changed) as ManifestObject[];
}

/** Waits until every replica of the product is Ready and none of an older template is left. */
export async function productReady(ground: Ground, namespace: string = PRODUCT_NAMESPACE): Promise<void> {
  await ground.waitFor("the product to be Ready", async (saw) => {
    const deployment = await ground.get<{
      metadata: { generation: number };
      spec: { replicas: number };
      status: { observedGeneration?: number; replicas?: number; readyReplicas?: number; updatedReplicas?: number };
    }>("Deployment", DEPLOYMENT, namespace);
    if (deployment === undefined) return undefined;
    const { metadata, spec, status } = deployment;
    saw(status);
    const wanted = spec.replicas;
    return status.observedGeneration === metadata.generation &&
      status.replicas === wanted &&
      status.readyReplicas === wanted &&
      status.updatedReplicas === wanted &&
      // A pod that is ending may still lead.
      (await productPods(ground, namespace)).length === wanted
      ? true
      : undefined;
  });
}

/** The pods of the product, without helper pods. */
export async function productPods(ground: Ground, namespace: string = PRODUCT_NAMESPACE): Promise<Pod[]> {
  return await ground.list<Pod>("pods", { namespace, labelSelector: "app=local-path-provisioner" });
}

/** A line of the product's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly level: string; readonly msg: string };

/** The log lines of all pods of the product. */
export async function productLog(ground: Ground, namespace: string = PRODUCT_NAMESPACE): Promise<LogLine[]> {
  const pods = await productPods(ground, namespace);
  const texts = await Promise.all(pods.map(({ metadata }) => ground.logs(namespace, metadata.name)));
  return texts.flatMap((text) => linesOf(text));
}

/** The JSON lines of a log; other text is left out. */
export function linesOf(text: string): LogLine[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as LogLine);
}

/** One request to the health port of a pod of the product. */
export async function askProduct(
  ground: Ground,
  pod: string,
  path: string,
): Promise<{ readonly ok: boolean; readonly text: string }> {
  return await ground.askPod(PRODUCT_NAMESPACE, pod, 8080, path);
}

/** What the product's Lease says. */
export interface HeldLease {
  /** "" when it was given back. */
  readonly holder: string;
  /** How often it has changed hands. */
  readonly transitions: number;
  /** By the holder's clock, in milliseconds since 1970. */
  readonly acquiredAt: number;
  readonly renewedAt: number;
}

/** The product's Lease; undefined while there is none. */
export async function leaseOf(ground: Ground, namespace: string = PRODUCT_NAMESPACE): Promise<HeldLease | undefined> {
  const lease = await ground.get<{
    spec: { holderIdentity?: string; leaseTransitions?: number; acquireTime?: string; renewTime?: string };
  }>("Lease", "rancher.io-local-path", namespace);
  if (lease === undefined) return undefined;
  const { holderIdentity = "", leaseTransitions = 0, acquireTime = "", renewTime = "" } = lease.spec;
  return {
    holder: holderIdentity,
    transitions: leaseTransitions,
    acquiredAt: Date.parse(acquireTime),
    renewedAt: Date.parse(renewTime),
  };
}

/** The name of the product's pod that leads, once one does. Identities are `<pod>_<random>`. */
export async function leaderPod(ground: Ground): Promise<string> {
  return await ground.waitFor("a leader", async (saw) => {
    const lease = await leaseOf(ground);
    saw(lease);
    const pod = lease?.holder.split("_")[0] ?? "";
    return pod === "" ? undefined : pod;
  });
}

/** Which installation to uninstall. */
interface UninstallOptions {
  readonly namespace?: string;
  readonly manifest?: string;
}

/** Uninstalls the product with all its objects, and waits until they are gone. */
export async function uninstallProduct(ground: Ground, options: UninstallOptions = {}): Promise<void> {
  await removeProduct(ground, options);
  if (options.namespace === undefined) await namespaceGone(ground, PRODUCT_NAMESPACE);
}

/**
 * Deletes all objects of the product, and waits until its pods and claims are gone. A namespace of
 * its own takes some seconds more; the next installation waits for that.
 */
export async function removeProduct(ground: Ground, options: UninstallOptions = {}): Promise<void> {
  const objects = await productObjects("", options);
  const { namespace } = options;
  await ground.delete(toYaml(...objects.filter(({ kind }) => kind !== "Namespace")));
  if (namespace === undefined) {
    await emptyNamespace(ground, PRODUCT_NAMESPACE);
    await ground.delete("Namespace", PRODUCT_NAMESPACE);
    return;
  }
  await ground.waitFor("the product's pods to be gone", async () =>
    (await productPods(ground, namespace)).length === 0 ? true : undefined,
  );
}
