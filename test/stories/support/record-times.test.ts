import { expect, test } from "vitest";
import { longestGapMs, timesOf } from "./record-times.ts";

const at = (second: string): number => Date.parse(`2026-01-01T00:00:${second}Z`);
const LOG = `2026-01-01T00:00:01.000000001Z 1
2026-01-01T00:00:02.500000000Z 2 a
2026-01-01T00:00:02.6Z something else
2026-01-01T00:00:09.000000000Z 3
2026-01-01T00:00:09.100000`;

test("a log with times gives the records and when they were acknowledged", () => {
  expect(timesOf(LOG)).toEqual([
    { atMs: at("01"), record: 1, start: "" },
    { atMs: at("02.5"), record: 2, start: "a" },
    { atMs: at("09"), record: 3, start: "" },
  ]);
});

test.each([
  ["between two records", "00", "10", 6_500],
  ["before the end", "08", "20", 11_000],
  ["since the beginning", "03", "09.5", 6_000],
  ["where there is no record at all", "04", "08", 4_000],
])("the longest gap counts %s", (_, from, until, gap) => {
  expect(longestGapMs(timesOf(LOG), at(from), at(until))).toBe(gap);
});
