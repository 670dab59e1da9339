import { expect, test } from "vitest";
import {
  anotherPass,
  finalPassMs,
  LITTLE_BYTES,
  LivePasses,
  MOST_ADVANCES,
  MOST_PASSES,
  type EndedPass,
  type Next,
} from "./passes.ts";

const MIB = 1024 ** 2;
const MUCH = 100 * LITTLE_BYTES;
const MINUTE_MS = 60_000;

/** A pass at 100 MiB/s. Figures are MiB; it has read what it has sent, or more. */
function pass(sent: number, toRead = 0, read = sent): EndedPass {
  const tookMs = Math.max(sent, read) * 10;
  return { sent: sent * MIB, tookMs, source: { read: read * MIB, toRead: toRead * MIB, heldMs: 0 } };
}

/** A pass whose source does not tell what it has read, because its agent is older. */
function untold(sent: number): EndedPass {
  return { sent: sent * MIB, tookMs: sent * 10 };
}

const HUGE = 20_000;

test.each<[title: string, next: Next, history: readonly EndedPass[], maxDowntimeMs?: number]>([
  ["little was sent, and nothing is to be read", "ready", [pass(10)]],
  ["nothing was sent at all", "ready", [pass(0)]],
  ["little was sent, and what is to be read fits", "ready", [pass(16, 1000, 1000)]],
  ["the first pass says nothing of what the second one sends", "on", [pass(17)]],
  ["what is sent gets less", "on", [pass(1000), pass(700)]],
  ["what is sent hardly gets less, and fits", "ready", [pass(1000), pass(701)]],
  ["it gets less until little is left", "ready", [pass(1000), pass(100), pass(16)]],
  ["what is sent gets more", "ready", [pass(1000), pass(2000)]],
  ["what is sent gets more, and does not fit", "unshrinking", [pass(5000), pass(7000)]],
  ["what is sent hardly gets less, and does not fit", "unshrinking", [pass(1000), pass(800)], 5000],
  ["it gets less, although it does not fit yet", "on", [pass(20_000), pass(10_000)]],
  ["it fits, but another pass takes more than a minute", "ready", [pass(20_000), pass(10_000)], 2 * MINUTE_MS],
  ["too many passes, and it fits", "ready", [pass(900), pass(600), pass(400), pass(200), pass(100)]],
  ["too many passes, and it does not fit", "most", [pass(900), pass(600), pass(400), pass(200), pass(100)], 500],
  // Counted apart: what is to be read.
  ["there is much to read, after the first pass", "on", [pass(10, HUGE, HUGE)]],
  ["there is as much to read each time", "unshrinking", [pass(HUGE, HUGE), pass(10, HUGE, HUGE)]],
  [
    "there is as much to read each time, and it may take so long",
    "ready",
    [pass(HUGE, HUGE), pass(10, HUGE, HUGE)],
    250_000,
  ],
  ["there is less to read each time", "on", [pass(HUGE, HUGE), pass(10, HUGE * 0.7, HUGE)]],
  ["there is less to read each time, and more to send", "on", [pass(100, HUGE, HUGE), pass(200, HUGE / 2, HUGE)]],
  ["there is less to read each time, and it fits", "ready", [pass(100, 2000, 2000), pass(90, 1000, 2000)]],
  // An older agent does not tell what it has read.
  ["the source does not tell, little was sent", "ready", [untold(1000), untold(10)]],
  ["the source does not tell, what is sent gets less", "on", [untold(1000), untold(500)]],
  ["the source does not tell, what is sent hardly gets less", "ready", [untold(1000), untold(900)]],
])("%s: %s", (_title, next, history, maxDowntimeMs = MINUTE_MS) => {
  expect(anotherPass(history, maxDowntimeMs)).toBe(next);
});

test("the final pass reads and sends at the highest speeds so far", () => {
  expect(finalPassMs([pass(1000, 500)])).toBe(15_000);
  // The second pass was slow, because it had little to do but look at files.
  const slow = { sent: MIB, tookMs: 10_000, source: { read: 2 * MIB, toRead: 300 * MIB, heldMs: 0 } };
  expect(finalPassMs([pass(1000), slow])).toBe(3010);
});

test("a speed limit counts only for the bytes to send", () => {
  const limited = {
    sent: 1000 * MIB,
    tookMs: 100_000,
    source: { read: 1000 * MIB, toRead: 500 * MIB, heldMs: 90_000 },
  };
  expect(finalPassMs([limited])).toBe(100_000 + 5000);
});

test.each<[string, number, number]>([
  ["nothing, as a pass does that continues another one", 0, 5243],
  ["too little to tell a speed", 0.001, 5243],
  ["enough to tell one, 100 MiB a second", 1, 5000],
])("500 MiB are to be read after a pass that has read %s", (_what, read, expected) => {
  expect(finalPassMs([pass(0, 500, read)])).toBe(expected);
});

test("a pass that has no speed, as after a break, is judged by the speeds of earlier tries", () => {
  const passes = new LivePasses(0, MINUTE_MS);
  passes.beginTry();
  // 10 MiB a second for both.
  passes.ended({ sent: 500 * MIB, tookMs: 50_000, source: { read: 500 * MIB, toRead: 400 * MIB, heldMs: 0 } });
  passes.beginTry();
  passes.beginTry();
  const little = { sent: 0, tookMs: 10, source: { read: 0, toRead: 700 * MIB, heldMs: 0 } };
  expect(passes.ended(little)).toBe("on");
  expect(passes.report?.finalMs).toBe(70_000);
  // A speed that this try tells counts alone, also if it is lower: the network may be another one.
  passes.ended({ sent: 2 * MIB, tookMs: 1000, source: { read: 2 * MIB, toRead: 100 * MIB, heldMs: 0 } });
  expect(passes.report?.finalMs).toBe(51_000);
});

test("an estimate stays a number that the API server takes", () => {
  const source = { read: MIB, toRead: Number.MAX_SAFE_INTEGER, heldMs: 0 };
  expect(finalPassMs([{ sent: 0, tookMs: 1e9, source }])).toBe(Number.MAX_SAFE_INTEGER);
});

test("the figures of a pass are reported until the next one has ended", () => {
  const passes = new LivePasses(0, MINUTE_MS);
  passes.beginTry();
  expect(passes.report).toBeUndefined();
  passes.ended(pass(1000, 500));
  const first = { number: 1, sent: 1000 * MIB, read: 1000 * MIB, toRead: 500 * MIB, tookMs: 10_000, finalMs: 15_000 };
  expect(passes.report).toEqual(first);
  passes.beginTry();
  expect(passes.report).toEqual(first);
  passes.ended(untold(100));
  expect(passes.report).toEqual({ number: 2, sent: 100 * MIB, tookMs: 1000, finalMs: 1000 });
});

test("tries in between that broke do not allow more passes", () => {
  const passes = new LivePasses(0, MINUTE_MS);
  const isWorth = Array.from({ length: MOST_PASSES }, () => {
    passes.beginTry();
    return passes.ended(pass(MUCH / MIB));
  });
  expect(isWorth).toEqual([...Array.from({ length: MOST_PASSES - 1 }, () => "on"), "ready"]);
});

/** Which of these tries have advanced. Each has brought so many files of a pass before it broke. */
function advances(arrived: readonly number[], before = 0): readonly boolean[] {
  const passes = new LivePasses(before, MINUTE_MS);
  return arrived.map((files) => {
    passes.beginTry();
    return passes.hasAdvanced(files);
  });
}

test("a try has advanced when more files have arrived than in every try before it", () => {
  expect(advances([1, 2, 2, 3])).toEqual([true, true, false, true]);
  expect(advances([5, 3, 4, 5, 6])).toEqual([true, false, false, false, true]);
  expect(advances([0, 0])).toEqual([false, false]);
});

test("files that had arrived before the first try do not count", () => {
  expect(advances([7, 8], 7)).toEqual([false, true]);
});

test("a try in which a pass has ended has advanced, and the files are counted from there", () => {
  const passes = new LivePasses(0, MINUTE_MS);
  passes.beginTry();
  expect(passes.hasAdvanced(9)).toBe(true);
  passes.beginTry();
  passes.ended(pass(MUCH / MIB));
  expect(passes.hasAdvanced(0)).toBe(true);
  passes.beginTry();
  expect(passes.hasAdvanced(0)).toBe(false);
  expect(passes.hasAdvanced(1)).toBe(true);
});

test("a pass that never ends has only so many tries, although new files arrive in each", () => {
  const tries = Array.from({ length: MOST_ADVANCES + 3 }, (_, index) => 1000 + index);
  const all = advances(tries);
  expect(all.lastIndexOf(true)).toBe(MOST_ADVANCES - 1);
  const passes = new LivePasses(0, MINUTE_MS);
  for (const files of tries) passes.hasAdvanced(files);
  passes.ended(pass(MUCH / MIB));
  expect(passes.hasAdvanced(1)).toBe(true);
});
