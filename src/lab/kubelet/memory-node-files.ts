import type { NodeFiles } from "./node-files.ts";

/** A node's files in memory: directories and texts. */
export class MemoryNodeFiles implements NodeFiles {
  /** Path → text, or undefined for a directory. */
  readonly #entries = new Map<string, string | undefined>([["/", undefined]]);

  kind(path: string): Promise<"directory" | "file" | undefined> {
    const key = normal(path);
    if (!this.#entries.has(key)) return Promise.resolve(undefined);
    return Promise.resolve(this.#entries.get(key) === undefined ? "directory" : "file");
  }

  makeDirectories(path: string): Promise<void> {
    const parts = normal(path).split("/").slice(1);
    for (let count = 1; count <= parts.length; count += 1) {
      const key = `/${parts.slice(0, count).join("/")}`;
      if (this.#entries.get(key) !== undefined) return Promise.reject(new Error(`${key} is not a directory`));
      this.#entries.set(key, undefined);
    }
    return Promise.resolve();
  }

  readText(path: string): Promise<string | undefined> {
    return Promise.resolve(this.text(path));
  }

  writeText(path: string, text: string): Promise<void> {
    const key = normal(path);
    const parent = key.slice(0, key.lastIndexOf("/")) || "/";
    if (!this.#entries.has(parent)) return Promise.reject(new Error(`${parent} is not there`));
    this.#entries.set(key, text);
    return Promise.resolve();
  }

  remove(path: string): Promise<void> {
    const key = normal(path);
    for (const entry of this.#entries.keys()) {
      if (entry === key || entry.startsWith(`${key}/`)) this.#entries.delete(entry);
    }
    return Promise.resolve();
  }

  onMachine(path: string): string {
    return path;
  }

  /** The text of a file, or undefined. */
  text(path: string): string | undefined {
    return this.#entries.get(normal(path));
  }

  isDirectory(path: string): boolean {
    const key = normal(path);
    return this.#entries.has(key) && this.#entries.get(key) === undefined;
  }

  /** Names of what is directly in a directory, sorted. */
  names(path: string): readonly string[] {
    const key = normal(path);
    const prefix = key === "/" ? "/" : `${key}/`;
    return [...this.#entries.keys()]
      .filter((entry) => entry !== "/" && entry.startsWith(prefix) && !entry.slice(prefix.length).includes("/"))
      .map((entry) => entry.slice(prefix.length))
      .sort();
  }
}

function normal(path: string): string {
  return `/${path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/")}`;
}
