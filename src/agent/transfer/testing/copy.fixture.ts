import { readFileSync } from "node:fs";
import type { Duplex } from "node:stream";
import { deserialize, serialize } from "node:v8";
import { copyEngine } from "../engine.ts";
import { machineGround, type Ground } from "../passes/ground.ts";
import { SourceMemory } from "../passes/source-memory.ts";
import { TargetMemory } from "../passes/target-memory.ts";
import type { Barrier, Progress } from "../receive.ts";
import type { Pace } from "../content/contents.ts";
import { socketPair } from "./streams.fixture.ts";

const engine = copyEngine();
const never = new AbortController().signal;

/** A ground on which every change looks older than 10 s. */
export const LATER: Ground = {
  ...machineGround,
  markerNs: (root) => machineGround.markerNs(root) + 20_000_000_000n,
  wallNs: () => machineGround.wallNs() + 20_000_000_000n,
};
/** A ground on which no change is old enough to be believed, however slow the machine is. */
export const YOUNG: Ground = {
  ...machineGround,
  markerNs: (root) => machineGround.markerNs(root) - 20_000_000_000n,
  wallNs: () => machineGround.wallNs() - 20_000_000_000n,
};
/** The same as `LATER`, but every file always counts as open for writing. */
export const LATER_OPEN: Ground = { ...LATER, statUnwritten: () => undefined };

/** The hooks of a test at the target while a pass runs. */
interface Target {
  readonly signal?: AbortSignal;
  readonly seen?: (progress: Progress) => void;
  readonly barrier?: Barrier;
  /** Whether it asks for the source's figures. @default true */
  readonly figures?: boolean;
  readonly patchesAtMost?: number;
}

/** One copy: both ends, and their memories. */
export class Copy {
  source: SourceMemory;
  target: TargetMemory;
  readonly #from: number;
  readonly #to: number;
  readonly #ground: Ground;
  readonly #most: number | undefined;
  #passes = 0;

  constructor(from: number, to: number, ground: Ground = machineGround, most?: number) {
    this.#from = from;
    this.#to = to;
    this.#ground = ground;
    this.#most = most;
    this.source = new SourceMemory(ground, most);
    this.target = new TargetMemory(most);
  }

  /** A new process of the agent on that side, or its machine after a restart: nothing is known. */
  restart(side: "source" | "target"): void {
    if (side === "source") this.source = new SourceMemory(this.#ground, this.#most);
    else this.target = new TargetMemory(this.#most);
  }

  /** A new process of the agent on that side, which takes over what the one before has left. */
  handOver(side: "source" | "target"): void {
    const handed = <T>(saved: T): T => deserialize(serialize(saved)) as T;
    if (side === "source") this.source = SourceMemory.load(handed(this.source.save()), this.#ground, this.#most);
    else this.target = TargetMemory.load(handed(this.target.save()), this.#most);
  }

  /** @param pace Awaited before each piece of the source is read. */
  live(streams?: readonly [Duplex, Duplex], pace?: Pace, at: Target = {}): Promise<Progress> {
    this.#passes += 1;
    return this.#pass(`pass-${String(this.#passes)}`, streams, pace, at);
  }

  final(streams?: readonly [Duplex, Duplex], at: Target = {}): Promise<Progress> {
    return this.#pass(undefined, streams, undefined, at);
  }

  async #pass(
    pass: string | undefined,
    streams?: readonly [Duplex, Duplex],
    pace?: Pace,
    { barrier, figures = true, patchesAtMost, signal = never, seen = () => undefined }: Target = {},
  ): Promise<Progress> {
    const [near, far] = streams ?? (await socketPair());
    let progress: Progress = { entries: 0, bytes: 0, kept: 0 };
    const base = this.target.pass;
    const [sent, received] = await Promise.allSettled([
      engine.send(this.#from, near, never, { pass, base, memory: this.source, pace, figures }),
      engine.receive(
        this.#to,
        far,
        signal,
        (now) => {
          progress = now;
          seen(now);
        },
        { pass, memory: this.target, patchesAtMost, ...(barrier === undefined ? {} : { barrier }) },
      ),
    ]);
    for (const end of [received, sent]) if (end.status === "rejected") throw end.reason as Error;
    return progress;
  }
}

/** Bytes that this process has read from files and sockets so far. */
export const readSoFar = (): number => Number(/rchar: (\d+)/.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);
