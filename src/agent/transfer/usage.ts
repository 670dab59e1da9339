import { walk } from "./tree/walk.ts";
import { Links } from "./tree/links.ts";

/** What a volume takes of its pool. */
export interface Usage {
  /** Allocated bytes: holes take nothing, a short file takes a block. */
  readonly bytes: number;
  readonly inodes: number;
}

const BLOCK_BYTES = 512n;

/**
 * Counts what the tree below `root` takes, its root included, each object once however many names
 * it has. The tenant may write meanwhile: what vanishes is not counted. What is mounted inside
 * belongs to others.
 */
export async function usage(root: number, signal: AbortSignal): Promise<Usage> {
  const links = new Links();
  let bytes = 0n;
  let inodes = 0;
  for await (const visit of walk(root, signal)) {
    if (visit.kind !== "enter" && visit.kind !== "leaf") continue;
    if (visit.kind === "leaf" && links.before(visit.stat, visit.path) !== undefined) continue;
    bytes += visit.stat.blocks * BLOCK_BYTES;
    inodes += 1;
  }
  return { bytes: Number(bytes), inodes };
}
