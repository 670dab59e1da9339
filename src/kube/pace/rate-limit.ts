import type { Clock } from "../../effects/clock.ts";
import type { Kube, KubeRequest } from "../kube.ts";
import { manyListeners } from "../many-listeners.ts";
import { Waiters } from "../waiters.ts";
import { TokenBucket } from "./token-bucket.ts";

/**
 * A Kube that sends at most `qps` requests per second, after a first `burst`, in the order of their
 * arrival. Use it only when a flag asks for it: the server protects itself (429). Time spent
 * waiting here does not count against a request's time-out, and an abort ends the wait. Requests of
 * the lanes "lease" and "checked" do not wait. Put it outside `withRetries`.
 */
export function withRateLimit(kube: Kube, options: { qps: number; burst: number; clock: Clock }): Kube {
  const turns = new Turns(options);
  return {
    request: async <T>(request: KubeRequest) => {
      if (waits(request)) await turns.take(request.signal);
      return kube.request<T>(request);
    },
    stream: async (request) => {
      if (waits(request)) await turns.take(request.signal);
      return kube.stream(request);
    },
  };
}

/** Before a checked request its caller has asked the server, and has waited for that. */
function waits({ lane = "work" }: KubeRequest): boolean {
  return lane === "work";
}

/** A queue of requests that wait for a token. One timer serves the first of them. */
class Turns {
  readonly #clock: Clock;
  readonly #bucket: TokenBucket;
  readonly #waiting = new Waiters<undefined>();
  #timer: (() => void) | undefined;

  constructor({ qps, burst, clock }: { qps: number; burst: number; clock: Clock }) {
    if (!(qps > 0) || !(burst >= 1)) {
      throw new RangeError(`a rate limit needs qps above 0 and burst of at least 1, not ${qps} and ${burst}`);
    }
    this.#clock = clock;
    this.#bucket = new TokenBucket(clock, { perSecond: qps, burst });
  }

  take(signal?: AbortSignal): Promise<void> {
    // Many requests wait on one signal; Node would warn of a leak at the eleventh.
    if (signal !== undefined) manyListeners(signal);
    const turn = this.#waiting.wait(undefined, signal);
    this.#serve();
    return turn;
  }

  #serve(): void {
    // Once one request was told to wait, no later one may take a token that has come meanwhile.
    let taken = true;
    this.#waiting.release(() => (taken &&= this.#bucket.tryTake()));
    if (this.#waiting.size === 0 || this.#timer !== undefined) return;
    this.#timer = this.#clock.after(Math.ceil(this.#bucket.untilNext), () => {
      this.#timer = undefined;
      this.#serve();
    });
  }
}
