import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Ground } from "./ground.ts";
import { parseManifest, type ManifestObject } from "./objects.ts";

/**
 * What outlives the movable driver's workloads: namespace, accounts, rights, definitions of its
 * kinds.
 */
export const BASE_MANIFEST = "deploy/mooring-base.yaml";
/** Controller, agents, webhook, CSIDriver, StorageClass, pool. */
export const WORKLOADS_MANIFEST = "deploy/mooring.yaml";

interface Workload extends ManifestObject {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } };
  };
}

/** The manifests that are not there, in words; undefined when all are. */
export function missingManifests(files: readonly string[]): string | undefined {
  const missing = files.filter((file) => !existsSync(file));
  return missing.length === 0 ? undefined : `this checkout has no ${missing.join(" and no ")}`;
}

/** A manifest of this repository with another image in every place where it names the product's. */
export async function manifestWithImage(file: string, image: string): Promise<string> {
  const missing = missingManifests([file]);
  if (missing !== undefined) throw new Error(missing);
  return withImage(await readFile(file, "utf8"), image);
}

/**
 * Replaces the product's image: what containers of workloads name `…/mooring`, also where it is an
 * argument.
 */
export function withImage(yaml: string, image: string): string {
  const containers = workloadsOf(yaml).flatMap(({ spec }) => spec.template.spec.containers);
  const names = new Set(containers.map((container) => container.image).filter((name) => /\/mooring[:@]/.test(name)));
  let text = yaml;
  for (const name of names) text = text.replaceAll(name, image);
  return text;
}

/** Applies a manifest and waits until the API server serves the kinds that it defines. */
export async function applyManifest(ground: Ground, yaml: string): Promise<void> {
  await ground.apply(yaml);
  for (const { kind, metadata } of parseManifest(yaml)) {
    if (kind !== "CustomResourceDefinition") continue;
    // Named `<plural>.<group>`, which is how a kind can be asked for.
    const name = metadata.name ?? "";
    await ground.waitFor(`${name} to be served`, async () => {
      await ground.list(name);
      return true;
    });
  }
}

interface Rollout {
  readonly metadata: { readonly generation: number };
  readonly spec: { readonly replicas?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly readyReplicas?: number;
    readonly updatedReplicas?: number;
    readonly desiredNumberScheduled?: number;
    readonly numberReady?: number;
    readonly updatedNumberScheduled?: number;
  };
}

/**
 * Waits until every Deployment and DaemonSet of a manifest runs all its pods, and none of an older
 * template.
 */
export async function waitForRollout(ground: Ground, yaml: string): Promise<void> {
  for (const { kind, metadata } of workloadsOf(yaml)) {
    const { name = "", namespace = "default" } = metadata;
    await ground.waitFor(`${kind} ${namespace}/${name} to be Ready`, async (saw) => {
      const found = await ground.get<Rollout>(kind, name, namespace);
      saw({ status: found?.status, pods: await podsIn(ground, namespace) });
      return found !== undefined && isRolledOut(found) ? true : undefined;
    });
  }
}

function isRolledOut({ metadata, spec, status = {} }: Rollout): boolean {
  if (status.observedGeneration !== metadata.generation) return false;
  if (spec.replicas !== undefined) {
    const counts = [status.replicas, status.readyReplicas, status.updatedReplicas].map((count) => count ?? 0);
    return counts.every((count) => count === spec.replicas);
  }
  const { desiredNumberScheduled: wanted, numberReady, updatedNumberScheduled } = status;
  // Before its controller has looked at the nodes it wants none.
  return (wanted ?? 0) > 0 && numberReady === wanted && updatedNumberScheduled === wanted;
}

/** Why a workload is not Ready is told by its pods. */
async function podsIn(ground: Ground, namespace: string): Promise<unknown[]> {
  const pods = await ground.list<{
    metadata: { name: string };
    status: { containerStatuses?: readonly { ready: boolean; state: unknown; lastState: unknown }[] };
  }>("pods", { namespace });
  return pods
    .filter(({ status }) => !status.containerStatuses?.every(({ ready }) => ready))
    .map(({ metadata, status }) => ({
      pod: metadata.name,
      containers: status.containerStatuses?.map(({ state, lastState }) => ({ state, lastState })),
    }));
}

function workloadsOf(yaml: string): Workload[] {
  return parseManifest(yaml).filter(({ kind }) => kind === "Deployment" || kind === "DaemonSet") as Workload[];
}
