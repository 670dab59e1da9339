// Writes Events about objects, off the caller's path.
//
// Occurrences of the same event (same object, type, reason and message, or the caller's `dedupe`)
// form a series: one Event whose count grows. There is one record for each series, in one of these
// states:
//   idle ── occurrence ──▶ queued ── a slot is free ──▶ sending ── written ──▶ idle
//                                                          │
//                             queued again ◀── occurred meanwhile
// The first write creates the Event, later ones patch count and time. What occurs while a write is
// queued or under way is covered by the next write, so a storm of occurrences costs few writes.
//
// * record never throws and never waits. What cannot be written is logged and dropped: events are
//   hints, and nothing may depend on them.
// * One object may cause a burst of 25 writes and then one per 5 minutes. Occurrences beyond that
//   are counted and show with the next write of their series.
// * Memory is bounded: at most MOST_SERIES series and objects are remembered. The least recently
//   used are dropped first.
import type { Clock } from "../../effects/clock.ts";
import { jitter, type Random } from "../../effects/random.ts";
import type { Log } from "../../observe/log.ts";
import { background } from "../../observe/background.ts";
import type { KubeClient } from "../client.ts";
import { isAlreadyExists, isForbidden, isNoAnswer, isNotFound, isTooManyRequests } from "../errors.ts";
import { newEvent, type EventAbout, type RecordedEvent } from "./event-object.ts";
import { Fifo } from "../queue/fifo.ts";
import { events } from "../kinds.ts";
import { Lru } from "./lru.ts";
import { secondsTime } from "../timestamps.ts";
import { TokenBucket } from "../pace/token-bucket.ts";
import { Waiters } from "../waiters.ts";

export type { EventAbout, RecordedEvent } from "./event-object.ts";

export interface EventRecorderDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface EventRecorderOptions {
  /** The reporting program: `source.component` and `reportingComponent`. */
  readonly component: string;
  /** The reporting process: `reportingInstance`. */
  readonly instance?: string;
}

/** client-go's figures: a burst per object, then one every five minutes. */
const BUCKET = { burst: 25, perSecond: 1 / 300 };
const MOST_SERIES = 4096;
/**
 * Concurrent writes: enough for a burst of claims, and few enough not to slow down other requests.
 */
const SLOTS = 8;
const TRIES = 4;
const FIRST_RETRY_MS = 1000;
const TIMEOUT_MS = 10_000;

interface Series {
  readonly name: string;
  readonly about: EventAbout;
  event: RecordedEvent;
  count: number;
  readonly firstAt: number;
  lastAt: number;
  /** Whether the Event is known to be on the server. */
  created: boolean;
  state: "idle" | "queued" | "sending";
  /** Occurred again while it was being sent. */
  again: boolean;
}

/** Records Events (core/v1) with deduplication and a rate limit per object. */
export class EventRecorder {
  readonly #deps: EventRecorderDeps;
  readonly #options: EventRecorderOptions;
  readonly #series = new Lru<Series>(MOST_SERIES);
  readonly #buckets = new Lru<TokenBucket>(MOST_SERIES);
  readonly #queue = new Fifo<Series>();
  readonly #flushes = new Waiters<undefined>();
  #sending = 0;
  #lastName = 0n;

  constructor(deps: EventRecorderDeps, options: EventRecorderOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Records one occurrence. Never throws, never blocks the caller. */
  record(about: EventAbout, event: RecordedEvent): void {
    try {
      this.#record(about, event);
    } catch (error) {
      this.#deps.log.error("event not recorded", { about, event, err: error });
    }
  }

  /**
   * Resolves when everything recorded so far has been written or dropped. Rejects with the signal's
   * reason when the signal is aborted first.
   */
  async flush(signal?: AbortSignal): Promise<void> {
    if (this.#sending > 0) await this.#flushes.wait(undefined, signal);
  }

  #record(about: EventAbout, event: RecordedEvent): void {
    const { clock } = this.#deps;
    const now = clock.now();
    const object = [about.kind, about.namespace ?? "", about.name, about.uid].join("\n");
    const same = event.dedupe ?? `${event.type}\n${event.reason}\n${event.message}`;
    const series = this.#series.getOrMake(`${object}\n${same}`, () => ({
      name: this.#newName(about.name, now),
      about,
      event,
      count: 0,
      firstAt: now,
      lastAt: now,
      created: false,
      state: "idle",
      again: false,
    }));
    series.count++;
    series.lastAt = now;
    series.event = event;
    if (series.state === "queued" || series.again) return;
    const bucket = this.#buckets.getOrMake(object, () => new TokenBucket(clock, BUCKET));
    if (!bucket.tryTake()) {
      this.#deps.log.debug("event held back, the object has had too many", {
        reason: event.reason,
        object: about.name,
      });
      return;
    }
    if (series.state === "sending") series.again = true;
    else this.#enqueue(series);
  }

  /**
   * A name as client-go makes them: the object's name and the time in hexadecimal nanoseconds. The
   * digits below the millisecond are random, and no name is used twice.
   */
  #newName(object: string, now: number): string {
    const nanoseconds =
      BigInt(Math.floor(now)) * 1_000_000n + BigInt(Math.floor(this.#deps.random.float() * 1_000_000));
    this.#lastName = nanoseconds > this.#lastName ? nanoseconds : this.#lastName + 1n;
    // A name has at most 253 characters. The cut part must not end with a dash or a dot.
    return `${object.slice(0, 236).replace(/[-.]+$/, "")}.${this.#lastName.toString(16)}`;
  }

  #enqueue(series: Series): void {
    series.state = "queued";
    this.#queue.push(series);
    while (this.#sending < SLOTS) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#sending++;
      void background(this.#deps.log, "event", this.#send(next));
    }
  }

  /** Uses one slot: writes this series, and then whatever is queued. */
  async #send(first: Series): Promise<void> {
    for (let series: Series | undefined = first; series !== undefined; series = this.#queue.shift()) {
      series.state = "sending";
      series.again = false;
      await this.#write(series);
      series.state = "idle";
      if (series.again) {
        series.again = false;
        series.state = "queued";
        this.#queue.push(series);
      }
    }
    this.#sending--;
    if (this.#sending === 0) this.#flushes.release(() => true);
  }

  /** Never rejects. */
  async #write(series: Series): Promise<void> {
    const { clock, random, log } = this.#deps;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#writeOnce(series);
        return;
      } catch (error) {
        const { reason, message } = series.event;
        const fields = { reason, message, object: series.about.name, namespace: series.about.namespace, err: error };
        if (isNotFound(error) || isForbidden(error)) {
          // The namespace is gone or terminating, or RBAC forbids the write: retrying does not
          // help.
          log.debug("event not written", fields);
          return;
        }
        if (!(isNoAnswer(error) || isTooManyRequests(error)) || attempt === TRIES) {
          log.warn("event not written", { ...fields, attempt });
          return;
        }
        const asked = (error.retryAfterSeconds ?? 0) * 1000;
        await clock.sleep(Math.max(asked, jitter(random, FIRST_RETRY_MS * 2 ** (attempt - 1), 1)));
      }
    }
  }

  async #writeOnce(series: Series): Promise<void> {
    const { client } = this.#deps;
    const object = newEvent(series, this.#options);
    const at = { name: series.name, namespace: object.metadata.namespace };
    const latest = { count: series.count, lastTimestamp: secondsTime(series.lastAt), message: object.message };
    if (series.created) {
      try {
        await client.patchMerge(events, at, latest, { timeoutMs: TIMEOUT_MS });
        return;
      } catch (error) {
        // The API server deletes Events after an hour. The series continues in a new Event.
        if (!isNotFound(error)) throw error;
        series.created = false;
      }
    }
    try {
      await client.create(events, object, { timeoutMs: TIMEOUT_MS });
    } catch (error) {
      // An earlier try of ours has created it, and its answer was lost.
      if (!isAlreadyExists(error)) throw error;
      await client.patchMerge(events, at, latest, { timeoutMs: TIMEOUT_MS });
    }
    series.created = true;
  }
}
