import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Cluster } from "../cluster/cluster.ts";

/** How long a program may take to end. */
const STOP_MS = 15_000;

/**
 * A program that belongs to a cluster and dies with it at the latest. What it writes is a file
 * among the cluster's logs.
 */
export class Child {
  readonly #name: string;
  readonly #logFile: string;
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;
  #stopping = false;

  constructor(cluster: Cluster, name: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#name = name;
    this.#logFile = join(cluster.directory, "logs", `bench-${name}.log`);
    const [command = "", ...args] = argv;
    const log = openSync(this.#logFile, "a");
    this.#process = spawn(command, args, {
      stdio: ["ignore", log, log],
      env: { ...cluster.environment, ...env },
    });
    closeSync(log);
    this.#ended = new Promise((resolve) => {
      this.#process.once("exit", () => resolve());
      this.#process.once("error", () => resolve());
    });
  }

  /** Rejects when the program ends without having been asked to; never resolves. */
  async failure(): Promise<never> {
    await this.#ended;
    if (this.#stopping) return await new Promise(() => undefined);
    throw new Error(`${this.#name} has ended by itself; its last lines:\n${this.tail()}`);
  }

  /** Asks it to end and waits for that. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), STOP_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  /** Resident memory now, in MiB; undefined when it cannot be read. */
  residentMiB(): number | undefined {
    try {
      const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.#process.pid}/status`, "utf8"))?.[1];
      return kib === undefined ? undefined : Math.round(Number(kib) / 1024);
    } catch {
      return undefined;
    }
  }

  /** The end of what it has written. */
  tail(lines = 20): string {
    return readFileSync(this.#logFile, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
  }
}

/** The command line for a program of this directory's `programs`. */
export function programArgv(file: string, ...args: readonly string[]): string[] {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  return [process.execPath, "--import", tsx, fileURLToPath(new URL(`programs/${file}`, import.meta.url)), ...args];
}
