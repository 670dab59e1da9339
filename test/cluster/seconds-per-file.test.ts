import { expect, test } from "vitest";
import { slowestFiles, whileTestsRan } from "./seconds-per-file.ts";

test("the slowest files come first, and the last line is the sum", () => {
  const times = [
    { file: "a.story.ts", ms: 1_040, besideMs: 0, tests: 1 },
    { file: "c.story.ts", ms: 61_250, besideMs: 20_000, tests: 12 },
    { file: "b.story.ts", ms: 9_000, besideMs: 500, tests: 2 },
  ];
  expect(slowestFiles(times, 2).split("\n")).toEqual([
    " seconds   no test  tests  file (the slowest 2 of 3)",
    "    61.3      20.0     12  c.story.ts",
    "     9.0       0.5      2  b.story.ts",
    "    71.3      20.5     15  all files",
  ]);
});

test("time in which several tests ran counts once", () => {
  const tests = [
    { startTime: 5_000, duration: 1_000 },
    { startTime: 1_000, duration: 1_000 },
    { startTime: 1_200, duration: 100 },
    { startTime: 1_500, duration: 2_000 },
  ];
  expect(whileTestsRan(tests)).toBe(2_500 + 1_000);
  expect(whileTestsRan([])).toBe(0);
});
