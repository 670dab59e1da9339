// A clock whose time passes only in `run`, and as fast as the work is done: for a lab without
// sockets.
//
// Between two timers everything that can run does run. Without sockets, files and threads all work
// is promises, and they are done by the next turn of the event loop. So the clock fires a timer,
// waits one turn, and fires the next.
//
// Invariants: timers fire in the order of their times, those of one time in the order in which they
// were set; a callback sees exactly its due time; nothing fires outside of `run`. Given the same
// work, two processes fire the same timers at the same times.
//
// Work that sets a timer for this very moment again and again would keep the time where it is, and
// `run` would never end. So it fails after a number of timers that no honest work needs.
import { sleepBy, type Clock } from "../../effects/clock.ts";
import { DueHeap, type DueEntry } from "../../kube/queue/due-heap.ts";

/** `callback` is undefined once the timer has been cancelled: it stays until it comes up. */
interface Timer extends DueEntry {
  callback: (() => void) | undefined;
}

export interface VirtualClock extends Clock {
  /**
   * Lets `ms` milliseconds pass. Ends before that, at once and with true, when `until` (asked after
   * each timer) says so. Fails when the time does not move on.
   */
  run(ms: number, until?: () => boolean): Promise<boolean>;
}

/** How many timers may fire at one time. Crash runs need some hundreds at most. */
const MOST_AT_ONE_TIME = 20_000;

/** Resolves when all promises that can be through are. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Makes a clock that stands at `start`, in milliseconds since 1970. `onFire` is told of each timer
 * before it fires, by its number in the order in which they were set.
 */
export function virtualClock({
  start = Date.UTC(2030, 0, 1),
  onFire,
}: { readonly start?: number; readonly onFire?: (timer: number) => void } = {}): VirtualClock {
  const timers = new DueHeap<Timer>();
  let elapsed = 0;
  let orders = 0;
  let firedNow = 0;

  const after = (ms: number, callback: () => void): (() => void) => {
    const timer: Timer = { due: elapsed + Math.max(ms, 0), order: orders++, index: 0, callback };
    timers.put(timer);
    return () => {
      timer.callback = undefined;
    };
  };

  const next = (limit: number): Timer | undefined => {
    let timer = timers.takeDue(limit);
    while (timer !== undefined && timer.callback === undefined) timer = timers.takeDue(limit);
    return timer;
  };

  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    after,
    sleep: sleepBy(after),
    run: async (ms, until = () => false) => {
      const end = elapsed + ms;
      await settled();
      for (;;) {
        if (until()) return true;
        const timer = next(end);
        if (timer === undefined) break;
        firedNow = timer.due === elapsed ? firedNow + 1 : 0;
        if (firedNow > MOST_AT_ONE_TIME) {
          throw new Error(`the time stands still at ${elapsed} ms: ${firedNow} timers have fired at it`);
        }
        elapsed = timer.due;
        onFire?.(timer.order);
        timer.callback?.();
        await settled();
      }
      elapsed = end;
      return until();
    },
  };
}
