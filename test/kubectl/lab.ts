import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { systemClock } from "../../src/effects/node/clock.ts";
import { systemRandom } from "../../src/effects/node/random.ts";
import { LabApi, MemoryNodeFiles, ScriptedRuntime, serveLab, startControllers } from "../../src/lab/index.ts";
import { silentLog } from "../../src/observe/log.ts";
import { kubectlProgram } from "../cluster/binaries.ts";
import { run, type RunResult } from "../cluster/run.ts";

/** What every node of the lab is called. */
export const NODES = ["node-a", "node-b"] as const;

const LONGEST_MS = 180_000;

/** A lab over HTTPS with controllers, two nodes that play every container, and a stock kubectl. */
export class KubectlLab {
  readonly #argv: readonly string[];
  readonly #directory: string;
  readonly #stop: () => Promise<void>;

  private constructor(argv: readonly string[], directory: string, stop: () => Promise<void>) {
    this.#argv = argv;
    this.#directory = directory;
    this.#stop = stop;
  }

  static async start(): Promise<KubectlLab> {
    const kubectl = await kubectlProgram((line) => process.stderr.write(`${line}\n`));
    const deps = { clock: systemClock(), random: systemRandom(), log: silentLog };
    const api = new LabApi(deps, { strictRbac: true });
    const machines = NODES.map((name) => ({ name, files: new MemoryNodeFiles(), runtime: new ScriptedRuntime(deps) }));
    const controllers = startControllers({ ...deps, kube: api.kube() }, { machines });
    api.servePodLogs(controllers.podLogs);
    const tls = { cert: await pem("server"), key: await pem("server.key"), ca: await pem("ca") };
    const served = await serveLab(api, { tls, tokens: new Map() });
    const directory = await mkdtemp(join(tmpdir(), "mooring-kubectl-"));
    await writeFile(join(directory, "kubeconfig"), served.kubeconfig());
    return new KubectlLab(kubectl, directory, async () => {
      await controllers.stop();
      await served.close();
      await rm(directory, { recursive: true });
    });
  }

  /** Runs kubectl, whatever becomes of it. */
  async run(args: readonly string[], stdin?: string): Promise<RunResult> {
    return await run([...this.#argv, ...args], {
      env: this.#env,
      timeoutMs: LONGEST_MS,
      ...(stdin === undefined ? {} : { stdin }),
    });
  }

  /** Runs kubectl, which must succeed, and gives what it printed, without the last line's end. */
  async kubectl(args: string, stdin?: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(args.split(" "), stdin);
    if (code !== 0) throw new Error(`kubectl ${args} ended with ${String(code)}: ${stderr}`);
    return stdout.trimEnd();
  }

  /** Runs kubectl, which must fail, and gives what it complained. */
  async refused(args: string, stdin?: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(args.split(" "), stdin);
    if (code === 0) throw new Error(`kubectl ${args} succeeded: ${stdout}`);
    return stderr;
  }

  /** Starts a kubectl that does not end by itself. */
  follow(args: string): Following {
    return new Following([...this.#argv, ...args.split(" ")], this.#env);
  }

  /** Makes a program one that kubectl finds: `kubectl-NAME` is `kubectl NAME`. */
  async plugIn(name: string, file: string): Promise<void> {
    await symlink(file, join(this.#directory, `kubectl-${name}`));
  }

  async close(): Promise<void> {
    await this.#stop();
  }

  get #env(): Record<string, string> {
    const directory = this.#directory;
    const path = `${directory}:${process.env["PATH"] ?? ""}`;
    return { HOME: directory, KUBECONFIG: join(directory, "kubeconfig"), PATH: path };
  }
}

/** A kubectl that prints lines until it is ended. */
export class Following {
  readonly lines: string[] = [];
  readonly #child;
  readonly #listeners = new Set<() => void>();

  constructor([program = "", ...args]: readonly string[], env: Record<string, string>) {
    this.#child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        this.lines.push(line);
        for (const listener of this.#listeners) listener();
      });
    }
  }

  /** Waits for a line that matches. */
  async line(pattern: RegExp): Promise<string> {
    const found = (): string | undefined => this.lines.find((line) => pattern.test(line));
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no line matches ${String(pattern)}: ${this.lines.join("\n")}`));
      }, LONGEST_MS);
      const look = (): void => {
        const line = found();
        if (line === undefined) return;
        clearTimeout(timer);
        this.#listeners.delete(look);
        resolve(line);
      };
      this.#listeners.add(look);
      look();
    });
  }

  /** Resolves with its exit code. */
  async ended(): Promise<number> {
    if (this.#child.exitCode !== null) return this.#child.exitCode;
    return await new Promise((resolve) => {
      this.#child.once("exit", (code) => {
        resolve(code ?? -1);
      });
    });
  }

  async end(): Promise<void> {
    const ended = this.ended();
    this.#child.kill("SIGKILL");
    await ended;
  }
}

async function pem(name: string): Promise<string> {
  return await readFile(new URL(`../../src/observe/testing/pem/${name}.pem`, import.meta.url), "utf8");
}
