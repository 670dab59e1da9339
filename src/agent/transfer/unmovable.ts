import { hasCode } from "../sys/libc.ts";
import { ATTRIBUTES, FS_CASEFOLD_FL, inodeFlags } from "../sys/stat.ts";
import { pathText } from "./tree/path.ts";
import { walk, type Visit } from "./tree/walk.ts";

/** Something in a volume that a copy cannot have. */
export interface Unmovable {
  readonly path: string;
  readonly reason:
    | "immutable"
    | "append-only"
    | "encrypted"
    | "verity"
    | "casefolded"
    | "larger than 8 PiB"
    | "mount inside the volume";
}

/** A message names a few, and nobody reads more. */
const AS_MANY_AS_A_MESSAGE_NAMES = 5;

const REASONS = [
  [ATTRIBUTES.immutable, "immutable"],
  [ATTRIBUTES.append, "append-only"],
  [ATTRIBUTES.encrypted, "encrypted"],
  [ATTRIBUTES.verity, "verity"],
] as const;

/** The first few entries that stand in the way of a move. Empty when the volume can be moved. */
export async function findUnmovable(root: number, signal: AbortSignal): Promise<readonly Unmovable[]> {
  const found: Unmovable[] = [];
  for await (const visit of walk(root, signal)) {
    const reason = reasonOf(visit);
    if (reason !== undefined) found.push({ path: pathText(visit.path), reason });
    if (found.length === AS_MANY_AS_A_MESSAGE_NAMES) break;
  }
  return found;
}

function reasonOf(visit: Visit): Unmovable["reason"] | undefined {
  if (visit.kind === "mount") return "mount inside the volume";
  if (visit.kind !== "enter" && visit.kind !== "leaf") return undefined;
  const set = REASONS.find(([attribute]) => (visit.stat.attributes & attribute) !== 0n);
  if (set !== undefined) return set[1];
  // Sizes and places are numbers of JavaScript. A file of holes can have such a size.
  if (visit.stat.size > BigInt(Number.MAX_SAFE_INTEGER)) return "larger than 8 PiB";
  return visit.kind === "enter" && isCasefolded(visit.fd) ? "casefolded" : undefined;
}

/**
 * Of all flags that matter only this one is not among statx's attributes; only directories have it.
 */
function isCasefolded(fd: number): boolean {
  try {
    return (inodeFlags(fd) & FS_CASEFOLD_FL) !== 0;
  } catch (error) {
    if (hasCode(error, "ENOTTY", "ENOTSUP", "EINVAL", "ENOSYS")) return false;
    throw error;
  }
}
