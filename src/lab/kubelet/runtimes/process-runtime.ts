import type { Clock } from "../../../effects/clock.ts";
import { background } from "../../../observe/background.ts";
import type { Log } from "../../../observe/log.ts";
import { containerName, programOf, type ContainerProgram } from "./container-program.ts";
import type { ImagePlayer } from "./image-player.ts";
import {
  ContainerRegistry,
  type ContainerExit,
  type ContainerHandle,
  type ContainerRun,
  type ContainerRuntime,
} from "./runtime.ts";

/** Starts programs that run beside this one, handed in. */
export interface ProcessRunner {
  /** Starts `argv[0]` in a process group of its own. Rejects when it cannot be started. */
  start(program: ContainerProgram): Promise<RunningProcess>;
}

export interface RunningProcess {
  /** Resolves with the exit code, 128 + the signal's number when it was killed. */
  readonly exited: Promise<number>;
  /** What it has written so far, both streams as they came. */
  output(): string;
  /** SIGTERM goes to the process only, SIGKILL also to everything that it has started. */
  kill(signal: "SIGTERM" | "SIGKILL"): void;
}

export interface ProcessRuntimeOptions {
  /**
   * Whether a container of this image can be played by this machine's own programs. @default
   * busybox, alpine, debian and ubuntu
   */
  readonly canPlay?: (image: string) => boolean;
  /** Images that are played by programs of their own; asked first, in order. */
  readonly players?: readonly ImagePlayer[];
  /** Called with a sentence about each container that does not run as it would in a cluster. */
  readonly timeline?: (line: string) => void;
}

const PLAYABLE = /(^|[/-])(busybox|alpine|debian|ubuntu)([:@]|$)/;

/**
 * Plays containers as child processes of this one. An image it cannot play becomes a container that
 * is Ready and does nothing.
 */
export class ProcessRuntime implements ContainerRuntime {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #runner: ProcessRunner;
  readonly #options: ProcessRuntimeOptions;
  readonly #registry = new ContainerRegistry();

  constructor(
    deps: { readonly clock: Clock; readonly log: Log; readonly runner: ProcessRunner },
    options: ProcessRuntimeOptions = {},
  ) {
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#runner = deps.runner;
    this.#options = options;
  }

  async start(run: ContainerRun): Promise<ContainerHandle> {
    const handle = await this.#start(run);
    this.#registry.keep(run, handle);
    return handle;
  }

  find(podUid: string, container: string): ContainerHandle | undefined {
    return this.#registry.find(podUid, container);
  }

  log(podKey: string, container: string | undefined): string | undefined {
    return this.#registry.log(podKey, container);
  }

  /** The containers that have not ended. */
  running(): ContainerRun[] {
    return this.#registry.running();
  }

  forget(podUid: string): void {
    this.#registry.forget(podUid);
  }

  /**
   * SIGKILL to the containers of the newest pod of this name (namespace/name); resolves when they
   * have ended.
   */
  killPod(podKey: string): Promise<void> {
    return this.#registry.kill(podKey);
  }

  pods(): readonly string[] {
    return this.#registry.pods();
  }

  killPodOf(podUid: string): void {
    this.#registry.killPodOf(podUid);
  }

  killAll(): void {
    this.#registry.killAll();
  }

  async #start(run: ContainerRun): Promise<ContainerHandle> {
    const { command = [], image = "" } = run.container;
    const { canPlay = (name: string): boolean => PLAYABLE.test(name), players = [], timeline } = this.#options;
    const handle = new ProcessContainer(this.#clock, this.#log);
    const player = players.find((each) => each.plays(image));
    if (player === undefined && (!canPlay(image) || command.length === 0)) {
      timeline?.(`${containerName(run)}: ${image} is not played, it is Ready and does nothing`);
      return handle;
    }
    try {
      handle.attach(await this.#runner.start(await programOf(run, player)));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      timeline?.(`${containerName(run)}: not started: ${message}`);
      handle.end({ code: 128, reason: "StartError", message });
    }
    return handle;
  }
}

class ProcessContainer implements ContainerHandle {
  readonly startedAt: number;
  readonly readyAfterMs = 0;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #waiting: ((exit: ContainerExit) => void)[] = [];
  #process: RunningProcess | undefined;
  #exit: ContainerExit | undefined;
  #cancel: () => void = () => undefined;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
    this.startedAt = clock.now();
  }

  get exit(): ContainerExit | undefined {
    return this.#exit;
  }

  attach(process: RunningProcess): void {
    this.#process = process;
    const ended = process.exited.then((code) => {
      this.end({ code });
    });
    void background(this.#log, "child process", ended);
  }

  exited(): Promise<ContainerExit> {
    if (this.#exit !== undefined) return Promise.resolve(this.#exit);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  stop(graceMs: number): void {
    if (this.#exit !== undefined) return;
    if (this.#process === undefined) {
      this.end({ code: graceMs > 0 ? 143 : 137 });
      return;
    }
    this.#cancel();
    this.#process.kill(graceMs > 0 ? "SIGTERM" : "SIGKILL");
    if (graceMs > 0) this.#cancel = this.#clock.after(graceMs, () => this.#process?.kill("SIGKILL"));
  }

  log(): string {
    return this.#process?.output() ?? (this.#exit?.message === undefined ? "" : `${this.#exit.message}\n`);
  }

  end(exit: Omit<ContainerExit, "at">): void {
    if (this.#exit !== undefined) return;
    this.#cancel();
    this.#exit = { ...exit, at: this.#clock.now() };
    for (const resolve of this.#waiting.splice(0)) resolve(this.#exit);
  }
}
