import { expect, test } from "vitest";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import { KeyedLock } from "./keyed-lock.ts";

/** Work that the test ends. */
function held() {
  let end: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { end, work: () => done };
}

test("one operation per key at a time, in the order in which they came", async () => {
  const locks = new KeyedLock();
  const first = held();
  const order: string[] = [];
  const running = locks.run("a", first.work);
  const next = ["b", "c"].map((name) => locks.run("a", () => Promise.resolve(order.push(name))));
  await locks.run("other", () => Promise.resolve());
  expect(order).toEqual([]);
  expect(locks.busy("a")).toBe(true);
  first.end();
  await Promise.all([running, ...next]);
  expect(order).toEqual(["b", "c"]);
  expect(locks.busy("a")).toBe(false);
});

test("who is called off while it waits waits no longer, is not begun, and lets nobody pass", async () => {
  const locks = new KeyedLock();
  const first = held();
  const order: string[] = [];
  const running = locks.run("a", first.work);
  const stop = new AbortController();
  const waiting = locks.run("a", () => Promise.resolve(order.push("b")), stop.signal);
  const last = locks.run("a", () => Promise.resolve(order.push("c")));
  stop.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  await settle();
  expect(order).toEqual([]);
  first.end();
  await Promise.all([running, last]);
  expect(order).toEqual(["c"]);
});
