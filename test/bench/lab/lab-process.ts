import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { programArgv } from "../child.ts";
import { memoryOf } from "../memory-of.ts";

/** A lab that serves in a process of its own. */
export interface LabProcess {
  readonly url: string;
  /** From the start of the process to its address. */
  readonly startMs: number;
  /** Resident memory in MiB: now, and at its highest. */
  memory(): { readonly now: number; readonly peak: number };
  stop(): Promise<void>;
}

/**
 * Starts it, by default an empty one. `program` is one of `programs`. Rejects when it ends before
 * it serves.
 */
export async function startLabProcess(program = "lab-main.ts", options: readonly string[] = []): Promise<LabProcess> {
  const started = performance.now();
  const [node = "", ...args] = programArgv(program, ...options);
  const child = spawn(node, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => {
      resolve();
    });
  });
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve);
    child.once("exit", (code) => {
      reject(new Error(`the lab has ended with ${String(code)}`));
    });
  });
  const startMs = performance.now() - started;
  return {
    url,
    startMs,
    memory: () => memoryOf(child.pid),
    stop: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
