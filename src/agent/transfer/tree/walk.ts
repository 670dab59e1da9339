/*
 * Walks through a volume's tree. The order is the same on every machine: the names of a directory
 * are sorted by their bytes, and a directory is visited before and after its children. Descriptors
 * belong to the walk and are valid until the next step. At any time the walk holds one descriptor
 * for each level, those of the objects that it looks at ahead, and the names of the directories
 * from the root to the present one.
 *
 * Looking ahead. A small file that is not in the page cache costs one wait for the disk, and with
 * one file after another the disk is idle most of the time. So with `ahead` the walk looks at the
 * next names of a directory before their turn comes, and lets the caller open the files among them
 * and begin to read. It looks no further than the next directory, so that it holds such descriptors
 * for one level only. An object that was looked at is the one that is visited, even if its name
 * leads to another object by then.
 */
import { hasCode } from "../../sys/libc.ts";
import { close } from "../../sys/open.ts";
import { statDescriptor, type Stat } from "../../sys/stat.ts";
import { transferErrors } from "../errors.ts";
import { Pacer } from "../pacer.ts";
import { awaited, items, type Flow } from "./flow.ts";
import { pathText, type TreePath } from "./path.ts";
import { DEEPEST, look, openDirectory } from "./safe-open.ts";
import { SortedNames } from "./sorted-names.ts";

/**
 * What the caller knows of `name` in `dirfd`, so that the walk need not open it, and gives this
 * when the name's turn comes. Undefined: the walk opens it, as it does every other name.
 */
export type Glance<T> = (path: TreePath, dirfd: number, name: Buffer) => T | undefined;

/** One step of a walk. */
export type Visit =
  /**
   * A directory, before its children. `fd` can be read. The first one is the root, whose path is
   * empty.
   */
  | { readonly kind: "enter"; readonly path: TreePath; readonly fd: number; readonly stat: Stat }
  /** The same directory after its children, with the `stat` from before them. */
  | { readonly kind: "leave"; readonly path: TreePath; readonly fd: number; readonly stat: Stat }
  /** An object that is no directory. */
  | Leaf
  /** Something is mounted at this name. The walk does not look at it. */
  | { readonly kind: "mount"; readonly path: TreePath }
  /** The name was there when the directory was read and is gone now. */
  | { readonly kind: "vanished"; readonly path: TreePath };

/** An object that is no directory. */
export interface Leaf {
  readonly kind: "leaf";
  readonly path: TreePath;
  /** An O_PATH descriptor. */
  readonly fd: number;
  readonly stat: Stat;
  /** A readable descriptor of the object that was opened ahead. */
  readonly opened: number | undefined;
}

/** What the caller does with leaves before their turn. */
export interface Ahead {
  /** Opens a leaf, if that saves time, and starts to read it. Does not throw. */
  open(leaf: Omit<Leaf, "opened">): number | undefined;
  /**
   * Whether `begin` starts to read many leaves at once. Then the walk does not look at one more
   * name at each step, but at many names after many steps.
   */
  readonly isTogether: boolean;
  /** Starts to read the leaves that were opened since the last call. Does not throw. */
  begin(): void;
}

/** The most leaves that are looked at ahead. Each may hold two descriptors. */
const AHEAD = 32;
/** With `isTogether`: the walk looks ahead again when no more than this many names remain. */
const AHEAD_LEAST = 16;

/** An object that was looked at, or is known, and not visited yet. Its descriptors are open. */
type Looked<T> =
  | Leaf
  | { readonly kind: "known"; readonly step: T }
  | { readonly kind: "directory"; readonly path: TreePath; readonly fd: number }
  | Nothing;
type Nothing = Extract<Visit, { kind: "mount" | "vanished" }>;

interface Level<T> {
  readonly path: TreePath;
  readonly fd: number;
  readonly stat: Stat;
  readonly names: SortedNames;
  next: number;
  last: Buffer | undefined;
  readonly ahead: Looked<T>[];
}

/**
 * Walks the tree below the directory `root`, which stays open. Rests from time to time, so that the
 * event loop runs.
 */
export function walk(root: number, signal: AbortSignal): AsyncGenerator<Visit, void> {
  return items(walkAhead(root, signal));
}

/** The same as a generator. Looks ahead if `ahead` is given. */
export function* walkAhead<T = never>(
  root: number,
  signal: AbortSignal,
  ahead?: Ahead,
  glance?: Glance<T>,
): Flow<Visit | T> {
  const pacer = new Pacer(signal);
  const levels: Level<T>[] = [];
  try {
    yield enter(levels, yield* level(openDirectory(root), [], pacer));
    for (;;) {
      const top = levels.at(-1);
      if (top === undefined) return;
      if (pacer.due) yield pacer.rest();
      const looked = nextOf(top, ahead, glance);
      if (looked === undefined) {
        yield { kind: "leave", path: top.path, fd: top.fd, stat: top.stat };
        levels.pop();
        close(top.fd);
      } else if (looked.kind === "known") {
        yield looked.step;
      } else if (looked.kind !== "directory") {
        try {
          yield looked;
        } finally {
          release(looked);
        }
      } else {
        let directory: number | undefined;
        try {
          if (levels.length > DEEPEST) throw transferErrors.TOO_DEEP({ path: pathText(looked.path), levels: DEEPEST });
          directory = orVanished(() => openDirectory(looked.fd));
        } finally {
          release(looked);
        }
        if (directory === undefined) yield { kind: "vanished", path: looked.path };
        else yield enter(levels, yield* level(directory, looked.path, pacer));
      }
    }
  } finally {
    for (const { ahead, fd } of levels) {
      for (const looked of ahead) release(looked);
      close(fd);
    }
  }
}

function* level<T>(fd: number, path: TreePath, pacer: Pacer): Flow<never, Level<T>> {
  let names: SortedNames | undefined;
  try {
    const stat = statDescriptor(fd);
    names = yield* awaited(SortedNames.read(fd, pacer));
    return { path, fd, stat, names, next: 0, last: undefined, ahead: [] };
  } finally {
    // This also runs when the walk is ended while the names are being read.
    if (names === undefined) close(fd);
  }
}

function enter<T>(levels: Level<T>[], level: Level<T>): Visit {
  levels.push(level);
  return { kind: "enter", path: level.path, fd: level.fd, stat: level.stat };
}

/** The next object of a directory, after looking ahead. The caller must release it. */
function nextOf<T>(level: Level<T>, ahead: Ahead | undefined, glance: Glance<T> | undefined): Looked<T> | undefined {
  if (ahead?.isTogether === true && level.ahead.length > AHEAD_LEAST) return level.ahead.shift();
  const count = ahead === undefined ? 1 : AHEAD;
  while (level.ahead.length < count && level.ahead.at(-1)?.kind !== "directory") {
    const name = level.names.at(level.next++);
    if (name === undefined) break;
    // A directory that changes while it is listed may give a name twice.
    if (level.last?.equals(name) === true) continue;
    level.last = name;
    const path = [...level.path, name];
    const step = glance?.(path, level.fd, name);
    level.ahead.push(step === undefined ? lookAt(level.fd, path, name, ahead) : { kind: "known", step });
  }
  ahead?.begin();
  return level.ahead.shift();
}

function lookAt(dirfd: number, path: TreePath, name: Buffer, ahead: Ahead | undefined): Looked<never> {
  let fd: number | undefined;
  try {
    fd = orVanished(() => look(dirfd, name));
  } catch (error) {
    if (hasCode(error, "EXDEV")) return { kind: "mount", path };
    throw error;
  }
  if (fd === undefined) return { kind: "vanished", path };
  try {
    const stat = statDescriptor(fd);
    if (stat.type === "directory") return { kind: "directory", path, fd };
    const leaf = { kind: "leaf", path, fd, stat } as const;
    return { ...leaf, opened: ahead?.open(leaf) };
  } catch (error) {
    close(fd);
    throw error;
  }
}

function release(looked: Looked<unknown>): void {
  if (!("fd" in looked)) return;
  close(looked.fd);
  if (looked.kind === "leaf" && looked.opened !== undefined) close(looked.opened);
}

function orVanished<T>(open: () => T): T | undefined {
  try {
    return open();
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
