import type { Stat } from "../../sys/stat.ts";
import type { TreePath } from "./path.ts";

/**
 * Remembers the path under which each object with several names came first. It grows with the
 * number of such objects.
 */
export class Links {
  readonly #first = new Map<string, TreePath>();

  /**
   * The path under which the object came first. Undefined if it comes first now, and for an object
   * with one name.
   */
  before(stat: Stat, path: TreePath): TreePath | undefined {
    if (stat.nlink < 2) return undefined;
    const key = keyOf(stat);
    const first = this.#first.get(key);
    if (first === undefined) this.#first.set(key, path);
    return first;
  }

  /** Forgets an object: it was left out under the name that came first. */
  forget(stat: Stat): void {
    this.#first.delete(keyOf(stat));
  }
}

function keyOf({ dev, ino }: Stat): string {
  return `${String(dev.major)}:${String(dev.minor)}:${String(ino)}`;
}
