// What SIGINT, SIGTERM and SIGHUP do.
//
//   working ── signal ──▶ ending: `signal` is aborted, everything is cleaned up
//      │ ▲                    └── another signal, a second or more later ──▶ `onImpatience`
//      ▼ │
//   waiting (`next`) ── signal ──▶ working: `next` resolves
//
// The terminal sends a signal to all processes, and npm forwards it again, so one Ctrl-C arrives
// twice. Signals within a second of the first are ignored.
import type { Clock } from "../effects/clock.ts";

const SAME_MS = 1_000;
const CODES = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
type Caught = keyof typeof CODES;

/** The user wants an end. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly exitCode: number;
  constructor(by: Caught) {
    super(`interrupted by ${by}`);
    this.exitCode = 128 + CODES[by];
  }
}

export interface Signals {
  on(signal: Caught, listener: () => void): unknown;
  off(signal: Caught, listener: () => void): unknown;
}

export class Interrupts {
  readonly #clock: Clock;
  readonly #end = new AbortController();
  readonly #onImpatience: (exitCode: number) => void;
  #lastAt = -Infinity;
  #waiting: (() => void) | undefined;

  constructor(clock: Clock, signals: Signals, onImpatience: (exitCode: number) => void) {
    this.#clock = clock;
    this.#onImpatience = onImpatience;
    for (const name of Object.keys(CODES) as Caught[]) {
      signals.on(name, () => {
        this.#caught(name);
      });
    }
  }

  /** Aborted with an Interrupted. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /**
   * Resolves at the next signal, which then does not abort `signal`. Rejects when `signal` is
   * already aborted.
   */
  async next(): Promise<void> {
    this.#end.signal.throwIfAborted();
    await new Promise<void>((resolve) => {
      this.#waiting = resolve;
    });
  }

  #caught(name: Caught): void {
    const now = this.#clock.monotonic();
    if (now - this.#lastAt < SAME_MS) return;
    this.#lastAt = now;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) waiting();
    else if (this.#end.signal.aborted) this.#onImpatience(new Interrupted(name).exitCode);
    else this.#end.abort(new Interrupted(name));
  }
}
