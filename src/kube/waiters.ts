interface Waiter<C> {
  readonly condition: C;
  readonly release: () => void;
}

/** A list of callers that wait for a condition, each until its own signal is aborted. */
export class Waiters<C> {
  readonly #waiting = new Set<Waiter<C>>();

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Resolves once `release` accepts the condition; rejects with the signal's reason when that is
   * aborted first.
   */
  wait(condition: C, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = (): void => {
        this.#waiting.delete(waiter);
        reject(signal?.reason as Error);
      };
      const waiter: Waiter<C> = {
        condition,
        release: () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      this.#waiting.add(waiter);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Resolves the waits whose condition is met, in the order in which they were added. */
  release(met: (condition: C) => boolean): void {
    for (const waiter of this.#waiting) {
      if (!met(waiter.condition)) continue;
      this.#waiting.delete(waiter);
      waiter.release();
    }
  }
}
