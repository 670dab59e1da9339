import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { isMissing } from "../../effects/files.ts";
import type { NodeFiles } from "../kubelet/node-files.ts";

/**
 * A node's files as a directory of this machine: the node's `/opt` is `<root>/opt`. What is written
 * is for the user who runs the lab alone.
 */
export class DirectoryFiles implements NodeFiles {
  readonly #root: string;
  #writes = 0;

  constructor(root: string) {
    this.#root = resolve(root);
  }

  async kind(path: string): Promise<"directory" | "file" | "other" | undefined> {
    try {
      const found = await stat(this.onMachine(path));
      if (found.isDirectory()) return "directory";
      return found.isFile() ? "file" : "other";
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async makeDirectories(path: string): Promise<void> {
    await mkdir(this.onMachine(path), { recursive: true });
  }

  async readText(path: string): Promise<string | undefined> {
    try {
      return await readFile(this.onMachine(path), "utf8");
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async writeText(path: string, text: string): Promise<void> {
    const target = this.onMachine(path);
    const unfinished = join(dirname(target), `.${this.#writes++}.unfinished`);
    await writeFile(unfinished, text, { mode: 0o600 });
    await rename(unfinished, target);
  }

  async remove(path: string): Promise<void> {
    await rm(this.onMachine(path), { recursive: true, force: true });
  }

  /** Throws for a path that leads out of the node. */
  onMachine(path: string): string {
    const found = join(this.#root, path);
    if (found !== this.#root && !found.startsWith(this.#root + sep)) throw new Error(`${path} leads out of the node`);
    return found;
  }
}
