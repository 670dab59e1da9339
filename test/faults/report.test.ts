import { expect, test } from "vitest";
import { vitestReport } from "./report.ts";

function statuses(known: readonly number[], failed: readonly number[]): unknown {
  const failures = failed.map((seed) => ({ seed, failure: `of ${seed}`, lasted: 0 }));
  const { testResults } = vitestReport({ suite: "classic", runs: 10, seed: 1 }, known, failures) as {
    readonly testResults: readonly {
      readonly status: string;
      readonly assertionResults: readonly { title: string; status: string; failureMessages: readonly string[] }[];
    }[];
  };
  return testResults.map(({ status, assertionResults }) => [
    status,
    ...assertionResults.map((one) => [one.title, one.status, ...one.failureMessages]),
  ]);
}

test("the row and each known seed have passed when nothing failed", () => {
  expect(statuses([5, 6], [])).toEqual([
    ["passed", ["10 runs from 1", "passed"], ["known seed 5", "passed"], ["known seed 6", "passed"]],
  ]);
});

test("a run of the row that failed fails the row, and stands by itself with its seed", () => {
  expect(statuses([5], [8])).toEqual([
    ["failed", ["10 runs from 1", "failed", "1 failed"], ["known seed 5", "passed"], ["seed 8", "failed", "of 8"]],
  ]);
});

test("a known seed that failed does not fail the row", () => {
  expect(statuses([5, 6], [6])).toEqual([
    ["failed", ["10 runs from 1", "passed"], ["known seed 5", "passed"], ["known seed 6", "failed", "of 6"]],
  ]);
});
