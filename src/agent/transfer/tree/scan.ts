/*
 * A tree as a sequence of steps, the same on the wire and when it is read back:
 *
 *   open(head) data* xattr* close         of a file
 *   open(head) xattr* close               of a symlink, FIFO or device
 *   open(head) <children> xattr* close    of a directory, the root first of all
 *   open(head) close                      of a further name of something that was opened before
 *
 * Children come in the order of their names' bytes. What is read twice (an object before and after
 * its content) must not differ: the tree is sealed, and a change says that it is not.
 */
import { dropCache } from "../../sys/data.ts";
import { SystemError } from "../../sys/libc.ts";
import { close, readlinkat } from "../../sys/open.ts";
import { statDescriptor, type Stat } from "../../sys/stat.ts";
import { transferErrors } from "../errors.ts";
import { ContentHash } from "./content-hash.ts";
import { readContents, type Piece } from "./contents.ts";
import { xattrDigest, type Entry, type Head } from "./entry.ts";
import { Links } from "./links.ts";
import { pathText, type TreePath } from "./path.ts";
import { openFile } from "./safe-open.ts";
import { walk, type Visit } from "./walk.ts";
import { readXattrs } from "./xattrs.ts";

/** One step; `name` of the root is empty. */
export type TreeStep =
  | { readonly kind: "open"; readonly name: Buffer; readonly head: Head }
  | ({ readonly kind: "data" } & Piece)
  | { readonly kind: "xattr"; readonly name: string; readonly value: Buffer }
  | { readonly kind: "close"; readonly entry: Entry };

export interface ScanOptions {
  /**
   * Reads files from the disk and not from the page cache, as far as their pages have been written
   * back.
   */
  readonly fromDisk?: boolean;
}

/** Reads the tree below the directory `root`. */
export async function* scan(
  root: number,
  signal: AbortSignal,
  options: ScanOptions = {},
): AsyncGenerator<TreeStep, void> {
  const links = new Links();
  for await (const visit of walk(root, signal)) {
    try {
      yield* stepsOf(visit, links, options);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      throw transferErrors.FILE_FAILED({ path: pathText(visit.path), why: error.message }, { cause: error });
    }
  }
}

/** The entries of a tree, without their content. */
export async function* list(root: number, signal: AbortSignal, options?: ScanOptions): AsyncGenerator<Entry, void> {
  for await (const step of scan(root, signal, options)) if (step.kind === "close") yield step.entry;
}

async function* stepsOf(visit: Visit, links: Links, options: ScanOptions): AsyncGenerator<TreeStep, void> {
  const { path } = visit;
  switch (visit.kind) {
    case "mount":
      throw transferErrors.MOUNT_INSIDE({ path: pathText(path) });
    case "vanished":
      throw transferErrors.SOURCE_CHANGED({ path: pathText(path), what: "it is gone" });
    case "enter":
      yield { kind: "open", name: nameOf(path), head: headOf(visit.stat, visit.fd) };
      return;
    case "leave": {
      const head = headOf(visit.stat, visit.fd);
      yield* finish(visit.fd, { path, head }, visit.stat);
      return;
    }
    case "leaf":
      yield* leaf(visit, links, options);
  }
}

async function* leaf(
  visit: Extract<Visit, { kind: "leaf" }>,
  links: Links,
  options: ScanOptions,
): AsyncGenerator<TreeStep, void> {
  const { path, fd, stat } = visit;
  if (stat.type === "socket") return;
  const first = links.before(stat, path);
  if (first !== undefined) {
    const head = { type: "link", mode: 0, uid: 0, gid: 0, mtimeNs: 0n, first } as const;
    yield { kind: "open", name: nameOf(path), head };
    yield { kind: "close", entry: { path, head, xattrs: [] } };
    return;
  }
  const head = headOf(stat, fd);
  yield { kind: "open", name: nameOf(path), head };
  if (head.type !== "file") {
    yield* finish(fd, { path, head }, stat);
    return;
  }
  const hash = new ContentHash();
  yield* contentOf(fd, head, hash, options);
  yield* finish(fd, { path, head, content: hash.digest(head.size ?? 0) }, stat);
}

async function* contentOf(
  looked: number,
  head: Head,
  hash: ContentHash,
  options: ScanOptions,
): AsyncGenerator<TreeStep, void> {
  if (head.size === 0) return;
  const fd = openFile(looked);
  try {
    if (options.fromDisk === true) dropCache(fd);
    for await (const piece of readContents(fd, head.size ?? 0)) {
      hash.update(piece);
      yield { kind: "data", ...piece };
    }
  } finally {
    close(fd);
  }
}

function* finish(fd: number, known: Omit<Entry, "xattrs">, before: Stat): Generator<TreeStep, void> {
  const xattrs: [string, string][] = [];
  for (const { name, value } of readXattrs(fd)) {
    xattrs.push([name, xattrDigest(value)]);
    yield { kind: "xattr", name, value };
  }
  const after = statDescriptor(fd);
  const what = changeBetween(before, after);
  if (what !== undefined) throw transferErrors.SOURCE_CHANGED({ path: pathText(known.path), what });
  yield { kind: "close", entry: { ...known, xattrs } };
}

function changeBetween(before: Stat, after: Stat): string | undefined {
  if (before.size !== after.size) return `${String(before.size)} bytes before, ${String(after.size)} after`;
  if (before.mtimeNs !== after.mtimeNs) return "its modification time";
  return before.ctimeNs === after.ctimeNs ? undefined : "its change time";
}

function headOf(stat: Stat, fd: number): Head {
  const { type, mode, uid, gid, mtimeNs } = stat;
  const common = { mode, uid, gid, mtimeNs };
  switch (type) {
    case "file":
      return { type, ...common, size: Number(stat.size) };
    case "symlink":
      // A symlink has no mode of its own; file systems differ in what they show.
      return { type, ...common, mode: 0o777, target: readlinkat(fd, "") };
    case "block":
    case "character":
      return { type, ...common, rdev: stat.rdev };
    case "directory":
    case "fifo":
      return { type, ...common };
    case "socket":
      throw new Error("a socket is not scanned");
  }
}

function nameOf(path: TreePath): Buffer {
  return path.at(-1) ?? Buffer.alloc(0);
}
