import { expect, test } from "vitest";
import { LITTLE_BYTES, MOST_PASSES, PASS_EVERY_MS, pauseBeforeNext } from "./passes.ts";

const MUCH = 100 * LITTLE_BYTES;
const took = (tookMs: number, toReadAgain = MUCH) => ({ tookMs, toReadAgain });

test("little was sent: no further pass", () => {
  expect(pauseBeforeNext([0], took(5))).toBeUndefined();
  expect(pauseBeforeNext([MUCH, LITTLE_BYTES], took(5))).toBeUndefined();
});

test("what shrinks is gone through again, and what does not is not", () => {
  expect(pauseBeforeNext([MUCH], took(5))).toBe(PASS_EVERY_MS - 5);
  expect(pauseBeforeNext([MUCH, MUCH / 2], took(5))).toBe(PASS_EVERY_MS - 5);
  expect(pauseBeforeNext([MUCH, MUCH * 0.8], took(5))).toBeUndefined();
  expect(pauseBeforeNext([MUCH, MUCH * 2], took(5))).toBeUndefined();
});

test("after a long pass there is no pause, nor where little was young", () => {
  expect(pauseBeforeNext([MUCH], took(5, LITTLE_BYTES))).toBe(0);
  expect(pauseBeforeNext([MUCH], took(60_000))).toBe(0);
});

test("there are not more than a few passes", () => {
  const halves = Array.from({ length: MOST_PASSES }, (_, index) => MUCH / 2 ** index);
  expect(pauseBeforeNext(halves.slice(0, -1), took(0))).toBeDefined();
  expect(pauseBeforeNext(halves, took(0))).toBeUndefined();
});
