import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { programArgv } from "../child.ts";

/** A lab that serves in a process of its own. */
export interface LabProcess {
  readonly url: string;
  /** From the start of the process to its address. */
  readonly startMs: number;
  /** Resident memory in MiB: now, and at its highest. */
  memory(): { readonly now: number; readonly peak: number };
  stop(): Promise<void>;
}

/** Starts it. Rejects when it ends before it serves. */
export async function startLabProcess(): Promise<LabProcess> {
  const started = performance.now();
  const [program = "", ...args] = programArgv("lab-main.ts");
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
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
    memory: () => {
      const status = readFileSync(`/proc/${String(child.pid)}/status`, "utf8");
      const read = (field: string): number =>
        Math.round(Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) / 1024);
      return { now: read("VmRSS"), peak: read("VmHWM") };
    },
    stop: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
