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
