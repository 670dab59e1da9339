import { overlaps } from "./paths.ts";

/**
 * Values by name, each at a directory: finds those whose directory is, contains or lies in a given
 * one. An answer costs the depth of the path, not the number of names. Paths are absolute and
 * clean.
 */
export class PathIndex<T> {
  readonly #entries = new Map<string, { readonly path: string; readonly value: T }>();
  /** Directory to the names at or below it, and to those exactly there. */
  readonly #atOrBelow = new Map<string, Set<string>>();
  readonly #exact = new Map<string, Set<string>>();

  /** A name has one directory: setting it again moves it. */
  set(name: string, path: string, value: T): void {
    if (this.#entries.get(name)?.path !== path) {
      this.delete(name);
      add(this.#exact, path, name);
      for (const directory of lineage(path)) add(this.#atOrBelow, directory, name);
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
    drop(this.#exact, path, name);
    for (const directory of lineage(path)) drop(this.#atOrBelow, directory, name);
  }

  near(path: string): readonly T[] {
    const names = new Set(this.#atOrBelow.get(path));
    for (const directory of lineage(path)) {
      for (const name of this.#exact.get(directory) ?? []) {
        if (overlaps(directory, path)) names.add(name);
      }
    }
    return [...names].flatMap((name) => {
      const entry = this.#entries.get(name);
      return entry === undefined ? [] : [entry.value];
    });
  }
}

function add(index: Map<string, Set<string>>, directory: string, name: string): void {
  const names = index.get(directory);
  if (names === undefined) index.set(directory, new Set([name]));
  else names.add(name);
}

function drop(index: Map<string, Set<string>>, directory: string, name: string): void {
  const names = index.get(directory);
  names?.delete(name);
  if (names?.size === 0) index.delete(directory);
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
