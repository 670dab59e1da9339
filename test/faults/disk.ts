import { MemoryNodeFiles, type NodeFiles } from "../../src/lab/index.ts";
import type { Trace } from "./trace.ts";

/**
 * The disk of a node in memory. Every change is in the trace, and the guard is called before
 * something is removed.
 */
export class Disk implements NodeFiles {
  readonly name: string;
  readonly #files = new MemoryNodeFiles();
  readonly #trace: Trace;
  readonly #guard: (path: string) => void;

  constructor(name: string, trace: Trace, guard: (path: string) => void) {
    this.name = name;
    this.#trace = trace;
    this.#guard = guard;
  }

  kind(path: string): ReturnType<NodeFiles["kind"]> {
    return this.#files.kind(path);
  }

  readText(path: string): ReturnType<NodeFiles["readText"]> {
    return this.#files.readText(path);
  }

  makeDirectories(path: string): Promise<void> {
    this.#trace.add(this.name, () => `mkdir -p ${path}`);
    return this.#files.makeDirectories(path);
  }

  writeText(path: string, text: string): Promise<void> {
    this.#trace.add(this.name, () => `write ${path} ${JSON.stringify(text)}`);
    return this.#files.writeText(path, text);
  }

  remove(path: string): Promise<void> {
    this.#trace.add(this.name, () => `rm -r ${path}`);
    this.#guard(path);
    return this.#files.remove(path);
  }

  onMachine(path: string): string {
    return path;
  }

  isDirectory(path: string): boolean {
    return this.#files.isDirectory(path);
  }

  text(path: string): string | undefined {
    return this.#files.text(path);
  }

  names(path: string): readonly string[] {
    return this.#files.names(path);
  }
}
