import type { Ground } from "../../cluster/ground.ts";
import { readManifest, toYaml, type ManifestObject } from "./manifest.ts";

export const PRODUCT_NAMESPACE = "local-path-storage";

/** How a story wants the product installed. */
export interface InstallOptions {
  /** @default "deploy/local-path-storage.yaml" */
  readonly manifest?: string;
  /** Changes of the ConfigMap's keys; `config.json` as an object. */
  readonly config?: object;
  readonly setup?: string;
  readonly teardown?: string;
  readonly helperPod?: string;
  readonly replicas?: number;
  /** Added to the program's arguments. */
  readonly args?: readonly string[];
}

interface DeploymentSpec {
  replicas: number;
  template: { spec: { containers: { image: string; command: string[] }[] } };
}

/** Installs the product as a user would, with the image that this checkout builds, and waits until it is Ready. */
export async function installProduct(ground: Ground, options: InstallOptions = {}): Promise<void> {
  const image = await ground.loadProductImage();
  const objects = await readManifest(options.manifest ?? "deploy/local-path-storage.yaml");
  for (const object of objects) adapt(object, image, options);
  await ground.apply(toYaml(...objects));
  await productReady(ground);
}

function adapt(object: ManifestObject, image: string, options: InstallOptions): void {
  if (object.kind === "Deployment") {
    const spec = object["spec"] as DeploymentSpec;
    if (options.replicas !== undefined) spec.replicas = options.replicas;
    const container = spec.template.spec.containers[0];
    if (container === undefined) throw new Error("the manifest's Deployment has no container");
    container.image = image;
    container.command.push(...(options.args ?? []));
  }
  if (object.kind === "ConfigMap") {
    const data = object["data"] as Record<string, string>;
    if (options.config !== undefined) data["config.json"] = JSON.stringify(options.config);
    if (options.setup !== undefined) data["setup"] = options.setup;
    if (options.teardown !== undefined) data["teardown"] = options.teardown;
    if (options.helperPod !== undefined) data["helperPod.yaml"] = options.helperPod;
  }
}

/** Waits until every replica of the product is Ready and none of an older template is left. */
export async function productReady(ground: Ground): Promise<void> {
  await ground.waitFor("the product to be Ready", async () => {
    const deployment = await ground.get<{
      metadata: { generation: number };
      spec: { replicas: number };
      status: { observedGeneration?: number; replicas?: number; readyReplicas?: number; updatedReplicas?: number };
    }>("Deployment", "local-path-provisioner", PRODUCT_NAMESPACE);
    if (deployment === undefined) return undefined;
    const { metadata, spec, status } = deployment;
    const wanted = spec.replicas;
    return status.observedGeneration === metadata.generation &&
      status.replicas === wanted &&
      status.readyReplicas === wanted &&
      status.updatedReplicas === wanted
      ? true
      : undefined;
  });
}

/** Takes the product away again, with its namespace, and waits until it is gone. */
export async function uninstallProduct(ground: Ground): Promise<void> {
  await ground.delete("Namespace", PRODUCT_NAMESPACE);
  await ground.waitFor("the product's namespace to be gone", async () =>
    (await ground.get("Namespace", PRODUCT_NAMESPACE)) === undefined ? true : undefined,
  );
}
