import { deepStrictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeMetrics } from "../metrics.ts";
import { WorkQueue } from "./work-queue.ts";

const newQueue = (options: Partial<ConstructorParameters<typeof WorkQueue>[1]> = {}) => {
  const clock = manualClock();
  return { clock, queue: new WorkQueue({ clock }, { name: "test", ...options }) };
};

describe("WorkQueue", () => {
  it("hands out a key once, however often it was added before", async () => {
    const { queue } = newQueue();
    queue.add("a");
    queue.add("b");
    queue.add("a");
    expect(queue.length).toBe(2);
    expect(await queue.get()).toBe("a");
    expect(await queue.get()).toBe("b");
    expect(queue.length).toBe(0);
  });

  it("holds back a key that is added while it is processed, and hands it out again after done", async () => {
    const { queue } = newQueue();
    queue.add("a");
    await queue.get();
    queue.add("a");
    queue.add("b");
    expect(await queue.get()).toBe("b");
    queue.done("a");
    expect(await queue.get()).toBe("a");
  });

  it("lets the earlier of two delays win, whichever was asked for first", async () => {
    for (const delays of [
      [100, 50],
      [50, 100],
    ]) {
      const { clock, queue } = newQueue();
      for (const ms of delays) queue.addAfter("a", ms);
      await clock.advance(49);
      expect(queue.length).toBe(0);
      await clock.advance(1);
      expect(await queue.get()).toBe("a");
      queue.done("a");
      await clock.advance(1000);
      expect(queue.length).toBe(0);
    }
  });

  it("arms one timer for any number of delayed keys, and none when there are none", async () => {
    const { clock, queue } = newQueue();
    for (let i = 0; i < 100; i++) queue.addAfter(`key-${i}`, 1000 - i);
    expect(clock.pending).toBe(1);
    await clock.advance(1000);
    expect(clock.pending).toBe(0);
    expect(queue.length).toBe(100);
    expect(await queue.get()).toBe("key-99");
  });

  it("doubles the delay of a key with each failure up to the longest, until it is forgotten", async () => {
    const { clock, queue } = newQueue({ baseDelayMs: 10, maxDelayMs: 50 });
    const delayOf = async (): Promise<number> => {
      const start = clock.monotonic();
      queue.addRateLimited("a");
      const got = queue.get();
      while (queue.length === 0 && clock.pending > 0) await clock.advance(1);
      queue.done((await got) ?? "");
      return clock.monotonic() - start;
    };
    const delays: number[] = [];
    for (let i = 0; i < 5; i++) delays.push(await delayOf());
    expect(delays).toEqual([10, 20, 40, 50, 50]);
    expect(queue.retries("a")).toBe(5);
    queue.forget("a");
    expect(queue.retries("a")).toBe(0);
    expect(await delayOf()).toBe(10);
  });

  it("spreads the retries of many keys by the bucket when that is slower than their own back-off", async () => {
    const { clock, queue } = newQueue({ qps: 10, burst: 2 });
    for (const key of ["a", "b", "c", "d"]) queue.addRateLimited(key);
    await clock.advance(5);
    expect(queue.length).toBe(2);
    await clock.advance(95);
    expect(queue.length).toBe(3);
    await clock.advance(100);
    expect(queue.length).toBe(4);
  });

  it("serves those who wait in the order in which they came, and forgets one whose signal is aborted", async () => {
    const { queue } = newQueue();
    const gone = new AbortController();
    const first = queue.get();
    const second = queue.get(gone.signal);
    const third = queue.get();
    gone.abort();
    queue.add("a");
    queue.add("b");
    expect(await Promise.all([first, second, third])).toEqual(["a", undefined, "b"]);
    expect(await queue.get(gone.signal)).toBeUndefined();
  });

  it("after shutDown hands out what waits, drops what is delayed, and takes nothing new", async () => {
    const { clock, queue } = newQueue();
    queue.add("a");
    queue.addAfter("late", 10);
    queue.shutDown();
    queue.add("b");
    queue.addAfter("c", 1);
    queue.addRateLimited("d");
    expect(clock.pending).toBe(0);
    expect(await queue.get()).toBe("a");
    expect(await queue.get()).toBeUndefined();
  });

  it("is drained only when the last key is done, a second round included", async () => {
    const { clock, queue } = newQueue();
    queue.add("a");
    await queue.get();
    queue.add("a");
    let drained = false;
    void queue.drained().then(() => (drained = true));
    queue.shutDown();
    const again = queue.get();
    await clock.advance(0);
    expect(drained).toBe(false);
    queue.done("a");
    expect(await again).toBe("a");
    expect(drained).toBe(false);
    queue.done("a");
    await clock.advance(0);
    expect(drained).toBe(true);
    await queue.drained();
  });

  it("tells client-go's metrics", async () => {
    const registry = new Registry();
    const { clock, queue } = newQueue({ metrics: new KubeMetrics(registry) });
    const value = async (name: string): Promise<number | undefined> =>
      (await registry.getSingleMetric(name)?.get())?.values.find(
        (v) => !("metricName" in v) || String(v.metricName).endsWith("_sum"),
      )?.value;
    queue.add("a");
    queue.add("b");
    await clock.advance(500);
    await queue.get();
    expect(await value("workqueue_depth")).toBe(1);
    expect(await value("workqueue_adds_total")).toBe(2);
    expect(await value("workqueue_queue_duration_seconds")).toBe(0.5);
    await clock.advance(2000);
    expect(await value("workqueue_unfinished_work_seconds")).toBe(2);
    expect(await value("workqueue_longest_running_processor_seconds")).toBe(2);
    queue.done("a");
    queue.addRateLimited("a");
    expect(await value("workqueue_work_duration_seconds")).toBe(2);
    expect(await value("workqueue_unfinished_work_seconds")).toBe(0);
    expect(await value("workqueue_retries_total")).toBe(1);
  });
});

type Step =
  | { readonly do: "add" | "addRateLimited" | "forget" | "done"; readonly key: string }
  | { readonly do: "addAfter"; readonly key: string; readonly ms: number }
  | { readonly do: "advance"; readonly ms: number }
  | { readonly do: "get" | "shutDown" };

/** The queue as one would explain it: lists, searched from the front. */
class Model {
  waiting: string[] = [];
  again: string[] = [];
  processing: string[] = [];
  delayed: { key: string; due: number; order: number }[] = [];
  failures: Record<string, number> = {};
  /** What each get has been given so far; null: it still waits. */
  gets: (string | undefined | null)[] = [];
  now = 0;
  down = false;
  #orders = 0;

  apply(step: Step): void {
    switch (step.do) {
      case "add":
        this.#add(step.key);
        break;
      case "addAfter":
        this.#later(step.key, step.ms);
        break;
      case "addRateLimited": {
        if (this.down) break;
        const failures = this.failures[step.key] ?? 0;
        this.failures[step.key] = failures + 1;
        this.#later(step.key, Math.min(40, 5 * 2 ** failures));
        break;
      }
      case "forget":
        this.failures[step.key] = 0;
        break;
      case "done":
        if (!this.processing.includes(step.key)) break;
        this.processing = this.processing.filter((key) => key !== step.key);
        if (this.again.includes(step.key)) {
          this.again = this.again.filter((key) => key !== step.key);
          this.waiting.push(step.key);
        }
        break;
      case "advance": {
        const until = this.now + step.ms;
        const due = this.delayed.filter((entry) => entry.due <= until);
        this.delayed = this.delayed.filter((entry) => entry.due > until);
        due.sort((a, b) => a.due - b.due || a.order - b.order);
        for (const { key } of due) {
          this.#add(key);
          this.#serve();
        }
        this.now = until;
        break;
      }
      case "get":
        this.gets.push(null);
        break;
      case "shutDown":
        this.down = true;
        this.delayed = [];
        break;
      default:
        step satisfies never;
    }
    this.#serve();
  }

  #add(key: string): void {
    if (this.down) return;
    if (this.processing.includes(key)) {
      if (!this.again.includes(key)) this.again.push(key);
    } else if (!this.waiting.includes(key)) this.waiting.push(key);
  }

  #later(key: string, ms: number): void {
    if (this.down) return;
    if (ms <= 0) {
      this.#add(key);
      return;
    }
    const due = this.now + ms;
    const known = this.delayed.find((entry) => entry.key === key);
    if (known !== undefined && known.due <= due) return;
    this.delayed = this.delayed.filter((entry) => entry.key !== key);
    this.delayed.push({ key, due, order: this.#orders++ });
  }

  #serve(): void {
    for (let at = this.gets.indexOf(null); at >= 0; at = this.gets.indexOf(null)) {
      const key = this.waiting.shift();
      if (key === undefined && !(this.down && this.again.length === 0)) return;
      this.gets[at] = key;
      if (key !== undefined) this.processing.push(key);
    }
  }
}

describe("WorkQueue against its model", () => {
  const KEYS = ["a", "b", "c"];
  const key = fc.constantFrom(...KEYS);
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("add" as const), key }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant("addAfter" as const), key, ms: fc.integer({ min: -1, max: 30 }) }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("addRateLimited" as const, "forget" as const), key }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant("done" as const), key }) },
    { weight: 5, arbitrary: fc.constant({ do: "get" as const }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("advance" as const), ms: fc.integer({ min: 0, max: 20 }) }) },
    { weight: 1, arbitrary: fc.constant({ do: "shutDown" as const }) },
  );

  it("hands out the same keys to the same callers, whatever is done in whatever order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { clock, queue } = newQueue({ baseDelayMs: 5, maxDelayMs: 40, burst: 1000 });
        const model = new Model();
        const gets: (string | undefined | null)[] = [];
        let drained = false;
        void queue.drained().then(() => (drained = true));
        for (const one of steps) {
          model.apply(one);
          switch (one.do) {
            case "addAfter":
              queue.addAfter(one.key, one.ms);
              break;
            case "advance":
              await clock.advance(one.ms);
              break;
            case "get": {
              const at = gets.push(null) - 1;
              void queue.get().then((got) => (gets[at] = got));
              break;
            }
            case "shutDown":
              queue.shutDown();
              break;
            case "add":
            case "addRateLimited":
            case "forget":
            case "done":
              queue[one.do](one.key);
              break;
            default:
              one satisfies never;
          }
          // All outcomes are decided inside the call: one turn of the promises shows them.
          await Promise.resolve();
          // Not by expect(): 34,000 of them took longer than everything else here.
          deepStrictEqual(
            { gets, length: queue.length, retries: KEYS.map((k) => queue.retries(k)), pending: clock.pending, drained },
            {
              gets: model.gets,
              length: model.waiting.length,
              retries: KEYS.map((k) => model.failures[k] ?? 0),
              pending: model.delayed.length === 0 ? 0 : 1,
              drained: model.down && model.waiting.length + model.again.length + model.processing.length === 0,
            },
          );
        }
      }),
      { numRuns: 1000 },
    );
  });
});
