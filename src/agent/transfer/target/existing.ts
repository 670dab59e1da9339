import { close } from "../../sys/open.ts";
import type { Pacer } from "../pacer.ts";
import { purge } from "../purge.ts";
import type { TreePath } from "../tree/path.ts";
import { look } from "../tree/safe-open.ts";
import { SortedNames } from "../tree/sorted-names.ts";

/**
 * Whether what has a name may stay. It is asked with an O_PATH descriptor of it, and gives that, or
 * another descriptor of it, when it stays.
 */
export type Keep = (found: number) => number | undefined | Promise<number | undefined>;

/**
 * What a directory of the target holds from before. The names that arrive and those that are there
 * both come in the order of their bytes, so one pass over both finds what has to go.
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
   * Reads the names of a directory. Its descriptor stays with the caller. `removes` hears of every
   * file that is removed, by its path below the directory.
   */
  static async read(dirfd: number, pacer: Pacer, removes: (path: TreePath) => void): Promise<Existing> {
    return new Existing(dirfd, await SortedNames.read(dirfd, pacer), removes);
  }

  /** Whether something is there that clearUpTo() would look at. */
  isAnyUpTo(name: Buffer): boolean {
    const existing = this.#names.at(this.#next);
    return existing !== undefined && Buffer.compare(existing, name) <= 0;
  }

  /** Removes what is there before `name`, and what has that name unless it stays. */
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

  /** Removes what comes after the last name. */
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
