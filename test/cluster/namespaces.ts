import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MARK, type ClusterIdentity } from "./identity.ts";
import { SYSTEM_PATH } from "./packages.ts";
import { ManagedProcess } from "./process.ts";
import { waitFor } from "./wait.ts";

/** A script of init/. */
export function initScript(name: string): string {
  return fileURLToPath(new URL(`init/${name}.sh`, import.meta.url));
}

/** The environment of every process of a cluster; the mark is how teardown finds them. */
export function clusterEnvironment(identity: ClusterIdentity): Record<string, string> {
  return { PATH: SYSTEM_PATH, HOME: "/root", LANG: "C.UTF-8", [MARK]: identity.id };
}

/** Namespaces that live as long as their first process. */
export class Namespaces {
  readonly #process: ManagedProcess;
  readonly #directory: string;
  readonly #name: string;
  #pid: number | undefined;

  /**
   * `directory` is where the init script leaves the number of its process. With `inside`, the new
   * process namespace is nested in that one and dies with it.
   */
  constructor(spec: {
    name: string;
    identity: ClusterIdentity;
    directory: string;
    logFile: string;
    script: string;
    args: readonly string[];
    inside?: Namespaces;
  }) {
    this.#name = spec.name;
    this.#directory = spec.directory;
    const outer = spec.inside === undefined ? [] : spec.inside.enter(["pid"]);
    const unshare = ["unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"];
    this.#process = new ManagedProcess({
      name: `${spec.name} init`,
      argv: [...outer, ...unshare, "--propagation", "private", "--", "sh", spec.script, ...spec.args],
      env: clusterEnvironment(spec.identity),
      logFile: spec.logFile,
      forks: true,
    });
  }

  get alive(): boolean {
    return this.#process.running && this.#pid !== undefined;
  }

  /** The first process of the namespaces, as the caller numbers it. */
  get pid(): number {
    if (!this.alive || this.#pid === undefined) throw new Error(`${this.#name} is dead`);
    return this.#pid;
  }

  /**
   * Makes them and waits until the script says with `ready` (a file as seen from inside) that all
   * is set up.
   */
  async start(ready: (pid: number) => string): Promise<void> {
    const pidFile = join(this.#directory, "init.pid");
    await rm(pidFile, { force: true });
    await this.#process.start();
    this.#pid = await waitFor(
      `the namespaces of ${this.#name}`,
      async () => {
        await this.#process.mustRun();
        const pid = Number(await readFile(pidFile, "utf8"));
        await readFile(ready(pid));
        return pid;
      },
      { timeoutMs: 120_000, everyMs: 10 },
    );
  }

  /** The beginning of an argument vector that runs the rest of it in these namespaces. */
  enter(which: readonly ("mount" | "uts" | "ipc" | "net" | "pid" | "cgroup")[]): string[] {
    return ["nsenter", `--target=${this.pid}`, ...which.map((name) => `--${name}`), "--"];
  }

  /** SIGKILL to the first process: the kernel ends all others before that one is gone. */
  async kill(): Promise<void> {
    if (!this.#process.running) return;
    if (this.#pid === undefined) return await this.#process.kill();
    process.kill(this.#pid, "SIGKILL");
    await waitFor(`${this.#name} to die`, () => (this.#process.running ? undefined : true), {
      timeoutMs: 120_000,
      everyMs: 10,
    });
    this.#pid = undefined;
  }
}
