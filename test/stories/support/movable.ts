/*
 * The movable driver in stories: where it is installed, what of it runs, and how to disturb it.
 */
import { beforeAll } from "vitest";
import { missingCapabilities, type Capability, type Ground } from "../../cluster/ground.ts";
import { manifestWithImage, WORKLOADS_MANIFEST } from "../../cluster/product-manifests.ts";
import type { RunResult } from "../../cluster/run.ts";
import {
  agentPod,
  controllerPods,
  forgetInstalled,
  installMovable,
  MOVABLE_NAMESPACE,
  rolledOut,
  type MovableOptions,
} from "./install-movable.ts";
import { useGround, type StoryGround } from "./shared-ground.ts";

export { agentPod, controllerPods, installMovable, MOVABLE_CLASS, MOVABLE_NAMESPACE } from "./install-movable.ts";

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

/**
 * `kubectl delete -f` of one of the product's manifests, as its manual says; waits for its end. How
 * long that takes is printed and not asserted: the machine has other things to do as well.
 */
export async function deleteManifest(ground: Ground, file: string): Promise<RunResult> {
  forgetInstalled(ground);
  const stdin = await manifestWithImage(file, "unused");
  const started = performance.now();
  const result = await ground.kubectl(["delete", "-f", "-", "--timeout=300s"], { stdin });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stderr.write(`kubectl delete -f ${file} took ${seconds} s\n`);
  return result;
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
