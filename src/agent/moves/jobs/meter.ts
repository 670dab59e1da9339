import type { Clock } from "../../../effects/clock.ts";
import type { Copying } from "../view.ts";

/** Each report is a write to the API server. */
const EVERY_MS = 5000;
/** A copy that is done before this is not worth a report. */
const FIRST_MS = 1000;

/**
 * Reports the progress of a transfer at most every five seconds, with the rate since the last time.
 */
export class Meter {
  readonly #clock: Clock;
  readonly #tell: (copying: Copying) => void;
  #since: { readonly atMs: number; readonly received: number };
  #nextMs: number;

  constructor(clock: Clock, tell: (copying: Copying) => void) {
    this.#clock = clock;
    this.#tell = tell;
    const atMs = clock.monotonic();
    this.#since = { atMs, received: 0 };
    this.#nextMs = atMs + FIRST_MS;
  }

  /** `received` counts from the beginning of the transfer. */
  received(received: number): void {
    const atMs = this.#clock.monotonic();
    if (atMs < this.#nextMs) return;
    const rate = Math.round(((received - this.#since.received) * 1000) / (atMs - this.#since.atMs));
    this.#since = { atMs, received };
    this.#nextMs = atMs + EVERY_MS;
    this.#tell({ received, rate });
  }
}
