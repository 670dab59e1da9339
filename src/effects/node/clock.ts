import { performance } from "node:perf_hooks";
import { sleepBy, type Clock } from "../clock.ts";

/** The longest delay of setTimeout, which fires at once for a longer one. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The machine's clocks and timers. */
export function systemClock(): Clock {
  const after = (ms: number, callback: () => void): (() => void) => {
    const timer = setTimeout(callback, Math.min(Math.max(ms, 0), LONGEST_TIMER_MS));
    return () => {
      clearTimeout(timer);
    };
  };
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    after,
    sleep: sleepBy(after),
  };
}
