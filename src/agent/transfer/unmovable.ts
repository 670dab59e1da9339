import { hasCode } from "../sys/libc.ts";
import { ATTRIBUTES, FS_CASEFOLD_FL, inodeFlags, type Stat } from "../sys/stat.ts";
import { pathText } from "./tree/path.ts";
import { walk, type Visit } from "./tree/walk.ts";

/** An entry of a volume that a copy cannot have. */
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

/** A message names a few entries. A user would not read more. */
const AS_MANY_AS_A_MESSAGE_NAMES = 5;

const REASONS = [
  [ATTRIBUTES.immutable, "immutable"],
  [ATTRIBUTES.append, "append-only"],
  [ATTRIBUTES.encrypted, "encrypted"],
  [ATTRIBUTES.verity, "verity"],
] as const;
const ANY = REASONS.reduce((all, [attribute]) => all | attribute, 0n);

/** The first few entries that prevent a move. Empty when the volume can be moved. */
export async function findUnmovable(root: number, signal: AbortSignal): Promise<readonly Unmovable[]> {
  const found: Unmovable[] = [];
  for await (const visit of walk(root, signal)) {
    const reason = whyUnmovable(visit);
    if (reason !== undefined) found.push({ path: pathText(visit.path), reason });
    if (found.length === AS_MANY_AS_A_MESSAGE_NAMES) break;
  }
  return found;
}

/** Whether an attribute keeps a copy from having the object. */
export function isUnmovable({ attributes }: Pick<Stat, "attributes">): boolean {
  return (attributes & ANY) !== 0n;
}

/** Why a copy cannot have the entry. Undefined: it can. */
export function whyUnmovable(visit: Visit): Unmovable["reason"] | undefined {
  if (visit.kind === "mount") return "mount inside the volume";
  if (visit.kind !== "enter" && visit.kind !== "leaf") return undefined;
  const set = REASONS.find(([attribute]) => (visit.stat.attributes & attribute) !== 0n);
  if (set !== undefined) return set[1];
  // Sizes and offsets are JavaScript numbers, which are exact up to this size. A file of holes can
  // be larger.
  if (visit.stat.size > BigInt(Number.MAX_SAFE_INTEGER)) return "larger than 8 PiB";
  return visit.kind === "enter" && isCasefolded(visit.fd) ? "casefolded" : undefined;
}

/**
 * This is the only flag that matters and is not among statx's attributes. Only directories have it.
 */
function isCasefolded(fd: number): boolean {
  try {
    return (inodeFlags(fd) & FS_CASEFOLD_FL) !== 0;
  } catch (error) {
    if (hasCode(error, "ENOTTY", "ENOTSUP", "EINVAL", "ENOSYS")) return false;
    throw error;
  }
}
