/*
 * Removes a whole tree. The tenant may still swap names in it. So every name is first opened and
 * looked at, and a directory is emptied through the descriptor that was looked at. Nothing outside
 * the tree is removed: nothing behind a symlink, and nothing in another mount.
 *
 * It may be interrupted anywhere and run again. A missing object is no error.
 */
import { hasCode } from "../sys/libc.ts";
import { close, renameNoReplace, rmdirat, unlinkat } from "../sys/open.ts";
import { readDirectory } from "../sys/read-directory.ts";
import { statDescriptor } from "../sys/stat.ts";
import { transferErrors } from "./errors.ts";
import { Pacer } from "./pacer.ts";
import { pathText, type TreePath } from "./tree/path.ts";
import { look, openDirectory } from "./tree/safe-open.ts";

/**
 * A directory that lies deeper than this many levels is first moved up, because each level takes a
 * descriptor.
 */
const LEVELS_HELD = 500;
/** How often one name may lead to another object than the one that was just looked at. */
const ROUNDS = 1000;

interface Level {
  readonly parent: number;
  readonly name: Buffer;
  readonly path: TreePath;
  readonly fd: number;
  readonly names: Iterator<Buffer, void>;
  rounds: number;
}

/**
 * Removes `name` in the directory `dirfd`, and everything below it. Resolves when no object has the
 * name. `each` is called for every object that is no directory before it is removed, with its path
 * below `dirfd`.
 */
export async function purge(
  dirfd: number,
  name: Buffer | string,
  signal: AbortSignal,
  each: (path: TreePath) => void = () => undefined,
): Promise<void> {
  await new Purge(dirfd, signal, each).remove(Buffer.from(name));
}

class Purge {
  readonly #root: number;
  readonly #mount: bigint;
  readonly #pacer: Pacer;
  readonly #each: (path: TreePath) => void;
  readonly #levels: Level[] = [];
  #moved = 0;

  constructor(root: number, signal: AbortSignal, each: (path: TreePath) => void) {
    this.#root = root;
    this.#each = each;
    this.#mount = statDescriptor(root).mntId;
    this.#pacer = new Pacer(signal);
  }

  async remove(name: Buffer): Promise<void> {
    try {
      this.#take(this.#root, name, [name], 0);
      for (let top = this.#levels.at(-1); top !== undefined; top = this.#levels.at(-1)) {
        if (this.#pacer.due) await this.#pacer.rest();
        const next = top.names.next();
        if (next.done !== true) this.#take(top.fd, next.value, [...top.path, next.value], 0);
        else this.#finish(top);
      }
    } finally {
      for (const { fd } of this.#levels) close(fd);
    }
  }

  /** Removes a name that is no directory, and descends into one that is a directory. */
  #take(parent: number, name: Buffer, path: TreePath, rounds: number): void {
    for (let round = rounds; ; round++) {
      if (round > ROUNDS) throw transferErrors.PURGE_RACED({ path: pathText(path) });
      const directory = attempt(path, () => this.#lookForDirectory(parent, name, path));
      if (directory === "gone") return;
      if (directory === "no directory") {
        this.#each(path);
        const answer = attempt(path, () => {
          unlinkat(parent, name);
        });
        if (answer === "raced") continue;
        return;
      }
      if (directory === "raced") continue;
      if (directory === undefined) return;
      this.#levels.push({ parent, name, path, fd: directory, names: readDirectory(directory), rounds: round });
      return;
    }
  }

  #lookForDirectory(parent: number, name: Buffer, path: TreePath): number | "no directory" | undefined {
    const looked = look(parent, name);
    try {
      const { type, mntId } = statDescriptor(looked);
      if (mntId !== this.#mount) throw transferErrors.MOUNT_INSIDE({ path: pathText(path) });
      if (type !== "directory") return "no directory";
      if (this.#levels.length < LEVELS_HELD) return openDirectory(looked);
    } finally {
      close(looked);
    }
    this.#moveUp(parent, name);
    return undefined;
  }

  /**
   * Moves the object that has the name now into the first directory of this purge. That directory
   * is then read once more.
   */
  #moveUp(parent: number, name: Buffer): void {
    const [top] = this.#levels;
    if (top === undefined) return;
    top.rounds = 0;
    for (;;) {
      try {
        renameNoReplace(parent, name, top.fd, `.mooring-purge-${String(this.#moved++)}`);
        return;
      } catch (error) {
        if (!hasCode(error, "EEXIST")) throw error;
      }
    }
  }

  /**
   * Removes a directory that was emptied. If it has names again, or its name leads to another
   * object by now, it is taken again.
   */
  #finish(level: Level): void {
    const { parent, name, path, fd, rounds } = level;
    const answer = attempt(path, () => {
      rmdirat(parent, name);
    });
    this.#levels.pop();
    close(fd);
    if (answer === "raced") this.#take(parent, name, path, rounds + 1);
  }
}

/**
 * The result of the call. "gone": the name does not exist. "raced": the object is not the one that
 * was looked at, or has changed.
 */
function attempt<T>(path: TreePath, call: () => T): T | "gone" | "raced" {
  try {
    return call();
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "gone";
    if (hasCode(error, "ENOTEMPTY", "EEXIST", "EISDIR", "ENOTDIR", "ELOOP")) return "raced";
    if (hasCode(error, "EXDEV", "EBUSY")) throw transferErrors.MOUNT_INSIDE({ path: pathText(path) });
    throw error;
  }
}
