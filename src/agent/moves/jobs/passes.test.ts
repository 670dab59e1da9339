import { expect, test } from "vitest";
import { LITTLE_BYTES, LivePasses, MOST_ADVANCES, MOST_PASSES } from "./passes.ts";

const MUCH = 100 * LITTLE_BYTES;

/** Whether another pass is made after passes that have sent so many bytes, all in one try. */
function isWorthAnother(sent: readonly number[]): boolean | undefined {
  const passes = new LivePasses(0);
  passes.beginTry();
  return sent.map((bytes) => passes.ended(bytes)).at(-1);
}

test("little was sent: no further pass", () => {
  expect(isWorthAnother([0])).toBe(false);
  expect(isWorthAnother([MUCH, LITTLE_BYTES])).toBe(false);
});

test("what shrinks is gone through again, and what does not is not", () => {
  expect(isWorthAnother([MUCH])).toBe(true);
  expect(isWorthAnother([MUCH, MUCH / 2])).toBe(true);
  expect(isWorthAnother([MUCH, MUCH * 0.8])).toBe(false);
  expect(isWorthAnother([MUCH, MUCH * 2])).toBe(false);
});

test("there are not more than a few passes", () => {
  const halves = Array.from({ length: MOST_PASSES }, (_, index) => MUCH / 2 ** index);
  expect(isWorthAnother(halves.slice(0, -1))).toBe(true);
  expect(isWorthAnother(halves)).toBe(false);
});

test("nor are there more because of tries in between that broke", () => {
  const passes = new LivePasses(0);
  const isWorth = Array.from({ length: MOST_PASSES }, () => {
    passes.beginTry();
    return passes.ended(MUCH);
  });
  expect(isWorth).toEqual([...Array.from({ length: MOST_PASSES - 1 }, () => true), false]);
});

/** Which of these tries have advanced. Each has brought so many files of a pass before it broke. */
function advances(arrived: readonly number[], before = 0): readonly boolean[] {
  const passes = new LivePasses(before);
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
  const passes = new LivePasses(0);
  passes.beginTry();
  expect(passes.hasAdvanced(9)).toBe(true);
  passes.beginTry();
  passes.ended(MUCH);
  expect(passes.hasAdvanced(0)).toBe(true);
  passes.beginTry();
  expect(passes.hasAdvanced(0)).toBe(false);
  expect(passes.hasAdvanced(1)).toBe(true);
});

test("a pass that never ends has only so many tries, although new files arrive in each", () => {
  const tries = Array.from({ length: MOST_ADVANCES + 3 }, (_, index) => 1000 + index);
  const all = advances(tries);
  expect(all.lastIndexOf(true)).toBe(MOST_ADVANCES - 1);
  const passes = new LivePasses(0);
  for (const files of tries) passes.hasAdvanced(files);
  passes.ended(MUCH);
  expect(passes.hasAdvanced(1)).toBe(true);
});
