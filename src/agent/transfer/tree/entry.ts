import { createHash } from "node:crypto";
import type { Device, FileType } from "../../sys/stat.ts";
import { pathText, type TreePath } from "./path.ts";

/**
 * What an entry can be. Of a socket only the name travels, with owner and mode: whoever listened on
 * it is gone, as after a restart of the pod on its old node.
 */
export type EntryType = FileType | "link";

/** What is known of an entry when it is met, before its content and what it holds. */
export interface Head {
  readonly type: EntryType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  /** Of a file. */
  readonly size?: number;
  /** Of a device node. */
  readonly rdev?: Device;
  /** The text of a symlink. */
  readonly target?: Buffer;
  /** Of a `link`: where the same object came first. The rest of a link's head says nothing. */
  readonly first?: TreePath;
}

/** Everything that counts of one name in a tree. */
export interface Entry {
  readonly path: TreePath;
  readonly head: Head;
  /** ContentHash of a file. */
  readonly content?: string;
  /** Name and sha256 of the value, sorted by name. */
  readonly xattrs: readonly (readonly [string, string])[];
}

/** The sha256 of an extended attribute's value, as an entry has it. */
export function xattrDigest(value: Buffer): string {
  return createHash("sha256").update(value).digest("hex");
}

/** One hash over everything that counts of an entry, its path included. */
export function entryDigest(entry: Entry): Buffer {
  const path = entry.path.map((name) => name.toString("latin1"));
  return createHash("sha256")
    .update(JSON.stringify([path, fieldsOf(entry)]))
    .digest();
}

/**
 * What counts of an entry, as named texts: the digest covers them, and a message can say which one
 * differs.
 */
export function fieldsOf({ head, content, xattrs }: Entry): readonly (readonly [string, string])[] {
  if (head.type === "link") return [["hard link to", pathText(head.first ?? [])]];
  return [
    ["type", head.type],
    ["mode", head.mode.toString(8)],
    ["owner", `${String(head.uid)}:${String(head.gid)}`],
    ["mtime", String(head.mtimeNs)],
    ...(head.size === undefined ? [] : [["size", String(head.size)] as const]),
    ...(head.rdev === undefined ? [] : [["device", `${String(head.rdev.major)}:${String(head.rdev.minor)}`] as const]),
    ...(head.target === undefined ? [] : [["target", head.target.toString("latin1")] as const]),
    ...(content === undefined ? [] : [["content", content] as const]),
    ...xattrs.map(([name, digest]) => [`xattr ${name}`, digest] as const),
  ];
}
