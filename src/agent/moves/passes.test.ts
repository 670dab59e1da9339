import { expect, test } from "vitest";
import { LITTLE_BYTES, MOST_PASSES, PASS_EVERY_MS, pauseBeforeNext } from "./passes.ts";

const MUCH = 100 * LITTLE_BYTES;

test("little was sent: no further pass", () => {
  expect(pauseBeforeNext([0], 5)).toBeUndefined();
  expect(pauseBeforeNext([MUCH, LITTLE_BYTES], 5)).toBeUndefined();
});

test("what shrinks is gone through again, and what does not is not", () => {
  expect(pauseBeforeNext([MUCH], 5)).toBe(PASS_EVERY_MS - 5);
  expect(pauseBeforeNext([MUCH, MUCH / 2], 5)).toBe(PASS_EVERY_MS - 5);
  expect(pauseBeforeNext([MUCH, MUCH * 0.8], 5)).toBeUndefined();
  expect(pauseBeforeNext([MUCH, MUCH * 2], 5)).toBeUndefined();
});

test("after a long pass there is no pause", () => {
  expect(pauseBeforeNext([MUCH], 60_000)).toBe(0);
});

test("there are not more than a few passes", () => {
  const halves = Array.from({ length: MOST_PASSES }, (_, index) => MUCH / 2 ** index);
  expect(pauseBeforeNext(halves.slice(0, -1), 0)).toBeDefined();
  expect(pauseBeforeNext(halves, 0)).toBeUndefined();
});
