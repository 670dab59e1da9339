import type { Clock } from "../../effects/clock.ts";
import type { Log } from "../../observe/log.ts";

/**
 * A value that is read again, on demand, when it is older than `maxAgeMs`. Readers at the same time
 * share one read.
 */
export class Refreshed<T> {
  readonly #options: {
    readonly what: string;
    readonly read: () => Promise<T>;
    readonly maxAgeMs: number;
    readonly clock: Clock;
    readonly log: Log;
  };
  #value: { readonly value: T; readonly at: number } | undefined;
  #reading: Promise<T> | undefined;

  constructor(options: { what: string; read: () => Promise<T>; maxAgeMs: number; clock: Clock; log: Log }) {
    this.#options = options;
  }

  /**
   * The value, at most `maxAgeMs` old. If it cannot be read again, the old value is returned, so
   * that a file that is unreadable for a moment (a Secret being replaced) does not cost the
   * connection. Rejects only when no read has ever succeeded.
   */
  get(): Promise<T> {
    const { clock, maxAgeMs } = this.#options;
    if (this.#value !== undefined && clock.monotonic() - this.#value.at < maxAgeMs)
      return Promise.resolve(this.#value.value);
    return this.refresh();
  }

  /** The value, read now. */
  refresh(): Promise<T> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<T> {
    const { what, read, clock, log } = this.#options;
    try {
      const value = await read();
      this.#value = { value, at: clock.monotonic() };
    } catch (error) {
      if (this.#value === undefined) throw error;
      log.warn("cannot read credentials again, the old ones stay in use", { what, err: error });
      this.#value = { value: this.#value.value, at: clock.monotonic() };
    }
    return this.#value.value;
  }
}
