import type { LocalVolume } from "../api/kinds/local-volume.ts";
import type { StoragePool } from "../api/kinds/storage-pool.ts";
import { DRAIN_ANNOTATION, RELEASE_ANNOTATION } from "../api/names.ts";
import type { Node } from "../kube/kinds.ts";
import { nameOf, type Stored } from "../kube/objects.ts";

export interface StaySnapshot {
  readonly volume: Pick<Stored<LocalVolume>, "metadata" | "spec">;
  /** The node of the volume. */
  readonly node: Stored<Node>;
  /** The volume's pool; undefined when it was deleted. */
  readonly pool: StoragePool | undefined;
  /** All Node objects, Ready or not. */
  readonly nodes: readonly Stored<Node>[];
}

/**
 * Why a volume of a leaving node does not move, as part of a sentence; undefined when it is to
 * move. A drain does not wait for a volume that stays, and reports the reason.
 */
export function whyStays({ volume, node, pool, nodes }: StaySnapshot): string | undefined {
  const name = nameOf(volume);
  const nodeName = nameOf(node);
  if (volume.spec.reclaim) return `volume ${name} is being removed`;
  if (isReleased(node)) return `node ${nodeName} was released (${RELEASE_ANNOTATION}=true)`;
  if (node.metadata.annotations?.[DRAIN_ANNOTATION] === "stay") {
    return `node ${nodeName} keeps its volumes (${DRAIN_ANNOTATION}=stay)`;
  }
  if (volume.spec.policies.onDrain === "Stay") return `volume ${name} has the policy onDrain: Stay`;
  if (pool === undefined) return undefined;
  const others = nodes.filter((other) => nameOf(other) !== nodeName && takesPart(pool, other));
  return others.length === 0 ? `pool ${volume.spec.pool} is on no other node` : undefined;
}

/** Whether an administrator has ended every hold on a node. */
export function isReleased(node: Node): boolean {
  return node.metadata?.annotations?.[RELEASE_ANNOTATION] === "true";
}

/** Whether a node takes part in a pool: it has all labels of the pool's selector. */
export function takesPart(pool: StoragePool, node: Node): boolean {
  const labels = node.metadata?.labels ?? {};
  return Object.entries(pool.spec.nodeSelector ?? {}).every(([key, value]) => labels[key] === value);
}
