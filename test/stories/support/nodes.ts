import type { Ground } from "../../cluster/ground.ts";
import type { NodeObject } from "./objects.ts";

/** The node that a story drains. */
export function firstNode(ground: Ground): string {
  const [first] = ground.nodes;
  if (first === undefined) throw new Error("the ground has no node");
  return first;
}

/** Sets labels of a node; null removes one. */
export async function labelNode(
  ground: Ground,
  node: string,
  labels: Readonly<Record<string, string | null>>,
): Promise<void> {
  await ground.patch("Node", node, { metadata: { labels } });
}

/** The labels of a node that name a movable volume. */
export async function labelsOf(ground: Ground, node: string, volume: string): Promise<string[]> {
  const found = await ground.get<NodeObject>("Node", node);
  return Object.keys(found?.metadata.labels ?? {}).filter((key) => key.endsWith(`/${volume}`));
}

/** Marks a node as unschedulable, or as schedulable again. */
export async function cordon(ground: Ground, node: string, unschedulable = true): Promise<void> {
  await ground.patch("Node", node, { spec: { unschedulable } });
}

/**
 * Stops a node's kubelet and deletes its Node object for as long as `meanwhile` takes. The kubelet
 * makes it again, also when that fails: the stories after this one need the node.
 */
export async function withoutNodeObject<T>(ground: Ground, node: string, meanwhile: () => Promise<T>): Promise<T> {
  await ground.stopKubelet(node);
  try {
    await ground.delete("Node", node);
    return await meanwhile();
  } finally {
    await ground.startKubelet(node);
  }
}

interface NodeState {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly taints?: readonly { readonly key: string }[] };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** What the node lifecycle controller takes away some time after a node has become Ready. */
const NOT_WORKING: readonly string[] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

/** A node that was switched on begins with all its programs, beside everything else here. */
export const NODE_MS = 300_000;

/** Waits until every node is Ready, and the scheduler knows it. */
export async function nodesReady(ground: Ground): Promise<void> {
  const ready = async (saw: (what: unknown) => void): Promise<true | undefined> => {
    const found = await ground.list<NodeState>("nodes");
    saw(found.map(({ metadata, spec, status }) => [metadata.name, spec.taints, status.conditions]));
    const working = found.filter(
      ({ spec, status }) =>
        status.conditions?.some((one) => one.type === "Ready" && one.status === "True") === true &&
        spec.taints?.some(({ key }) => NOT_WORKING.includes(key)) !== true,
    );
    const names = working.map(({ metadata }) => metadata.name);
    return ground.nodes.every((node) => names.includes(node)) ? true : undefined;
  };
  await ground.waitFor("all nodes to be Ready", ready, { timeoutMs: NODE_MS });
}
