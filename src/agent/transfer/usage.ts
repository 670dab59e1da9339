import { walk } from "./tree/walk.ts";
import { Links } from "./tree/links.ts";

/** The bytes and inodes that a volume takes from its pool. */
export interface Usage {
  /** Allocated bytes. Holes take none, and a short file takes a block. */
  readonly bytes: number;
  readonly inodes: number;
}

const BLOCK_BYTES = 512n;

/**
 * Counts the bytes and inodes of the tree below `root`, with the root itself. An object with
 * several names is counted once. The tenant may write meanwhile: an object that vanishes is not
 * counted. Mounts inside the tree are not counted, because they do not belong to the volume.
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
