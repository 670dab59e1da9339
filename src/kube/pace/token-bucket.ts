import type { Clock } from "../../effects/clock.ts";

/**
 * A bucket of `burst` tokens that refills at `perSecond`, which may change at any time. `reserve`
 * may go into debt, and says how long to wait for it to be paid; `tryTake` never does.
 */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #perSecond: () => number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  constructor(clock: Clock, options: { readonly perSecond: number | (() => number); readonly burst: number }) {
    const { perSecond } = options;
    this.#clock = clock;
    this.#perSecond = typeof perSecond === "number" ? () => perSecond : perSecond;
    this.#burst = options.burst;
    this.#tokens = options.burst;
    this.#at = clock.monotonic();
  }

  /**
   * Takes the tokens even if that makes a debt. Returns the milliseconds to wait before using them.
   */
  reserve(tokens = 1): number {
    this.#refill();
    this.#tokens -= tokens;
    return this.owedMs();
  }

  /** The milliseconds until the debt is paid, at the current rate. */
  owedMs(): number {
    this.#refill();
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#perSecond()) * 1000;
  }

  /** Takes a token if there is one. */
  tryTake(): boolean {
    this.#refill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Milliseconds until there is a token; 0 when there is one. */
  get untilNext(): number {
    this.#refill();
    return Math.max((1 - this.#tokens) / this.#perSecond(), 0) * 1000;
  }

  #refill(): void {
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) / 1000) * this.#perSecond());
    this.#at = now;
  }
}
