import type { Ground } from "../../cluster/ground.ts";

/** Sets labels of a node; null removes one. */
export async function labelNode(
  ground: Ground,
  node: string,
  labels: Readonly<Record<string, string | null>>,
): Promise<void> {
  await ground.patch("Node", node, { metadata: { labels } });
}

/** Marks a node as unschedulable, or as schedulable again. */
export async function cordon(ground: Ground, node: string, unschedulable = true): Promise<void> {
  await ground.patch("Node", node, { spec: { unschedulable } });
}
