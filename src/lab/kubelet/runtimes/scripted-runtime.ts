// Simulates containers as a test says, without running anything.
//
//   starting ── at once, or never ──▶ running ── its time is up ──▶ exited
//                                        └── stop: after it has reacted, at the latest after the
//                                            grace ──▶ exited
//
// Invariants: a container exits once; its effect on the node's files is done before it exits and
// not at all when it was stopped before its time.
import type { Clock } from "../../../effects/clock.ts";
import { background } from "../../../observe/background.ts";
import type { Log } from "../../../observe/log.ts";
import {
  ContainerRegistry,
  ImagePullError,
  type ContainerExit,
  type ContainerHandle,
  type ContainerRun,
  type ContainerRuntime,
} from "./runtime.ts";

/** What one start of a container does. */
export type Play =
  | {
      readonly does: "run";
      /** @default 0 */
      readonly readyAfterMs?: number;
      /** How long it takes to end when it is asked to. @default 0 */
      readonly endsAfterMs?: number;
    }
  | {
      readonly does: "exit";
      readonly afterMs: number;
      readonly code: number;
      readonly log?: string;
      /**
       * What it has done to the node's files by then. Throwing makes it exit with 1 and the error
       * as its log.
       */
      readonly effect?: (run: ContainerRun) => Promise<void> | void;
    }
  | { readonly does: "never-starts" }
  | { readonly does: "image-pull-fails"; readonly message?: string };

export class ScriptedRuntime implements ContainerRuntime {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #play: (run: ContainerRun) => Play;
  readonly #registry = new ContainerRegistry();

  /**
   * `play` is asked at each start of a container, restarts included. @default everything runs for
   * ever
   */
  constructor(deps: { readonly clock: Clock; readonly log: Log }, play: (run: ContainerRun) => Play = () => RUNS) {
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#play = play;
  }

  start(run: ContainerRun, signal: AbortSignal): Promise<ContainerHandle> {
    const play = this.#play(run);
    switch (play.does) {
      case "image-pull-fails": {
        const why = play.message ?? `failed to pull and unpack image "${run.container.image ?? ""}": not found`;
        return Promise.reject(new ImagePullError(why));
      }
      case "never-starts":
        return new Promise((_, reject) => {
          // The pod may have been stopped while its environment was read.
          if (signal.aborted) reject(signal.reason as Error);
          else signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
        });
      case "run":
      case "exit": {
        const handle = new ScriptedContainer(this.#clock, this.#log, run, play);
        this.#registry.keep(run, handle);
        return Promise.resolve(handle);
      }
      default:
        return play satisfies never;
    }
  }

  find(podUid: string, container: string): ContainerHandle | undefined {
    return this.#registry.find(podUid, container);
  }

  log(podKey: string, container: string | undefined): string | undefined {
    return this.#registry.log(podKey, container);
  }

  forget(podUid: string): void {
    this.#registry.forget(podUid);
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
}

const RUNS: Play = { does: "run" };

class ScriptedContainer implements ContainerHandle {
  readonly startedAt: number;
  readonly readyAfterMs: number;
  readonly #clock: Clock;
  readonly #run: ContainerRun;
  readonly #play: Extract<Play, { does: "run" | "exit" }>;
  readonly #waiting: ((exit: ContainerExit) => void)[] = [];
  #exit: ContainerExit | undefined;
  #log: string;
  #cancel: () => void = () => undefined;

  constructor(clock: Clock, log: Log, run: ContainerRun, play: Extract<Play, { does: "run" | "exit" }>) {
    this.#clock = clock;
    this.#run = run;
    this.#play = play;
    this.#log = "";
    this.startedAt = clock.now();
    this.readyAfterMs = play.does === "run" ? (play.readyAfterMs ?? 0) : 0;
    if (play.does === "exit") {
      this.#cancel = clock.after(play.afterMs, () => {
        void background(log, "container", this.#finish());
      });
    }
  }

  get exit(): ContainerExit | undefined {
    return this.#exit;
  }

  exited(): Promise<ContainerExit> {
    if (this.#exit !== undefined) return Promise.resolve(this.#exit);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  stop(graceMs: number): void {
    if (this.#exit !== undefined) return;
    this.#cancel();
    const reacts = this.#play.does === "run" ? (this.#play.endsAfterMs ?? 0) : 0;
    if (reacts <= 0 && graceMs > 0) this.#end(143);
    else if (graceMs <= 0) this.#end(137);
    else {
      this.#cancel = this.#clock.after(Math.min(reacts, graceMs), () => {
        this.#end(reacts <= graceMs ? 143 : 137);
      });
    }
  }

  log(): string {
    return this.#log;
  }

  async #finish(): Promise<void> {
    if (this.#play.does !== "exit") return;
    this.#log = this.#play.log ?? "";
    try {
      await this.#play.effect?.(this.#run);
    } catch (error) {
      this.#log += `${error instanceof Error ? error.message : String(error)}\n`;
      this.#end(1);
      return;
    }
    this.#end(this.#play.code);
  }

  #end(code: number): void {
    if (this.#exit !== undefined) return;
    this.#exit = { code, at: this.#clock.now() };
    for (const resolve of this.#waiting.splice(0)) resolve(this.#exit);
  }
}
