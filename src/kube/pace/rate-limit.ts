import type { Clock } from "../../effects/clock.ts";
import type { Kube } from "../kube.ts";
import { manyListeners } from "../many-listeners.ts";

/**
 * A Kube that sends at most `qps` requests per second, after a first `burst`, in the order they
 * came. Only for a flag that asks for it: the server protects itself (429). Waiting here does not
 * count against a request's time-out, and an abort ends it; the lane "lease" does not wait. Put it
 * outside `withRetries`.
 */
export function withRateLimit(kube: Kube, options: { qps: number; burst: number; clock: Clock }): Kube {
  const bucket = new TokenBucket(options);
  return {
    request: async <T>(request: Parameters<Kube["request"]>[0]) => {
      if (request.lane !== "lease") await bucket.take(request.signal);
      return kube.request<T>(request);
    },
    stream: async (request) => {
      if (request.lane !== "lease") await bucket.take(request.signal);
      return kube.stream(request);
    },
  };
}

interface Waiter {
  readonly go: () => void;
}

/**
 * Tokens come at `qps` per second up to `burst`. Who waits stands in a queue; one timer serves its
 * head.
 */
class TokenBucket {
  readonly #clock: Clock;
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: number;
  #queue: Waiter[] = [];
  #timer: (() => void) | undefined;

  constructor(options: { qps: number; burst: number; clock: Clock }) {
    if (!(options.qps > 0) || !(options.burst >= 1)) {
      throw new RangeError(
        `a rate limit needs qps above 0 and burst of at least 1, not ${options.qps} and ${options.burst}`,
      );
    }
    this.#clock = options.clock;
    this.#perMs = options.qps / 1000;
    this.#burst = options.burst;
    this.#tokens = options.burst;
    this.#filledAt = options.clock.monotonic();
  }

  take(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const waiter: Waiter = {
        go: () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      const onAbort = (): void => {
        this.#queue = this.#queue.filter((other) => other !== waiter);
        reject(signal?.reason as Error);
      };
      // Many requests wait on one signal; Node would warn of a leak at the eleventh.
      if (signal !== undefined) manyListeners(signal);
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#queue.push(waiter);
      this.#serve();
    });
  }

  #serve(): void {
    this.#fill();
    while (this.#tokens >= 1 && this.#queue.length > 0) {
      this.#tokens -= 1;
      this.#queue.shift()?.go();
    }
    if (this.#queue.length === 0 || this.#timer !== undefined) return;
    this.#timer = this.#clock.after(Math.ceil((1 - this.#tokens) / this.#perMs), () => {
      this.#timer = undefined;
      this.#serve();
    });
  }

  #fill(): void {
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
  }
}
