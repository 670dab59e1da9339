import { close } from "../../sys/open.ts";
import type { Pacer } from "../pacer.ts";
import { purge } from "../purge.ts";
import type { TreePath } from "../tree/path.ts";
import { look } from "../tree/safe-open.ts";
import { SortedNames } from "../tree/sorted-names.ts";

/**
 * Decides whether an existing object may stay. It gets an O_PATH descriptor of the object. If the
 * object stays, it returns that descriptor, or another one of the same object.
 */
export type Keep = (found: number) => number | undefined | Promise<number | undefined>;

/**
 * The objects that a directory of the target already has. The arriving names and the existing ones
 * both come in the order of their bytes, so one pass over both finds the objects that must be
 * removed.
 */
export class Existing {
  readonly #dirfd: number;
  readonly #names: SortedNames;
  readonly #removes: (path: TreePath) => void;
  #next = 0;

  private constructor(dirfd: number, names: SortedNames, removes: (path: TreePath) => void) {
    this.#dirfd = dirfd;
    this.#names = names;
    this.#removes = removes;
  }

  /**
   * Reads the names of a directory. The caller closes its descriptor. `removes` is called with the
   * path below the directory of every removed object that is not a directory.
   */
  static async read(dirfd: number, pacer: Pacer, removes: (path: TreePath) => void): Promise<Existing> {
    return new Existing(dirfd, await SortedNames.read(dirfd, pacer), removes);
  }

  /** Whether there is an object that clearUpTo() would look at. */
  isAnyUpTo(name: Buffer): boolean {
    const existing = this.#names.at(this.#next);
    return existing !== undefined && Buffer.compare(existing, name) <= 0;
  }

  /**
   * Keeps the next object if it has this name and `stays`, which looks at that name in the
   * directory `dirfd`. False: nothing was done, and clearUpTo() decides.
   */
  keepNext(name: Buffer, stays: (dirfd: number) => boolean): boolean {
    if (!this.#names.isAt(this.#next, name) || !stays(this.#dirfd)) return false;
    this.#next += 1;
    return true;
  }

  /**
   * Removes the objects before `name`, and also the one with this name unless `keep` lets it stay.
   * Gives the descriptor from `keep`.
   */
  async clearUpTo(name: Buffer, signal: AbortSignal, keep?: Keep): Promise<number | undefined> {
    for (;;) {
      const existing = this.#names.at(this.#next);
      const order = existing === undefined ? 1 : Buffer.compare(existing, name);
      if (existing === undefined || order > 0) return undefined;
      this.#next += 1;
      const kept = order === 0 && keep !== undefined ? await keptAt(this.#dirfd, name, keep) : undefined;
      if (kept !== undefined) return kept;
      await purge(this.#dirfd, existing, signal, this.#removes);
    }
  }

  /** Removes the objects after the last name. */
  async clearRest(signal: AbortSignal): Promise<void> {
    for (;;) {
      const existing = this.#names.at(this.#next);
      if (existing === undefined) return;
      this.#next += 1;
      await purge(this.#dirfd, existing, signal, this.#removes);
    }
  }
}

async function keptAt(dirfd: number, name: Buffer, keep: Keep): Promise<number | undefined> {
  const found = look(dirfd, name);
  let kept: number | undefined;
  try {
    kept = await keep(found);
    return kept;
  } finally {
    if (kept !== found) close(found);
  }
}
