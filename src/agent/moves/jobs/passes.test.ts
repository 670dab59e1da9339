import { expect, test } from "vitest";
import { isWorthAnother, LITTLE_BYTES, MOST_PASSES } from "./passes.ts";

const MUCH = 100 * LITTLE_BYTES;

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
