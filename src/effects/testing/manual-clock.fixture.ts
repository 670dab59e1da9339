import { sleepBy, type Clock } from "../clock.ts";

/**
 * A clock that stands still until the test moves it. Wall-clock and monotonic time move together,
 * except for `jumpWallClock`.
 */
export interface ManualClock extends Clock {
  /**
   * Advances the time by `ms`. Fires the timers that fall due, in order, and lets promises and
   * sockets run after each.
   */
  advance(ms: number): Promise<void>;
  /** Moves only the wall clock by `ms`, as an NTP step does. Fires no timer. */
  jumpWallClock(ms: number): void;
  /** How many timers (sleeps included) are waiting. */
  readonly pending: number;
}

interface Timer {
  readonly due: number;
  readonly order: number;
  readonly callback: () => void;
}

/**
 * Runs the event loop for some turns, without waiting: enough for promise chains to end and for a
 * local socket to deliver.
 */
export async function settle(turns = 20): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Makes a ManualClock whose wall clock starts at `start` (milliseconds since 1970). */
export function manualClock(start = Date.UTC(2030, 0, 1)): ManualClock {
  const timers = new Set<Timer>();
  let elapsed = 0;
  let offset = start;
  let orders = 0;

  const next = (until: number): Timer | undefined => {
    let first: Timer | undefined;
    for (const timer of timers) {
      if (timer.due > until) continue;
      if (first === undefined || timer.due < first.due || (timer.due === first.due && timer.order < first.order)) {
        first = timer;
      }
    }
    return first;
  };

  const after = (ms: number, callback: () => void): (() => void) => {
    const timer = { due: elapsed + Math.max(ms, 0), order: orders++, callback };
    timers.add(timer);
    return () => {
      timers.delete(timer);
    };
  };

  return {
    now: () => offset + elapsed,
    monotonic: () => elapsed,
    after,
    sleep: sleepBy(after),
    advance: async (ms) => {
      await settle();
      const until = elapsed + ms;
      for (let timer = next(until); timer !== undefined; timer = next(until)) {
        timers.delete(timer);
        elapsed = Math.max(elapsed, timer.due);
        timer.callback();
        await settle();
      }
      elapsed = until;
      await settle();
    },
    jumpWallClock: (ms) => {
      offset += ms;
    },
    get pending() {
      return timers.size;
    },
  };
}
