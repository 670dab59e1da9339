import { SetMap } from "../../kube/watch/set-map.ts";
import { overlaps } from "./paths.ts";

/**
 * Values by name, each with a directory. Finds those whose directory is a given one, contains it,
 * or is inside it. The cost grows with the depth of the path, not with the number of names. Paths
 * are absolute and clean.
 */
export class PathIndex<T> {
  readonly #entries = new Map<string, { readonly path: string; readonly value: T }>();
  /** Directory to the names at or below it, and to those exactly there. */
  readonly #atOrBelow = new SetMap<string, string>();
  readonly #exact = new SetMap<string, string>();

  /** A name has one directory: setting it again moves it. */
  set(name: string, path: string, value: T): void {
    if (this.#entries.get(name)?.path !== path) {
      this.delete(name);
      this.#exact.add(path, name);
      for (const directory of lineage(path)) this.#atOrBelow.add(directory, name);
    }
    this.#entries.set(name, { path, value });
  }

  get(name: string): T | undefined {
    return this.#entries.get(name)?.value;
  }

  delete(name: string): void {
    const path = this.#entries.get(name)?.path;
    if (path === undefined) return;
    this.#entries.delete(name);
    this.#exact.delete(path, name);
    for (const directory of lineage(path)) this.#atOrBelow.delete(directory, name);
  }

  near(path: string): readonly T[] {
    const names = new Set(this.#atOrBelow.get(path));
    for (const directory of lineage(path)) {
      for (const name of this.#exact.get(directory)) {
        if (overlaps(directory, path)) names.add(name);
      }
    }
    return [...names].flatMap((name) => {
      const entry = this.#entries.get(name);
      return entry === undefined ? [] : [entry.value];
    });
  }
}

/** The path itself and all directories above it. */
function lineage(path: string): string[] {
  const all = ["/"];
  for (let slash = path.indexOf("/", 1); slash > 0; slash = path.indexOf("/", slash + 1)) {
    all.push(path.slice(0, slash));
  }
  if (path !== "/") all.push(path);
  return all;
}
