/*
 * Installs the movable driver. Installing takes longer than most stories, so it stays installed
 * between files: if the same objects were applied last, installMovable() only waits until
 * everything is Ready. A file may install it with other options, and the next file changes it back.
 */
import type { Ground } from "../../cluster/ground.ts";
import { parseManifest } from "../../cluster/objects.ts";
import {
  applyManifest,
  BASE_MANIFEST,
  manifestWithImage,
  waitForRollout,
  WORKLOADS_MANIFEST,
} from "../../cluster/product-manifests.ts";
import { toYaml, type ManifestObject } from "./manifest.ts";
import type { Pod } from "./objects.ts";

export const MOVABLE_NAMESPACE = "mooring";
export const MOVABLE_CLASS = "mooring";

/** How a story wants the movable driver installed. */
export interface MovableOptions {
  /** Changes the objects of the workloads' manifest as it likes. */
  readonly change?: (object: ManifestObject) => void;
}

/** What was applied last, to each ground. */
const installed = new WeakMap<Ground, string>();

/**
 * Installs the movable driver with the image that this checkout builds, and waits until controller
 * and agents are Ready.
 */
export async function installMovable(ground: Ground, options: MovableOptions = {}): Promise<void> {
  const image = await ground.loadProductImage();
  const base = await manifestWithImage(BASE_MANIFEST, image);
  const change = (object: ManifestObject): void => {
    options.change?.(object);
    if (ground.playAgents !== undefined) givePatience(object);
  };
  const workloads = changed(await manifestWithImage(WORKLOADS_MANIFEST, image), { change });
  if (installed.get(ground) !== base + workloads) {
    installed.delete(ground);
    await applyManifest(ground, base);
    await applyManifest(ground, workloads);
    installed.set(ground, base + workloads);
  }
  await rolledOut(ground, workloads);
}

/**
 * Gives the webhook more time than the manifest does. On a lab one process is API server, kubelets
 * and agents, and on a busy machine two seconds may pass in it without a turn. Then an eviction
 * would pass that should be held. Below the lab's time for a whole request, which is 30 s.
 */
function givePatience(object: ManifestObject): void {
  const { webhooks = [] } = object as { webhooks?: { timeoutSeconds?: number }[] };
  for (const webhook of webhooks) webhook.timeoutSeconds = 20;
}

/** Waits until controller and agents are Ready, wherever the agents run. */
export async function rolledOut(ground: Ground, workloads: string): Promise<void> {
  if (ground.playAgents === undefined) {
    await waitForRollout(ground, workloads);
    await trusted(ground);
    return;
  }
  const objects = parseManifest(workloads) as unknown as ManifestObject[];
  await ground.playAgents();
  await waitForRollout(ground, toYaml(...objects.filter(({ kind }) => kind !== "DaemonSet")));
  // Where nobody probes, Ready means started.
  for (const { metadata } of await controllerPods(ground)) {
    await ground.waitFor(`${metadata.name} to say that it is ready`, async () => {
      const { ok } = await ground.askPod(MOVABLE_NAMESPACE, metadata.name, 8080, "/ready");
      return ok ? true : undefined;
    });
  }
  await trusted(ground);
}

interface Webhooks {
  readonly webhooks: readonly { readonly clientConfig: { readonly caBundle?: string } }[];
}

/** Waits until API servers trust the webhook: until then they let evictions through. */
async function trusted(ground: Ground): Promise<void> {
  await ground.waitFor("the webhook's certificate authority to be published", async () => {
    const found = await ground.get<Webhooks>("ValidatingWebhookConfiguration", "mooring");
    return found?.webhooks.every(({ clientConfig }) => (clientConfig.caBundle ?? "") !== "") === true
      ? true
      : undefined;
  });
}

function changed(yaml: string, { change }: MovableOptions): string {
  if (change === undefined) return yaml;
  const objects = parseManifest(yaml) as unknown as ManifestObject[];
  for (const object of objects) change(object);
  return toYaml(...objects);
}

/** What is installed is being changed by hand: the next installMovable() applies everything. */
export function forgetInstalled(ground: Ground): void {
  installed.delete(ground);
}

/** The agent's pod on a node; waits for one that is not being deleted, and is Running. */
export async function agentPod(ground: Ground, node: string): Promise<Pod> {
  return await ground.waitFor(`an agent on ${node}`, async (saw) => {
    const pods = await podsOf(ground, "agent", `spec.nodeName=${node}`);
    saw(pods.map(({ metadata, status }) => ({ name: metadata.name, status })));
    return pods.find(({ metadata, status }) => metadata.deletionTimestamp === undefined && status.phase === "Running");
  });
}

/** The controller's pods, in whatever state. */
export async function controllerPods(ground: Ground): Promise<Pod[]> {
  return await podsOf(ground, "controller");
}

async function podsOf(ground: Ground, component: "controller" | "agent", fieldSelector?: string): Promise<Pod[]> {
  const labelSelector = `app.kubernetes.io/name=mooring,app.kubernetes.io/component=${component}`;
  const selectors = fieldSelector === undefined ? { labelSelector } : { labelSelector, fieldSelector };
  return await ground.list<Pod>("pods", { namespace: MOVABLE_NAMESPACE, ...selectors });
}
