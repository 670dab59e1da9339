import { defineConfig } from "vitest/config";

/**
 * Tests of the crash runs themselves: that a defect put in on purpose is found, that a run repeats
 * exactly, that the known seeds pass. They say nothing that a change of the product breaks and the
 * crash runs of CI do not find, and take as long as a sixth of all other tests. `npm test` leaves
 * them out.
 */
export const TESTS_OF_CRASH_RUNS: readonly string[] = [
  "test/faults/moves/sabotage.test.ts",
  "test/faults/moves/runs.test.ts",
  "test/faults/moves/kept-small.test.ts",
  "test/faults/moves/failed-target.test.ts",
  "test/faults/replay.test.ts",
  "test/faults/runs.test.ts",
  "test/faults/sabotage.test.ts",
  "test/faults/main.test.ts",
];

/** What `npm run test:crash` runs. */
export default defineConfig({
  test: {
    include: [...TESTS_OF_CRASH_RUNS],
    globalSetup: "test/program/bundle-directory.ts",
    isolate: false,
    maxWorkers: 2,
    // As in vitest.config.ts.
    execArgv: ["--single-threaded-gc"],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 120_000 } },
    reporters: process.env["CI_JSON"] === undefined ? ["default"] : ["default", "json"],
    outputFile: process.env["CI_JSON"] === undefined ? {} : { json: process.env["CI_JSON"] },
  },
});
