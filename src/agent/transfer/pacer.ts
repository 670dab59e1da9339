import { performance } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";

/** How long work may block the event loop before other work gets its turn. */
const SLICE_MS = 8;

/**
 * Lets the event loop run from time to time during work that consists of many short synchronous
 * calls.
 */
export class Pacer {
  #since = performance.now();
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Whether it is time to rest. Throws when the work was aborted. */
  get due(): boolean {
    this.#signal.throwIfAborted();
    return performance.now() - this.#since > SLICE_MS;
  }

  async rest(): Promise<void> {
    await setImmediate();
    this.#signal.throwIfAborted();
    this.#since = performance.now();
  }
}
