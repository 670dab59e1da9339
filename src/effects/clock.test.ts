import { expect, test } from "vitest";
import { within } from "./clock.ts";
import { manualClock } from "./testing/manual-clock.fixture.ts";

/** Work that ends only with its signal, and then rejects with the signal's reason. */
const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => {
      reject(signal.reason as Error);
    });
  });

test("work that ends in time resolves, and its timer is gone", async () => {
  const clock = manualClock();
  await expect(within(clock, 1000, undefined, () => Promise.resolve("done"))).resolves.toBe("done");
  expect(clock.pending).toBe(0);
});

test("work that takes too long rejects with what `late` returns", async () => {
  const clock = manualClock();
  const end = within(clock, 1000, new AbortController().signal, untilAborted, () => new Error("too late"));
  const rejected = expect(end).rejects.toThrow("too late");
  await clock.advance(1000);
  await rejected;
});

test("work whose parent is aborted rejects with its own error", async () => {
  const parent = new AbortController();
  const end = within(manualClock(), 1000, parent.signal, untilAborted, () => new Error("too late"));
  parent.abort(new Error("stopped"));
  await expect(end).rejects.toThrow("stopped");
});

test("work that fails in time rejects with its own error", async () => {
  const fail = (): Promise<never> => Promise.reject(new Error("refused"));
  await expect(within(manualClock(), 1000, undefined, fail, () => new Error("too late"))).rejects.toThrow("refused");
});
