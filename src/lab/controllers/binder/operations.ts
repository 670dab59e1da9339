// Work that the two workers start and do not wait for, by name.
//
//   absent ── start ──▶ running ── ended well ──▶ absent
//                          └────── failed ──▶ waiting, 0.5 s doubling to 122 s ──▶ absent
//                                             (`start` does nothing)      (its delay is remembered)
//
// Invariant: one name runs once at a time. What a start was refused for is not queued: the next
// sync of the object starts it again.
import type { Clock } from "../../../effects/clock.ts";
import type { Log } from "../../../observe/log.ts";
import { background } from "../../../observe/background.ts";

const FIRST_MS = 500;
const LONGEST_MS = 122_000;

export class Operations {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #running = new Set<string>();
  readonly #failed = new Map<string, { readonly at: number; readonly delayMs: number }>();

  constructor(deps: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  /** Starts the work, unless it runs already or has failed a moment ago. */
  start(name: string, work: () => Promise<void>): void {
    if (this.#running.has(name)) return;
    const failed = this.#failed.get(name);
    if (failed !== undefined && this.#clock.monotonic() < failed.at + failed.delayMs) return;
    this.#running.add(name);
    void background(this.#log, "volume operation", this.#run(name, work));
  }

  async #run(name: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#failed.delete(name);
    } catch (error) {
      const last = this.#failed.get(name)?.delayMs;
      const delayMs = last === undefined ? FIRST_MS : Math.min(last * 2, LONGEST_MS);
      this.#failed.set(name, { at: this.#clock.monotonic(), delayMs });
      this.#log.debug("volume operation failed", { operation: name, err: error });
    } finally {
      this.#running.delete(name);
    }
  }
}
