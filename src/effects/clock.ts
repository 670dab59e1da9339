/**
 * Clocks and timers. Everything in the product that waits or reads a clock uses this interface, so
 * that a crash run can use virtual time and repeat exactly.
 */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970 (UTC). May jump: use it for time stamps only. */
  now(): number;
  /** Milliseconds on a clock that never goes back: use it to measure and to compare. */
  monotonic(): number;
  /**
   * Resolves after `ms` milliseconds. Rejects with the signal's reason when `signal` is aborted
   * first.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `callback` once after `ms` milliseconds. Returns a function that cancels it. */
  after(ms: number, callback: () => void): () => void;
}

/** A `sleep` for a clock with this `after`, so that all clocks sleep in the same way. */
export function sleepBy(after: Clock["after"]): Clock["sleep"] {
  return (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = (): void => {
        cancel();
        reject(signal?.reason as Error);
      };
      const cancel = after(ms, () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      });
      signal?.addEventListener("abort", onAbort, { once: true });
    });
}

/**
 * A signal that is aborted with a TimeoutError after `ms` milliseconds of the clock, or with the
 * reason of `parent` as soon as that is. Call `clear` when the guarded work has ended: it drops the
 * timer.
 */
export function deadline(clock: Clock, ms: number, parent?: AbortSignal): { signal: AbortSignal; clear: () => void } {
  const controller = new AbortController();
  const cancel = clock.after(ms, () => {
    controller.abort(new DOMException(`not done within ${ms} ms`, "TimeoutError"));
  });
  const onParent = (): void => {
    controller.abort(parent?.reason);
  };
  if (parent?.aborted) onParent();
  else parent?.addEventListener("abort", onParent, { once: true });
  return {
    signal: controller.signal,
    clear: () => {
      cancel();
      parent?.removeEventListener("abort", onParent);
    },
  };
}

/**
 * Does work within `ms` milliseconds. Its signal is aborted when the time is up, or as soon as
 * `parent` is aborted. Rejects with the error of the work, but with the result of `late` if the
 * time was up and `parent` is not aborted.
 */
export async function within<T>(
  clock: Clock,
  ms: number,
  parent: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
  late = (error: unknown): unknown => error,
): Promise<T> {
  const limit = deadline(clock, ms, parent);
  try {
    return await work(limit.signal);
  } catch (error) {
    throw limit.signal.aborted && parent?.aborted !== true ? late(error) : error;
  } finally {
    limit.clear();
  }
}
