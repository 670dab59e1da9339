import type { StorageNode } from "../../api/kinds/storage-node.ts";

/** On how many nodes a pool is. */
export interface PoolCounts {
  /** Nodes that take part. */
  readonly nodes: number;
  /** Nodes on which it can be used now. */
  readonly readyNodes: number;
}

/** Counts a pool over what the agents say. */
export function countPool(pool: string, nodes: readonly StorageNode[]): PoolCounts {
  const found = nodes.flatMap(({ status }) => status?.pools?.find(({ name }) => name === pool) ?? []);
  return { nodes: found.length, readyNodes: found.filter(({ ready }) => ready).length };
}
