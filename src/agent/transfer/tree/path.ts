import { printable } from "../../sys/libc.ts";

/** A path inside a volume: the names from the root on, as bytes. The root itself has no names. */
export type TreePath = readonly Buffer[];

/** A path for a message. */
export function pathText(path: TreePath): string {
  return path.length === 0 ? "." : path.map((name) => printable(name)).join("/");
}

/**
 * The order in which a walk leaves objects: siblings by the bytes of their names, and everything in
 * a directory before the directory itself.
 */
export function comparePaths(a: TreePath, b: TreePath): number {
  for (const [level, name] of a.entries()) {
    const other = b[level];
    if (other === undefined) return -1;
    const order = Buffer.compare(name, other);
    if (order !== 0) return order;
  }
  return b.length > a.length ? 1 : 0;
}

/** Why a name must not be used as one component of a path. Undefined: it may be. */
export function nameFault(name: Buffer): string | undefined {
  if (name.length === 0) return "is empty";
  if (name.includes(0)) return "contains a NUL byte";
  if (name.includes(0x2f)) return "contains a slash";
  if (name.equals(DOT) || name.equals(DOT_DOT)) return "leads to another directory";
  return undefined;
}

const DOT = Buffer.from(".");
const DOT_DOT = Buffer.from("..");
