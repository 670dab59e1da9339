/**
 * One operation per key at a time, first come first served. One whose signal is aborted while it
 * waits is not begun when its turn comes.
 */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>();

  async run<T>(key: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    let release: () => void = () => undefined;
    const mine = new Promise<void>((resolve) => {
      release = resolve;
    });
    const tail = before.then(() => mine);
    this.#tails.set(key, tail);
    try {
      await before;
      signal?.throwIfAborted();
      return await work();
    } finally {
      release();
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }

  /** Whether an operation on the key is running or waiting. */
  busy(key: string): boolean {
    return this.#tails.has(key);
  }
}
