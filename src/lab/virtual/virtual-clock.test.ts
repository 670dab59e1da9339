import { expect, test } from "vitest";
import { virtualClock } from "./virtual-clock.ts";

test("timers fire in the order of their times, and those of one time in the order in which they were set", async () => {
  const clock = virtualClock();
  const fired: string[] = [];
  for (const [name, ms] of Object.entries({ d: 30, a: 10, b: 10, e: 40, c: 20, f: 41 })) {
    clock.after(ms, () => fired.push(`${name} ${clock.monotonic()}`));
  }
  await clock.run(40);
  expect(fired).toEqual(["a 10", "b 10", "c 20", "d 30", "e 40"]);
  expect(clock.monotonic()).toBe(40);
});

test("what a timer sets off is through before the next timer fires, however long its chain of promises", async () => {
  const clock = virtualClock();
  const seen: string[] = [];
  clock.after(10, () => {
    void (async () => {
      for (let step = 0; step < 1000; step += 1) await Promise.resolve();
      seen.push("chain");
      await clock.sleep(0);
      seen.push("same time");
    })();
  });
  clock.after(11, () => seen.push("next"));
  await clock.run(20);
  expect(seen).toEqual(["chain", "same time", "next"]);
});

test("a cancelled timer and an aborted sleep do not fire", async () => {
  const clock = virtualClock();
  const stop = new AbortController();
  const seen: string[] = [];
  const cancel = clock.after(10, () => seen.push("cancelled"));
  void clock.sleep(10, stop.signal).catch(() => seen.push("aborted"));
  clock.after(5, () => {
    cancel();
    stop.abort();
  });
  await clock.run(20);
  expect(seen).toEqual(["aborted"]);
});

test("a run ends at the moment that its condition comes true", async () => {
  const clock = virtualClock();
  let ticks = 0;
  const tick = (): void => {
    ticks += 1;
    clock.after(10, tick);
  };
  clock.after(10, tick);
  expect(await clock.run(1000, () => ticks === 3)).toBe(true);
  expect(clock.monotonic()).toBe(30);
  expect(await clock.run(15, () => ticks === 9)).toBe(false);
  expect(clock.monotonic()).toBe(45);
});

test("many timers in any order come out sorted", async () => {
  const clock = virtualClock();
  const fired: number[] = [];
  for (let index = 0; index < 500; index += 1) {
    const ms = (index * 7919) % 503;
    const cancel = clock.after(ms, () => fired.push(ms));
    if (index % 5 === 0) cancel();
  }
  await clock.run(503);
  expect(fired).toHaveLength(400);
  expect(fired).toEqual(fired.toSorted((a, b) => a - b));
});

test("a run whose time does not advance fails instead of running for ever", async () => {
  const clock = virtualClock();
  const again = (): void => {
    clock.after(0, again);
  };
  clock.after(7, again);
  await expect(clock.run(1000)).rejects.toThrow(/^the time stands still at 7 ms: \d+ timers have fired at it$/);
});
