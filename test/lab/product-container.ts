// A container of the product's image whose program runs in this process, on virtual time.
//
//   running ── SIGTERM ──▶ ending ── its program has returned, or the grace has passed ──▶ exited
//      └───────── SIGKILL ──────────▶ exited at once: nothing of it runs on
import { Registry } from "prom-client";
import { runClassic } from "../../src/programs/classic/start.ts";
import { parseCommandLine } from "../../src/classic/settings/options.ts";
import type { Clock } from "../../src/effects/clock.ts";
import type { Files } from "../../src/effects/files.ts";
import type { Random } from "../../src/effects/random.ts";
import type { Kube } from "../../src/kube/kube.ts";
import { KubeMetrics } from "../../src/kube/metrics.ts";
import type { ContainerExit, ContainerHandle, ContainerRun, Mount, NodeFiles } from "../../src/lab/index.ts";
import { background } from "../../src/observe/background.ts";
import { messageOf } from "../../src/observe/errors.ts";
import { silentLog } from "../../src/observe/log.ts";
import { pinoLog } from "../../src/observe/pino.ts";
import type { HttpHandler } from "../../src/observe/server.ts";
import { Life } from "../faults/life.ts";

export interface ProductContainerDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** The API server, as the pod's ServiceAccount. */
  readonly kube: Kube;
}

export class ProductContainer implements ContainerHandle {
  readonly startedAt: number;
  readonly readyAfterMs = 0;
  readonly #clock: Clock;
  readonly #life: Life;
  readonly #stop = new AbortController();
  readonly #waiting: ((exit: ContainerExit) => void)[] = [];
  #handlers: Readonly<Record<string, HttpHandler>> = {};
  #exit: ContainerExit | undefined;
  #log = "";

  constructor(deps: ProductContainerDeps, run: ContainerRun) {
    const { clock, random, kube } = deps;
    this.#clock = clock;
    this.startedAt = clock.now();
    this.#life = new Life(kube, clock, () => this.#end(137));
    const { container, pod } = run;
    const [, ...args] = [...(container.command ?? []), ...(container.args ?? [])];
    const command = parseCommandLine(args, run.env, "virtual");
    if (command.kind !== "start") throw new Error(`${args.join(" ")} does not start the product`);
    const write = (line: string): void => {
      this.#log += line;
    };
    const log = pinoLog({ level: command.options.debug ? "debug" : "info", destination: { write } });
    const registry = new Registry();
    const program = runClassic(
      command.options,
      {
        clock: this.#life.clock,
        random,
        kube: this.#life.kube,
        files: mountedFiles(run.mounts, run.files),
        log,
        hostname: pod.metadata?.name ?? "",
        registry,
        metrics: new KubeMetrics(registry),
        serve: (_options, handlers) => {
          this.#handlers = handlers;
          return Promise.resolve({ port: command.options.healthPort, close: () => Promise.resolve() });
        },
      },
      this.#stop.signal,
    );
    const ended = program.then(
      () => this.#end(0),
      (error: unknown) => {
        log.fatal(`Error starting daemon: ${messageOf(error)}`, { err: error });
        this.#end(1);
      },
    );
    void background(silentLog, "product", ended);
  }

  get exit(): ContainerExit | undefined {
    return this.#exit;
  }

  exited(): Promise<ContainerExit> {
    if (this.#exit !== undefined) return Promise.resolve(this.#exit);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  stop(graceMs: number): void {
    if (this.#exit !== undefined) return;
    if (graceMs <= 0) {
      this.#life.kill();
      return;
    }
    this.#stop.abort(new Error("the process is to stop"));
    this.#clock.after(graceMs, () => this.#life.kill());
  }

  log(): string {
    return this.#log;
  }

  /** One GET of its health port. */
  async ask(path: string): Promise<{ readonly ok: boolean; readonly text: string }> {
    const answer = await this.#handlers[path]?.({ method: "GET" });
    if (answer === undefined) return { ok: false, text: "404 page not found" };
    return { ok: answer.status < 300, text: answer.body };
  }

  #end(code: number): void {
    if (this.#exit !== undefined) return;
    this.#exit = { code, at: this.#clock.now() };
    this.#life.kill();
    for (const resolve of this.#waiting.splice(0)) resolve(this.#exit);
  }
}

/** The files that a container sees: those below its mounts. */
function mountedFiles(mounts: readonly Mount[], node: NodeFiles): Files {
  const onNode = (path: string): string => {
    const mount = mounts.find(({ mountPath }) => path.startsWith(mountPath.replace(/\/*$/, "/")));
    return mount === undefined ? "/nowhere" : `${mount.source}/${path.slice(mount.mountPath.length)}`;
  };
  return {
    readText: async (path) => {
      const text = await node.readText(onNode(path));
      if (text === undefined)
        throw Object.assign(new Error(`ENOENT: no such file, open '${path}'`), { code: "ENOENT" });
      return text;
    },
    exists: async (path) => (await node.kind(onNode(path))) !== undefined,
  };
}
