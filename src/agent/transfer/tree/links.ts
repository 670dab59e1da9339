import type { Stat } from "../../sys/stat.ts";
import type { TreePath } from "./path.ts";

/**
 * Remembers where each object with several names was met first. The only table that grows with the
 * tree.
 */
export class Links {
  readonly #first = new Map<string, TreePath>();

  /**
   * The path under which the object was met before; undefined the first time, and for what has one
   * name.
   */
  before(stat: Stat, path: TreePath): TreePath | undefined {
    if (stat.nlink < 2) return undefined;
    const key = keyOf(stat);
    const first = this.#first.get(key);
    if (first === undefined) this.#first.set(key, path);
    return first;
  }

  /** The object was left out under the name under which it was met. */
  forget(stat: Stat): void {
    this.#first.delete(keyOf(stat));
  }
}

function keyOf({ dev, ino }: Stat): string {
  return `${String(dev.major)}:${String(dev.minor)}:${String(ino)}`;
}
