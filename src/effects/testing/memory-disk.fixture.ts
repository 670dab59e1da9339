import { dirname, basename } from "node:path";
import type { DirectoryAttributes, Disk, DiskRoom, DiskStat } from "../disk.ts";

interface FileNode {
  readonly kind: "file";
  readonly inode: bigint;
  text: string;
}

interface DirectoryNode {
  readonly kind: "directory";
  readonly inode: bigint;
  readonly attributes: DirectoryAttributes;
  entries: Map<string, DiskNode>;
  /** The names as they were at the last syncDirectory: what a power cut leaves. */
  durable: Map<string, DiskNode>;
}

type DiskNode = FileNode | DirectoryNode | { readonly kind: "symlink"; readonly inode: bigint };

/** Thrown in place of a change: the process has crashed. */
export class Crash extends Error {
  override readonly name = "Crash";
}

/**
 * A disk in memory that can crash. After `crashAt(n)`, the n-th change (syncs count) and all later
 * ones throw a Crash and are not carried out, as if the process had been killed. `powerCut` then
 * drops what was not synced. Without it the disk is as a killed process leaves it.
 */
export class MemoryDisk implements Disk {
  /** The changes that were carried out, in order: `rename /a /b`. */
  readonly log: string[] = [];
  figures: DiskRoom = {
    capacityBytes: 100_000_000,
    availableBytes: 60_000_000,
    inodes: 1000,
    inodesFree: 900,
  };
  /** The file system below this path is read-only. */
  readOnly: string | undefined;
  #inodes = 1n;
  #root: DirectoryNode = this.#directory({ mode: 0o755 });
  #crashAt = Infinity;
  #changes = 0;

  /** Lets the n-th change from now on crash; without a number none does. */
  crashAt(n = Infinity): void {
    this.#changes = 0;
    this.#crashAt = n;
  }

  /** How many changes were made since `crashAt`. */
  get changes(): number {
    return this.#changes;
  }

  /** Loses every name that was not synced, and lets a new process start. */
  powerCut(): void {
    const keep = (node: DiskNode): DiskNode => {
      if (node.kind !== "directory") return node;
      const entries = new Map([...node.durable].map(([name, child]) => [name, keep(child)]));
      return { ...node, entries, durable: new Map(entries) };
    };
    this.#root = keep(this.#root) as DirectoryNode;
    this.crashAt();
  }

  /** Makes directories for a test to begin with, durable. */
  prepare(...paths: readonly string[]): this {
    for (const path of paths) {
      let at = this.#root;
      for (const name of path.split("/").filter((part) => part !== "")) {
        const child = at.entries.get(name) ?? this.#directory({ mode: 0o755 });
        at.entries.set(name, child);
        at.durable.set(name, child);
        at = child as DirectoryNode;
      }
    }
    return this;
  }

  /** Puts a file or (without a text) a symlink there, durable. */
  put(path: string, text?: string): this {
    const parent = this.#directoryAt(dirname(path));
    const node: DiskNode =
      text === undefined ? { kind: "symlink", inode: this.#inode() } : { kind: "file", inode: this.#inode(), text };
    parent.entries.set(basename(path), node);
    parent.durable.set(basename(path), node);
    return this;
  }

  /** Removes the path, durable: like a disk that was not mounted, or a person with `rm -r`. */
  lose(path: string): void {
    const parent = this.#directoryAt(dirname(path));
    parent.entries.delete(basename(path));
    parent.durable.delete(basename(path));
  }

  /** The mode and owner with which a directory was made. */
  attributesOf(path: string): DirectoryAttributes {
    return this.#directoryAt(path).attributes;
  }

  /** Every path on the disk. */
  tree(path = "/"): string[] {
    const below = (at: string, node: DiskNode): string[] =>
      node.kind !== "directory"
        ? [at]
        : [
            at,
            ...[...node.entries]
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .flatMap(([name, child]) => below(`${at}/${name}`, child)),
          ];
    return below(path === "/" ? "" : path, this.#directoryAt(path)).filter((found) => found !== "" && found !== path);
  }

  /** Number of the file or directory that is there now; undefined when nothing is. */
  inodeOf(path: string): bigint | undefined {
    return this.#nodeAt(path)?.inode;
  }

  /** Where a directory is now, whatever it was renamed to; undefined when it is gone. */
  pathOf(inode: bigint): string | undefined {
    const find = (at: string, node: DirectoryNode): string | undefined => {
      if (node.inode === inode) return at === "" ? "/" : at;
      for (const [name, child] of node.entries) {
        const found = child.kind === "directory" ? find(`${at}/${name}`, child) : undefined;
        if (found !== undefined) return found;
      }
      return undefined;
    };
    return find("", this.#root);
  }

  /** The text of a file; undefined when there is none. */
  text(path: string): string | undefined {
    const node = this.#nodeAt(path);
    return node?.kind === "file" ? node.text : undefined;
  }

  async readText(path: string): Promise<string> {
    const node = this.#nodeAt(path);
    if (node === undefined) throw failure("ENOENT", path);
    if (node.kind !== "file") throw failure("EISDIR", path);
    return node.text;
  }

  async write(path: string, text: string): Promise<void> {
    this.#change("write", path);
    const parent = this.#directoryAt(dirname(path));
    const node = parent.entries.get(basename(path));
    if (node === undefined) parent.entries.set(basename(path), { kind: "file", inode: this.#inode(), text });
    else if (node.kind === "file") node.text = text;
    else throw failure("EISDIR", path);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#change("rename", from, to);
    const source = this.#directoryAt(dirname(from));
    const node = source.entries.get(basename(from));
    if (node === undefined) throw failure("ENOENT", from);
    const target = this.#directoryAt(dirname(to));
    const old = target.entries.get(basename(to));
    if (old?.kind === "directory" && old.entries.size > 0) throw failure("ENOTEMPTY", to);
    source.entries.delete(basename(from));
    target.entries.set(basename(to), node);
  }

  async syncDirectory(path: string): Promise<void> {
    this.#change("syncDirectory", path);
    const directory = this.#directoryAt(path);
    directory.durable = new Map(directory.entries);
  }

  async makeDirectory(path: string, attributes: DirectoryAttributes): Promise<void> {
    this.#change("makeDirectory", path);
    const parent = this.#directoryAt(dirname(path));
    if (parent.entries.has(basename(path))) throw failure("EEXIST", path);
    parent.entries.set(basename(path), this.#directory(attributes));
  }

  async removeDirectory(path: string): Promise<void> {
    this.#change("removeDirectory", path);
    if (this.#directoryAt(path).entries.size > 0) throw failure("ENOTEMPTY", path);
    this.#directoryAt(dirname(path)).entries.delete(basename(path));
  }

  async removeFile(path: string): Promise<void> {
    this.#change("removeFile", path);
    if (this.#nodeAt(path)?.kind !== "file") throw failure("ENOENT", path);
    this.#directoryAt(dirname(path)).entries.delete(basename(path));
  }

  async list(path: string): Promise<readonly string[]> {
    return [...this.#directoryAt(path).entries.keys()].sort();
  }

  async stat(path: string): Promise<DiskStat | undefined> {
    const node = this.#nodeAt(path);
    return node === undefined ? undefined : { kind: node.kind, inode: node.inode, device: 1n };
  }

  async expectWritable(path: string): Promise<void> {
    this.#directoryAt(path);
    this.#refuseReadOnly(path);
  }

  async room(path: string): Promise<DiskRoom> {
    this.#directoryAt(path);
    return this.figures;
  }

  #change(what: keyof Disk, ...paths: readonly string[]): void {
    for (const path of paths) this.#refuseReadOnly(path);
    this.#changes += 1;
    if (this.#changes >= this.#crashAt) throw new Crash(`crashed before ${what} ${paths.join(" ")}`);
    this.log.push([what, ...paths].join(" "));
  }

  #refuseReadOnly(path: string): void {
    if (this.readOnly !== undefined && path.startsWith(`${this.readOnly}/`)) throw failure("EROFS", path);
  }

  #inode(): bigint {
    this.#inodes += 1n;
    return this.#inodes;
  }

  #directory(attributes: DirectoryAttributes): DirectoryNode {
    return { kind: "directory", inode: this.#inode(), attributes, entries: new Map(), durable: new Map() };
  }

  #nodeAt(path: string): DiskNode | undefined {
    let at: DiskNode | undefined = this.#root;
    for (const name of path.split("/").filter((part) => part !== "")) {
      if (at?.kind !== "directory") return undefined;
      at = at.entries.get(name);
    }
    return at;
  }

  #directoryAt(path: string): DirectoryNode {
    const node = this.#nodeAt(path);
    if (node === undefined) throw failure("ENOENT", path);
    if (node.kind !== "directory") throw failure("ENOTDIR", path);
    return node;
  }
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
