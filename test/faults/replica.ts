// One replica of the product's Deployment: a process that is started again when it ends, as a kubelet does with a container.
//
//   down ── start ──▶ up ── its program ends ──▶ down for some seconds ──▶ up
//                      └── kill, or the write after which it was to die ──▶ down until `start`
//
// Each life is a new process: new identity, empty memory, a connection of its own.
import { Registry } from "prom-client";
import { runClassic } from "../../src/bin/classic/start.ts";
import type { StartOptions } from "../../src/classic/options.ts";
import type { Clock } from "../../src/effects/clock.ts";
import type { Files } from "../../src/effects/files.ts";
import type { Kube, KubeRequest } from "../../src/kube/kube.ts";
import { KubeMetrics } from "../../src/kube/metrics.ts";
import { messageOf } from "../../src/observe/errors.ts";
import type { Log } from "../../src/observe/log.ts";
import type { Draw } from "./draw.ts";
import { Life } from "./life.ts";

export interface ReplicaDeps {
  /** A connection as this replica; told of each life's number. */
  readonly connect: (life: number) => Kube;
  readonly clock: Clock;
  readonly draw: Draw;
  readonly files: Files;
  readonly log: Log;
  readonly options: StartOptions;
}

/** When a process dies of a write: `before` it reaches the server, or `after` it was carried out, the answer unseen. */
export type Moment = "before" | "after";

export class Replica {
  readonly name: string;
  readonly #deps: ReplicaDeps;
  #life: Life | undefined;
  #lives = 0;
  #doom: { left: number; readonly moment: Moment } | undefined;
  #cancelRestart: () => void = () => undefined;

  constructor(name: string, deps: ReplicaDeps) {
    this.name = name;
    this.#deps = deps;
  }

  get isUp(): boolean {
    return this.#life !== undefined;
  }

  /** Starts it, unless it is up. */
  start(): void {
    this.#cancelRestart();
    if (this.#life !== undefined) return;
    const { connect, clock, draw, files, log, options } = this.#deps;
    this.#lives += 1;
    this.#doom = undefined;
    const life = new Life(this.#dying(connect(this.#lives)), clock, () => {
      if (this.#life === life) this.#life = undefined;
    });
    this.#life = life;
    log.info("started", { life: this.#lives });
    const registry = new Registry();
    const surroundings = {
      clock: life.clock,
      random: draw.random,
      files,
      log,
      hostname: this.name,
      kube: life.kube,
      registry,
      metrics: new KubeMetrics(registry),
      serve: () => Promise.resolve({ port: options.healthPort, close: () => Promise.resolve() }),
    };
    const end = (error?: unknown): void => {
      // Of a dead process nothing is heard.
      if (life.state === "dead") return;
      life.kill();
      log.info("ended", { why: error === undefined ? "" : messageOf(error) });
      this.#cancelRestart = clock.after(draw.int(1_000, 10_000), () => {
        this.start();
      });
    };
    runClassic(options, surroundings, new AbortController().signal).then(() => {
      end();
    }, end);
  }

  /** SIGKILL. It stays down until `start`. */
  kill(): void {
    this.#cancelRestart();
    this.#life?.kill();
  }

  /** Lets it die of its `count`-th write from now on: leases and events do not count. */
  killAtWrite(count: number, moment: Moment): void {
    this.#doom = { left: count, moment };
  }

  pause(): void {
    this.#life?.pause();
  }

  resume(): void {
    this.#life?.resume();
  }

  #dying(kube: Kube): Kube {
    return {
      stream: (request) => kube.stream(request),
      request: async <T>(request: KubeRequest): Promise<T> => {
        const doom = this.#doom;
        if (doom === undefined || !counts(request)) return kube.request<T>(request);
        doom.left -= 1;
        if (doom.left !== 0) return kube.request<T>(request);
        this.#doom = undefined;
        if (doom.moment === "after") await kube.request(request).catch(() => undefined);
        this.#deps.log.info("dies of a write", { moment: doom.moment, method: request.method, path: request.path });
        this.kill();
        return new Promise<never>(() => undefined);
      },
    };
  }
}

function counts({ method, path }: KubeRequest): boolean {
  return method !== "GET" && !/\/(leases|events|selfsubjectaccessreviews)(\/|$)/.test(path);
}
