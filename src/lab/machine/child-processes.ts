import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { constants } from "node:os";
import type { ProcessRunner, RunningProcess } from "../kubelet/runtimes/process-runtime.ts";
import { Guard } from "./guard.ts";
import { CONTAINER_VARIABLE, killStragglers } from "./stragglers.ts";

/** How many characters of a container's output are kept: the last ones. */
const KEPT = 1_000_000;
/** How long the pipes are read after the end: a process that we cannot find may hold them open. */
const LAST_WORDS_MS = 500;

/**
 * Runs containers' programs as child processes in groups of their own, so that what a script has
 * started ends with it, also what has left the group.
 */
export class ChildProcesses implements ProcessRunner {
  /** Process group → its end. */
  readonly #groups = new Map<number, Promise<number>>();
  readonly #id = randomUUID();
  readonly #guard: Guard;
  readonly #isOwnGuard: boolean;
  #started = 0;

  /**
   * `guard` ends the child processes when this process dies without having done so. The caller
   * closes it. @default one of its own
   */
  constructor(guard?: Guard) {
    this.#guard = guard ?? new Guard();
    this.#isOwnGuard = guard === undefined;
    this.#guard.mark(this.#id);
  }

  start({ argv, env, cwd }: Parameters<ProcessRunner["start"]>[0]): Promise<RunningProcess> {
    const [file = "", ...args] = argv;
    const marker = `${this.#id}/${String(this.#started++)}/`;
    return new Promise((resolve, reject) => {
      const child = spawn(file, args, {
        cwd,
        detached: true,
        env: { PATH: process.env["PATH"], HOME: cwd, LC_ALL: "C.UTF-8", ...env, [CONTAINER_VARIABLE]: marker },
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
        // "close" comes when the pipes are at their end as well: what is in them belongs to the
        // log.
        const closed = once(child, "close");
        child.once("exit", (code, signal) => {
          const group = child.pid ?? 0;
          this.#kill(-group);
          const finish = async (): Promise<void> => {
            await killStragglers(marker);
            const limit = new AbortController();
            const timer = setTimeout(() => limit.abort(), LAST_WORDS_MS);
            await Promise.race([closed, once(limit.signal, "abort")]);
            clearTimeout(timer);
            child.stdout.destroy();
            child.stderr.destroy();
            this.#groups.delete(group);
            this.#guard.remove(group);
            ended(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
          };
          void finish();
        });
      });
      child.once("error", reject);
      child.once("spawn", () => {
        const group = child.pid ?? 0;
        this.#groups.set(group, exited);
        this.#guard.add(group);
        resolve({ exited, output: () => output, kill: (signal) => this.#signal(group, signal) });
      });
    });
  }

  /**
   * Ends everything that was started and has not ended. For the end of this process, also an early
   * one.
   */
  killAll(): void {
    for (const group of this.#groups.keys()) this.#kill(-group);
  }

  /**
   * Resolves when all that were killed have ended, with the process ids of those that could not be.
   */
  async ended(): Promise<readonly number[]> {
    await Promise.all(this.#groups.values());
    const left = await killStragglers(this.#id);
    if (this.#isOwnGuard) await this.#guard.close();
    return left;
  }

  /** As a container runtime does: SIGTERM goes to the first process only, SIGKILL to all. */
  #signal(group: number, signal: "SIGTERM" | "SIGKILL"): void {
    if (signal === "SIGKILL") this.#kill(-group);
    else this.#kill(group, signal);
  }

  #kill(target: number, signal: NodeJS.Signals = "SIGKILL"): void {
    if (target === 0) return;
    try {
      process.kill(target, signal);
    } catch {
      // Nobody of the group is left.
    }
  }
}
