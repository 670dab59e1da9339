import type { Clock } from "../../effects/clock.ts";
import { KubeError } from "../errors.ts";
import { manyListeners } from "../many-listeners.ts";

/**
 * The life of one call: its signal is aborted by the caller's signal, with that one's reason, or by
 * the time-out, with a KubeError.
 */
export class CallScope {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #cancelTimer: () => void;
  readonly #onCallerAbort = (): void => {
    this.#controller.abort(this.#caller?.reason);
  };

  constructor(clock: Clock, what: string, timeoutMs: number, caller?: AbortSignal) {
    this.signal = this.#controller.signal;
    this.#caller = caller;
    this.#cancelTimer = clock.after(timeoutMs, () => {
      const message = `${what}: no answer within ${timeoutMs} ms; whether it was carried out is unknown`;
      this.#controller.abort(new KubeError({ code: 0, reason: "Timeout", message }));
    });
    if (caller?.aborted) this.#onCallerAbort();
    else if (caller !== undefined) {
      // One signal serves a whole program's requests; Node would warn of a leak at the eleventh.
      manyListeners(caller);
      caller.addEventListener("abort", this.#onCallerAbort, { once: true });
    }
  }

  /** The time-out is met: from now on only the caller ends this call. */
  stopTimer(): void {
    this.#cancelTimer();
  }

  /**
   * Lets go of timer and caller. To be called on every way out, or a long-lived signal collects
   * listeners.
   */
  close(): void {
    this.#cancelTimer();
    this.#caller?.removeEventListener("abort", this.#onCallerAbort);
  }
}

/**
 * Waits for work that does not itself listen to the signal. When the signal comes first the work
 * goes on, and how it ends interests nobody.
 */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => {
      signal.removeEventListener("abort", onAbort);
    });
  });
}
