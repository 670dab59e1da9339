import type { Clock } from "../../effects/clock.ts";
import { jitter, type Random } from "../../effects/random.ts";

export interface BackoffOptions {
  /** Shortest delay: that of the first failure, before jitter. */
  readonly minMs: number;
  /** No delay is longer, jitter included. */
  readonly maxMs: number;
  /** After this long without a failure the next one counts as the first. */
  readonly resetAfterMs: number;
}

/**
 * How long to wait after each failure in a row. The delay doubles, and a random part of up to the
 * same length is added, so that the clients of a restarted server do not all come back at once.
 */
export class Backoff {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #options: BackoffOptions;
  #failures = 0;
  /** When the last delay that was given ends. */
  #until = 0;

  constructor(deps: { readonly clock: Clock; readonly random: Random }, options: BackoffOptions) {
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#options = options;
  }

  /** Failures in a row, so far. */
  get failures(): number {
    return this.#failures;
  }

  /** Counts a failure; returns the milliseconds to wait before the next try. */
  failed(): number {
    const { minMs, maxMs, resetAfterMs } = this.#options;
    const now = this.#clock.monotonic();
    if (now - this.#until > resetAfterMs) this.#failures = 0;
    const delay = jitter(this.#random, Math.min(maxMs / 2, minMs * 2 ** this.#failures), 1);
    this.#failures++;
    this.#until = now + delay;
    return delay;
  }

  /** Resets the count: the next failure is the first. */
  reset(): void {
    this.#failures = 0;
  }
}
