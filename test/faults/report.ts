import type { SuiteName } from "./suites.ts";
import type { SeedResult } from "./workers.ts";

/**
 * What tools/sum-results.mjs reads: a vitest report with the row of runs as one test, each known
 * seed as one, and each failure as one.
 */
export function vitestReport(
  row: { readonly suite: SuiteName; readonly runs: number; readonly seed: number },
  known: readonly number[],
  failures: readonly SeedResult[],
): object {
  const failed = new Map(failures.map((result) => [result.seed, result]));
  const test = (title: string, failure: string | undefined) => ({
    ancestorTitles: [`crash runs of ${row.suite}`],
    title,
    status: failure === undefined ? "passed" : "failed",
    failureMessages: failure === undefined ? [] : [failure],
  });
  const others = failures.filter(({ seed }) => !known.includes(seed));
  const inRow = others.length === 0 ? undefined : `${others.length} failed`;
  const assertionResults = [
    test(`${row.runs} runs from ${row.seed}`, inRow),
    ...known.map((seed) => test(`known seed ${seed}`, failed.get(seed)?.failure)),
    ...others.map(({ seed, failure }) => test(`seed ${seed}`, failure)),
  ];
  return { testResults: [{ status: failures.length === 0 ? "passed" : "failed", assertionResults }] };
}
