// One process of the product, as a container of a pod: it is started again when it ends, as a
// kubelet does with a container.
//
//   down ── start ──▶ up ── its program ends ──▶ down for some seconds ──▶ up
//                      └── kill, or the write after which it was to die ──▶ down until `start`
//
// Each life is a new process: new identity, empty memory, a connection of its own.
import type { Clock } from "../../src/effects/clock.ts";
import type { Random } from "../../src/effects/random.ts";
import type { Kube, KubeRequest } from "../../src/kube/kube.ts";
import { messageOf } from "../../src/observe/errors.ts";
import type { Log } from "../../src/observe/log.ts";
import type { Draw } from "./draw.ts";
import { Life } from "./life.ts";

/** What one process gets from outside. */
export interface ProcessEffects {
  readonly clock: Clock;
  readonly kube: Kube;
  readonly log: Log;
  readonly random: Random;
  readonly hostname: string;
  readonly life: Life;
  /** Carries out a write that does not go to the API server, unless the process dies of it. */
  readonly write: <T>(what: string, write: () => Promise<T>) => Promise<T>;
}

export interface ReplicaDeps {
  /** A connection as this replica; told of each life's number. */
  readonly connect: (life: number) => Kube;
  readonly clock: Clock;
  readonly draw: Draw;
  readonly log: Log;
  /** Runs the program until it ends. */
  readonly program: (effects: ProcessEffects) => Promise<void>;
}

/**
 * When a process dies of a write: `before` it reaches the server, or `after` it was carried out,
 * the answer unseen.
 */
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
    const { connect, clock, draw, log, program } = this.#deps;
    this.#lives += 1;
    this.#doom = undefined;
    const life: Life = new Life(
      this.#dying(connect(this.#lives), () => life),
      clock,
      () => {
        if (this.#life === life) this.#life = undefined;
      },
    );
    this.#life = life;
    log.info("started", { life: this.#lives });
    const end = (error?: unknown): void => {
      // A dead process reports nothing.
      if (life.state === "dead") return;
      life.kill();
      log.info("ended", { why: error === undefined ? "" : messageOf(error) });
      this.#cancelRestart = clock.after(draw.int(1_000, 10_000), () => {
        this.start();
      });
    };
    program({
      clock: life.clock,
      kube: life.kube,
      log,
      random: draw.random,
      hostname: this.name,
      life,
      write: (what, write) => life.hear(this.#write(what, write, life)),
    }).then(() => {
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

  #dying(kube: Kube, life: () => Life): Kube {
    return {
      stream: (request) => kube.stream(request),
      request: <T>(request: KubeRequest): Promise<T> => {
        const send = (): Promise<T> => kube.request<T>(request);
        return counts(request) ? this.#write(`${request.method} ${request.path}`, send, life()) : send();
      },
    };
  }

  async #write<T>(what: string, write: () => Promise<T>, life: Life): Promise<T> {
    if (life.state === "dead") return new Promise<never>(() => undefined);
    const doom = this.#doom;
    if (doom === undefined) return write();
    doom.left -= 1;
    if (doom.left !== 0) return write();
    this.#doom = undefined;
    if (doom.moment === "after") await write().catch(() => undefined);
    this.#deps.log.info("dies of a write", { moment: doom.moment, what });
    this.kill();
    return new Promise<never>(() => undefined);
  }
}

function counts({ method, path }: KubeRequest): boolean {
  return method !== "GET" && !/\/(leases|events|selfsubjectaccessreviews)(\/|$)/.test(path);
}
