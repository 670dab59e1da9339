import type { Clock } from "../../effects/clock.ts";
import { KubeError } from "../errors.ts";
import { manyListeners } from "../many-listeners.ts";

/**
 * The signal of one call. It is aborted with the caller's reason when the caller's signal is, or
 * with a KubeError at the time-out.
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

  /** Stops the time-out: from now on only the caller can end this call. */
  stopTimer(): void {
    this.#cancelTimer();
  }

  /**
   * Removes the timer and the listener on the caller's signal. Call it on every exit path, or a
   * long-lived signal collects listeners.
   */
  close(): void {
    this.#cancelTimer();
    this.#caller?.removeEventListener("abort", this.#onCallerAbort);
  }
}

/**
 * Waits for work that does not listen to the signal itself. When the signal is aborted first, the
 * work continues, and its outcome is ignored.
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
