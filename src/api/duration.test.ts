import { expect, test } from "vitest";
import { msOfDuration } from "./duration.ts";

test.each([
  ["60s", 60_000],
  ["250ms", 250],
  ["5m", 300_000],
  ["1h30m", 5_400_000],
  ["1m30s", 90_000],
  ["0s", 0],
])("%s is %i ms", (text, ms) => {
  expect(msOfDuration(text)).toBe(ms);
});

test.each(["", "60", "s", "1.5s", "-1s", "1 m", "1d", "1s "])("%j is no duration", (text) => {
  expect(msOfDuration(text)).toBeUndefined();
});
