/*
 * Installs the movable driver for stories. Installing takes longer than most stories, so it stays
 * installed between files: if the same objects were applied last, installMovable() only waits until
 * everything is Ready. A file may install it with other options, and the next file changes it back.
 */
import { beforeAll } from "vitest";
import { missingCapabilities, type Capability, type Ground } from "../../cluster/ground.ts";
import { parseManifest } from "../../cluster/objects.ts";
import {
  applyManifest,
  BASE_MANIFEST,
  manifestWithImage,
  waitForRollout,
  WORKLOADS_MANIFEST,
} from "../../cluster/product-manifests.ts";
import type { RunResult } from "../../cluster/run.ts";
import { toYaml, type ManifestObject } from "./manifest.ts";
import type { Pod } from "./objects.ts";
import { useGround, type StoryGround } from "./shared-ground.ts";

export const MOVABLE_NAMESPACE = "mooring";
export const MOVABLE_CLASS = "mooring";

/** How a story wants the movable driver installed. */
export interface MovableOptions {
  /** Changes the objects of the workloads' manifest as it likes. */
  readonly change?: (object: ManifestObject) => void;
}

/** What the movable driver needs wherever it runs. */
const NEEDED: readonly Capability[] = ["containers", "load-image", "movable"];

/**
 * useGround() for stories of the movable driver: where the ground can do what is needed, it is
 * installed before them.
 */
export function useMovable(needed: readonly Capability[] = [], options: MovableOptions = {}): StoryGround {
  const all = [...NEEDED, ...needed];
  const on = useGround(...all);
  beforeAll(async () => {
    if (missingCapabilities(on.ground, all) === undefined) await installMovable(on.ground, options);
  });
  return on;
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
  const workloads = changed(await manifestWithImage(WORKLOADS_MANIFEST, image), options);
  if (installed.get(ground) !== base + workloads) {
    installed.delete(ground);
    await applyManifest(ground, base);
    await applyManifest(ground, workloads);
    installed.set(ground, base + workloads);
  }
  await rolledOut(ground, workloads);
}

/** Waits until controller and agents are Ready, wherever the agents run. */
async function rolledOut(ground: Ground, workloads: string): Promise<void> {
  if (ground.playAgents === undefined) {
    await waitForRollout(ground, workloads);
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
}

function changed(yaml: string, { change }: MovableOptions): string {
  if (change === undefined) return yaml;
  const objects = parseManifest(yaml) as unknown as ManifestObject[];
  for (const object of objects) change(object);
  return toYaml(...objects);
}

/**
 * `kubectl delete -f` of one of the product's manifests, as its manual says; waits for its end, a
 * minute at most.
 */
export async function deleteManifest(ground: Ground, file: string): Promise<RunResult> {
  installed.delete(ground);
  const stdin = await manifestWithImage(file, "unused");
  return await ground.kubectl(["delete", "-f", "-", "--timeout=60s"], { stdin });
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

/**
 * Does something while no controller runs, so that what is changed by hand stays as it is. The
 * controller is Ready again at the end.
 */
export async function withoutController<T>(ground: Ground, work: () => Promise<T>): Promise<T> {
  await ground.patch("Deployment", "mooring-controller", { spec: { replicas: 0 } }, MOVABLE_NAMESPACE);
  await ground.waitFor("the controller to be gone", async (saw) => {
    const pods = await controllerPods(ground);
    saw(pods.map(({ metadata }) => metadata.name));
    return pods.length === 0 ? true : undefined;
  });
  try {
    return await work();
  } finally {
    await ground.patch("Deployment", "mooring-controller", { spec: { replicas: 2 } }, MOVABLE_NAMESPACE);
    await rolledOut(ground, await manifestWithImage(WORKLOADS_MANIFEST, "unused"));
  }
}

/** SIGKILL to the agent of a node; its kubelet starts it again. Needs `node-files`. */
export async function killAgent(ground: Ground, node: string): Promise<void> {
  const { metadata } = await agentPod(ground, node);
  await ground.killContainers(MOVABLE_NAMESPACE, metadata.name);
}

async function podsOf(ground: Ground, component: "controller" | "agent", fieldSelector?: string): Promise<Pod[]> {
  const labelSelector = `app.kubernetes.io/name=mooring,app.kubernetes.io/component=${component}`;
  const selectors = fieldSelector === undefined ? { labelSelector } : { labelSelector, fieldSelector };
  return await ground.list<Pod>("pods", { namespace: MOVABLE_NAMESPACE, ...selectors });
}
