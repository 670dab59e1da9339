// A queue of keys with the semantics of client-go's work queue.
//
// A key is in one of these states:
//   absent      never added, or done
//   waiting     in #waiting (a Fifo) and in #dirty: to be processed
//   processing  in #processing: handed out by get, not yet done
//   again       in #processing and in #dirty: added while it was processed; done makes it waiting
// In any of these states it may also be delayed: it is in #delayed with one due time, and is added
// when that time comes.
//
//   add          absent → waiting, processing → again, else nothing
//   get          waiting → processing, the longest waiting first
//   done         processing → absent, again → waiting
//   addAfter     delayed; if it already is, the earlier time stays
//   shutDown     no key is added any more, delayed keys are dropped, waiting keys are still handed
//                out
//
// Invariants: a key is never waiting and processing at once, so two workers never have the same
// key; no add is lost, since one that comes during processing leads to another round; one timer is
// armed, for the first delayed key, and none when there is none. Everything happens synchronously
// in the call that causes it: a key is handed to a waiting get inside add.
import type { Clock } from "../../effects/clock.ts";
import { jitter, type Random } from "../../effects/random.ts";
import { DelayHeap } from "./delay-heap.ts";
import { Fifo } from "./fifo.ts";
import type { KubeMetrics, QueueMetrics, QueueReading } from "../metrics.ts";
import { TokenBucket } from "../pace/token-bucket.ts";
import { Waiters } from "../waiters.ts";

export interface WorkQueueOptions {
  /** Label of the metrics. */
  readonly name: string;
  /** Delay after a key's first failure; doubles with each. @default 5 */
  readonly baseDelayMs?: number;
  /** @default 1_000_000 */
  readonly maxDelayMs?: number;
  /** Retries per second of all keys together, beyond the burst. @default 10 */
  readonly qps?: number;
  /** @default 100 */
  readonly burst?: number;
  readonly metrics?: KubeMetrics;
}

/** With `random`, a key's back-off is spread by up to this part of it. */
const SPREAD = 0.1;

interface Waiter {
  readonly give: (key: string | undefined) => void;
}

/**
 * Keys to be processed: each at most once in the queue and by at most one worker at a time, with
 * delays and per-key back-off.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #random: Random | undefined;
  readonly #baseDelayMs: number;
  readonly #maxDelayMs: number;
  readonly #bucket: TokenBucket;
  readonly #metrics: QueueMetrics | undefined;
  readonly #waiting = new Fifo<string>();
  readonly #dirty = new Set<string>();
  /** Key → when its processing began. */
  readonly #processing = new Map<string, number>();
  readonly #addedAt = new Map<string, number>();
  readonly #delayed = new DelayHeap();
  readonly #failures = new Map<string, number>();
  readonly #waiters = new Set<Waiter>();
  readonly #drains = new Waiters<undefined>();
  #timer: { readonly due: number; readonly cancel: () => void } | undefined;
  #shutDown = false;

  constructor(deps: { clock: Clock; random?: Random }, options: WorkQueueOptions) {
    const { name, baseDelayMs = 5, maxDelayMs = 1_000_000, qps = 10, burst = 100, metrics } = options;
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#baseDelayMs = baseDelayMs;
    this.#maxDelayMs = maxDelayMs;
    this.#bucket = new TokenBucket(deps.clock, { perSecond: qps, burst });
    this.#metrics = metrics?.queue(name, () => this.#read());
  }

  /** Keys that wait to be handed out. Neither those being processed nor the delayed ones. */
  get length(): number {
    return this.#waiting.size;
  }

  /** Asks for a key to be processed. Does nothing after shutDown. */
  add(key: string): void {
    if (this.#shutDown || this.#dirty.has(key)) return;
    this.#dirty.add(key);
    this.#addedAt.set(key, this.#clock.monotonic());
    this.#metrics?.added();
    this.#metrics?.depth(this.#dirty.size);
    if (!this.#processing.has(key)) this.#enqueue(key);
  }

  /**
   * Adds a key after `ms` milliseconds, or at once if `ms` is not positive. Does nothing after
   * shutDown.
   */
  addAfter(key: string, ms: number): void {
    if (this.#shutDown) return;
    this.#metrics?.retried();
    if (!(ms > 0)) {
      this.add(key);
      return;
    }
    this.#delayed.put(key, this.#clock.monotonic() + ms);
    this.#arm();
  }

  /**
   * Adds a key after its back-off (doubling with each call until `forget`) or when the queue's
   * bucket allows, whichever is later.
   */
  addRateLimited(key: string): void {
    if (this.#shutDown) return;
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const exponential = Math.min(this.#maxDelayMs, this.#baseDelayMs * 2 ** failures);
    const spread = this.#random === undefined ? exponential : jitter(this.#random, exponential, SPREAD);
    this.addAfter(key, Math.max(spread, this.#bucket.reserve()));
  }

  /** Ends a key's back-off: the next failure is its first. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** How often addRateLimited was called for the key since it was forgotten. */
  retries(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /**
   * The next key, waiting for one; it must be given back with `done`. Resolves with undefined when
   * the queue is shut down and empty, or the signal aborted.
   */
  get(signal?: AbortSignal): Promise<string | undefined> {
    if (signal?.aborted) return Promise.resolve(undefined);
    const key = this.#waiting.shift();
    if (key !== undefined) return Promise.resolve(this.#handOut(key));
    if (this.#shutDown && !this.#mayStillCome()) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const onAbort = (): void => {
        this.#waiters.delete(waiter);
        resolve(undefined);
      };
      const waiter: Waiter = {
        give: (given) => {
          signal?.removeEventListener("abort", onAbort);
          resolve(given);
        },
      };
      this.#waiters.add(waiter);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Ends the processing of a key. If the key was added meanwhile, it waits again. */
  done(key: string): void {
    const began = this.#processing.get(key);
    if (began === undefined) return;
    this.#processing.delete(key);
    this.#metrics?.worked((this.#clock.monotonic() - began) / 1000);
    if (this.#dirty.has(key)) this.#enqueue(key);
    this.#settle();
  }

  /** Takes no more keys, and drops the delayed ones. Those that wait are still handed out. */
  shutDown(): void {
    this.#shutDown = true;
    this.#delayed.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#settle();
  }

  /** Resolves when, after shutDown, nothing waits and nothing is being processed. */
  drained(): Promise<void> {
    const drained = this.#drains.wait(undefined);
    this.#settle();
    return drained;
  }

  #enqueue(key: string): void {
    const [waiter] = this.#waiters;
    if (waiter === undefined) {
      this.#waiting.push(key);
      return;
    }
    this.#waiters.delete(waiter);
    waiter.give(this.#handOut(key));
  }

  #handOut(key: string): string {
    const now = this.#clock.monotonic();
    this.#dirty.delete(key);
    this.#processing.set(key, now);
    this.#metrics?.waited((now - (this.#addedAt.get(key) ?? now)) / 1000);
    this.#metrics?.depth(this.#dirty.size);
    this.#addedAt.delete(key);
    return key;
  }

  /** After shutDown a key can only come from one that was added while it was processed. */
  #mayStillCome(): boolean {
    return this.#dirty.size > 0;
  }

  /**
   * After shutDown: resolves the pending `get` calls for which no key can come any more, and the
   * `drained` calls once everything is done.
   */
  #settle(): void {
    if (!this.#shutDown || this.#mayStillCome()) return;
    for (const waiter of this.#waiters) waiter.give(undefined);
    this.#waiters.clear();
    if (this.#processing.size > 0) return;
    this.#drains.release(() => true);
  }

  #arm(): void {
    const due = this.#delayed.nextDue;
    if (due === undefined || (this.#timer !== undefined && this.#timer.due <= due)) return;
    this.#timer?.cancel();
    const cancel = this.#clock.after(due - this.#clock.monotonic(), () => {
      this.#timer = undefined;
      this.#release();
    });
    this.#timer = { due, cancel };
  }

  #release(): void {
    const now = this.#clock.monotonic();
    for (let key = this.#delayed.takeDue(now); key !== undefined; key = this.#delayed.takeDue(now)) this.add(key);
    this.#arm();
  }

  #read(): QueueReading {
    const now = this.#clock.monotonic();
    let unfinishedSeconds = 0;
    let longestSeconds = 0;
    for (const began of this.#processing.values()) {
      const seconds = (now - began) / 1000;
      unfinishedSeconds += seconds;
      longestSeconds = Math.max(longestSeconds, seconds);
    }
    return { unfinishedSeconds, longestSeconds };
  }
}
