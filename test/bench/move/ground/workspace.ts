/*
 * What a run leaves on the machine while it lasts: one directory, and the processes of the subject
 * that is measured. Both are gone when the run ends, also when it fails or is interrupted. Only
 * SIGKILL to the bench leaves the directory behind.
 */
import type { ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";

export class Workspace implements AsyncDisposable {
  readonly directory: string;
  readonly #children = new Set<ChildProcess>();

  private constructor(directory: string) {
    this.directory = directory;
    process.on("exit", this.#atExit);
  }

  /** Makes one below an existing directory. */
  static async make(parent: string): Promise<Workspace> {
    return new Workspace(await mkdtemp(join(parent, "mooring-bench-move-")));
  }

  readonly #atExit = (): void => {
    for (const child of this.#children) kill(child);
    // A process that is being killed may still write for a moment.
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  };

  /** Makes an empty directory; its name is free again when `remove` has ended. */
  async make(name: string): Promise<string> {
    const path = join(this.directory, name);
    await mkdir(path);
    return path;
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.directory, name), { recursive: true, force: true });
  }

  /**
   * Runs work on a child, which was started detached (it leads its own process group): the child
   * and what it has started do not outlive the work.
   */
  async with<T>(child: ChildProcess, work: () => Promise<T>): Promise<T> {
    const ended = new Promise<void>((resolve) => {
      child.once("close", () => {
        resolve();
      });
      child.once("error", () => {
        if (child.pid === undefined) resolve();
      });
    });
    this.#children.add(child);
    try {
      return await work();
    } finally {
      kill(child);
      await ended;
      this.#children.delete(child);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off("exit", this.#atExit);
    await rm(this.directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

function kill({ exitCode, pid, signalCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  process.kill(-pid, "SIGKILL");
}
