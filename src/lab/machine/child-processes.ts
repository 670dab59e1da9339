import { spawn } from "node:child_process";
import { constants } from "node:os";
import { Guard } from "./guard.ts";
import type { ProcessRunner, RunningProcess } from "../kubelet/process-runtime.ts";

/** Of what a container has written so much is kept, from its end. */
const KEPT = 1_000_000;

/** Runs containers' programs as child processes in groups of their own, so that what a script has started ends with it. */
export class ChildProcesses implements ProcessRunner {
  /** Process group → its end. */
  readonly #groups = new Map<number, Promise<number>>();
  readonly #directory: string | undefined;
  #guard: Guard | undefined;

  /** `directory`: removed when this process dies without having ended what it started. */
  constructor(directory?: string) {
    this.#directory = directory;
  }

  start({ argv, env, cwd }: Parameters<ProcessRunner["start"]>[0]): Promise<RunningProcess> {
    const [file = "", ...args] = argv;
    return new Promise((resolve, reject) => {
      const child = spawn(file, args, {
        cwd,
        detached: true,
        env: { PATH: process.env["PATH"], HOME: cwd, LC_ALL: "C.UTF-8", ...env },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let output = "";
      const read = (chunk: Buffer): void => {
        output += chunk.toString("utf8");
        if (output.length > 2 * KEPT) output = output.slice(-KEPT);
      };
      child.stdout.on("data", read);
      child.stderr.on("data", read);
      const exited = new Promise<number>((ended) => {
        // Not "close": a grandchild that holds the pipe open is no part of the container any more.
        child.once("exit", (code, signal) => {
          const group = child.pid ?? 0;
          this.#kill(group, "SIGKILL");
          this.#groups.delete(group);
          this.#guard?.remove(group);
          // What is still in the pipe belongs to the log.
          setImmediate(() => ended(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
        });
      });
      child.once("error", reject);
      child.once("spawn", () => {
        const group = child.pid ?? 0;
        this.#groups.set(group, exited);
        this.#guard ??= new Guard(this.#directory);
        this.#guard.add(group);
        resolve({ exited, output: () => output, kill: (signal) => this.#kill(group, signal) });
      });
    });
  }

  /** Ends everything that was started and has not ended. For the end of this process, also an early one. */
  killAll(): void {
    for (const group of this.#groups.keys()) this.#kill(group, "SIGKILL");
  }

  /** Resolves when all that were killed have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#groups.values());
    await this.#guard?.close();
    this.#guard = undefined;
  }

  #kill(group: number, signal: NodeJS.Signals): void {
    if (group === 0) return;
    try {
      process.kill(-group, signal);
    } catch {
      // Nobody of the group is left.
    }
  }
}
