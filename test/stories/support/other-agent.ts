/*
 * Another agent on one node: the DaemonSet offers it to all, and only agents that are made again
 * get it.
 */
import type { Ground } from "../../cluster/ground.ts";
import { parseManifest } from "../../cluster/objects.ts";
import { manifestWithImage, WORKLOADS_MANIFEST } from "../../cluster/product-manifests.ts";
import { agentPod, forgetInstalled, MOVABLE_NAMESPACE } from "./install-movable.ts";
import { toYaml } from "./manifest.ts";
import { readyOn } from "./movable-objects.ts";

interface AgentContainer {
  image: string;
  readonly env: object[];
}

interface AgentSet {
  readonly kind: string;
  readonly spec: {
    updateStrategy: object;
    readonly template: { readonly spec: { readonly containers: readonly [AgentContainer] } };
  };
}

/**
 * Changes the container that agents get from now on. installMovable() brings the usual one back.
 */
export async function offerAgent(ground: Ground, change: (container: AgentContainer) => void): Promise<void> {
  const manifest = await manifestWithImage(WORKLOADS_MANIFEST, await ground.loadProductImage());
  const objects = parseManifest(manifest) as unknown as AgentSet[];
  const set = objects.find(({ kind }) => kind === "DaemonSet");
  if (set === undefined) throw new Error(`${WORKLOADS_MANIFEST} has no DaemonSet`);
  set.spec.updateStrategy = { type: "OnDelete" };
  change(set.spec.template.spec.containers[0]);
  forgetInstalled(ground);
  await ground.apply(toYaml(set));
}

/** The agent's pod on this node is made again, and is Ready. */
export async function renewAgent(ground: Ground, node: string): Promise<void> {
  const { metadata: old } = await agentPod(ground, node);
  await ground.delete("Pod", old.name, MOVABLE_NAMESPACE);
  await ground.waitFor(`another agent on ${node}`, async (saw) => {
    const { metadata } = await agentPod(ground, node);
    saw(metadata);
    return metadata.uid === old.uid ? undefined : true;
  });
  await readyOn(ground, MOVABLE_NAMESPACE, (await agentPod(ground, node)).metadata.name);
}
