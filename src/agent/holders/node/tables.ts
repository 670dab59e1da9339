import { fstatSync } from "node:fs";
import type { MountEntry } from "../../mounts/mountinfo.ts";
import { viewOf, type View } from "../inside.ts";
import type { Directory } from "./directory.ts";
import { isInsideByHandle } from "./handles.ts";
import { inodeKey, inodesIn } from "./inodes.ts";
import type { ReadTable } from "./namespaces.ts";

/** The entries of a mount table that matter. */
export interface Mounted {
  /** The mounts of the directory, or of something in it. */
  readonly ofDirectory: readonly MountEntry[];
  /**
   * The mounts that keep another mount namespace alive (`unshare --mount=FILE`, snapd). Their root
   * is "mnt:[4026532…]".
   */
  readonly ofNamespaces: readonly MountEntry[];
}

/** The mount tables that one sweep has read, and what each mount shows of the directory. */
export class Tables {
  readonly #directory: Directory;
  readonly #read: ReadTable;
  readonly #tables = new Map<string, ReadonlyMap<number, View>>();
  #inodes: ReadonlySet<string> | undefined;

  constructor(directory: Directory, read: ReadTable) {
    this.#directory = directory;
    this.#read = read;
  }

  /** Whether a namespace ("mnt:[4026531841]") was read in this sweep. */
  has(namespace: string): boolean {
    return this.#tables.has(namespace);
  }

  /** Reads a namespace through a file that stands for it. */
  read(namespace: string, path: string): Mounted {
    const entries = this.#read(path);
    const views = new Map(entries.map((entry) => [entry.id, viewOf(entry, this.#directory.location)]));
    this.#tables.set(namespace, views);
    return {
      ofDirectory: entries.filter((entry) => views.get(entry.id)?.kind === "inside"),
      ofNamespaces: entries.filter((entry) => entry.fsType === "nsfs" && entry.root.startsWith("mnt:[")),
    };
  }

  /**
   * What a mount shows of the directory. The table of the given namespace comes first, then all
   * others. Undefined: no table that was read so far has the mount.
   */
  view(mountId: number, namespace: string): View | undefined {
    const own = this.#tables.get(namespace)?.get(mountId);
    if (own !== undefined) return own;
    for (const table of this.#tables.values()) {
      const view = table.get(mountId);
      if (view !== undefined) return view;
    }
    return undefined;
  }

  /** Whether an open file lies inside, for the case that neither its mount nor its path tells. */
  byHandle(fd: number): boolean {
    const inside = isInsideByHandle(fd, this.#directory.fd, this.#directory.view);
    if (inside !== "unknown") return inside;
    this.#inodes ??= inodesIn(this.#directory.path);
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return this.#inodes.has(inodeKey(dev, ino));
  }
}
