/*
 * A walk through a volume's tree, in one order everywhere: the names of a directory sorted by their
 * bytes, a directory before and after what it holds. Descriptors belong to the walk and are valid
 * until the next step. It holds one per level and the names of the directories on the way, whatever
 * the size of the tree.
 */
import { hasCode } from "../../sys/libc.ts";
import { close } from "../../sys/open.ts";
import { statDescriptor, type Stat } from "../../sys/stat.ts";
import { transferErrors } from "../errors.ts";
import { Pacer } from "../pacer.ts";
import { pathText, type TreePath } from "./path.ts";
import { DEEPEST, look, openDirectory } from "./safe-open.ts";
import { SortedNames } from "./sorted-names.ts";

/** One step of a walk. */
export type Visit =
  /**
   * A directory, before what it holds. `fd` can be read. The first one is the root, whose path is
   * empty.
   */
  | { readonly kind: "enter"; readonly path: TreePath; readonly fd: number; readonly stat: Stat }
  /** The same directory afterwards, with the `stat` of before. */
  | { readonly kind: "leave"; readonly path: TreePath; readonly fd: number; readonly stat: Stat }
  /** Anything else; `fd` is an O_PATH descriptor. */
  | { readonly kind: "leaf"; readonly path: TreePath; readonly fd: number; readonly stat: Stat }
  /** Something is mounted at this name. It is not looked at. */
  | { readonly kind: "mount"; readonly path: TreePath }
  /** The name was there when the directory was read and is gone now. */
  | { readonly kind: "vanished"; readonly path: TreePath };

interface Level {
  readonly path: TreePath;
  readonly fd: number;
  readonly stat: Stat;
  readonly names: SortedNames;
  next: number;
  last: Buffer | undefined;
}

/**
 * Walks the tree below the directory `root`, which stays open. Rests, so that the event loop runs.
 */
export async function* walk(root: number, signal: AbortSignal): AsyncGenerator<Visit, void> {
  const pacer = new Pacer(signal);
  const levels: Level[] = [];
  try {
    yield enter(levels, await level(openDirectory(root), [], pacer));
    for (;;) {
      const top = levels.at(-1);
      if (top === undefined) return;
      if (pacer.due) await pacer.rest();
      const name = top.names.at(top.next++);
      if (name === undefined) {
        yield { kind: "leave", path: top.path, fd: top.fd, stat: top.stat };
        levels.pop();
        close(top.fd);
        continue;
      }
      // A directory that changes while it is listed may give a name twice.
      if (top.last?.equals(name) === true) continue;
      top.last = name;
      const path = [...top.path, name];
      const looked = lookAt(top.fd, name);
      if (typeof looked === "string") {
        yield { kind: looked, path };
        continue;
      }
      let directory: number | undefined;
      try {
        const stat = statDescriptor(looked);
        if (stat.type !== "directory") yield { kind: "leaf", path, fd: looked, stat };
        else if (levels.length > DEEPEST) throw transferErrors.TOO_DEEP({ path: pathText(path), levels: DEEPEST });
        else directory = orVanished(() => openDirectory(looked));
        if (stat.type === "directory" && directory === undefined) yield { kind: "vanished", path };
      } finally {
        close(looked);
      }
      if (directory !== undefined) yield enter(levels, await level(directory, path, pacer));
    }
  } finally {
    for (const { fd } of levels) close(fd);
  }
}

async function level(fd: number, path: TreePath, pacer: Pacer): Promise<Level> {
  try {
    return { path, fd, stat: statDescriptor(fd), names: await SortedNames.read(fd, pacer), next: 0, last: undefined };
  } catch (error) {
    close(fd);
    throw error;
  }
}

function enter(levels: Level[], level: Level): Visit {
  levels.push(level);
  return { kind: "enter", path: level.path, fd: level.fd, stat: level.stat };
}

function lookAt(dirfd: number, name: Buffer): number | "mount" | "vanished" {
  try {
    return orVanished(() => look(dirfd, name)) ?? "vanished";
  } catch (error) {
    if (hasCode(error, "EXDEV")) return "mount";
    throw error;
  }
}

function orVanished(open: () => number): number | undefined {
  try {
    return open();
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
