import { configDefaults, defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { TESTS_OF_CRASH_RUNS } from "./vitest.crash.config.ts";

/**
 * Of a test or hook that will never end. No test measures by it, and a machine that has other
 * things to do is no defect: the slowest takes half a minute on an idle one.
 */
const FOREVER_MS = 900_000;
/** Of a condition that will never come. It ends before the test, and says what it waited for. */
const NEVER = { poll: { timeout: 120_000 } };

/**
 * The files that take longest, the longest first: what begins last decides when the run ends, and
 * by itself vitest goes by the size of a file. Those that wait are between those that compute.
 */
const LONGEST = [
  "src/agent/transfer/broken",
  "test/stories/movable/ends",
  "src/agent/transfer/patch",
  "test/stories/movable/drain-groups",
  "src/agent/transfer/live",
  "test/stories/movable/drain-node",
  "src/agent/transfer/large",
  "test/demo/demo",
  "test/faults/clients/scenes",
  "src/move/model/model",
  "test/stories/movable/scouts",
  "src/agent/transfer/kept",
  "test/stories/movable/drain-two",
  "test/stories/movable/drain-apart",
  "test/stories/volume-life",
  "test/faults/clients/autoscaler",
  "test/conformance/lab",
  "test/stories/movable/placement",
  "src/agent/transfer/engine",
  "test/stories/too-long",
  "test/faults/clients/kubectl",
  "test/stories/leader",
  "src/agent/moves/prepared-passes",
  "test/stories/upstream",
  "test/program/events",
  "src/kube/leader/leader-election-faults",
  "test/stories/movable/move",
  "src/agent/transfer/tree/small-files",
  "test/moor/moor",
  "test/stories/movable/life",
  "test/bench/move/bench-move",
  "test/stories/movable/drain",
  "test/stories/uninstall",
  "test/faults/clients/once",
  "src/agent/holders/holders",
  "src/controller/webhook/renew-certificates",
  "test/stories/original-manifest",
  "test/stories/drain",
  "src/move/plan/phases/downtime",
  "src/move/plan/plan-move",
  "src/move/plan/telling",
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONGEST.findIndex((start) => moduleId.includes(`/${start}.`));
      return at === -1 ? LONGEST.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

/**
 * What `npm test` runs: what needs only Node, in three minutes. The cluster suite and the tests of
 * the crash runs have configurations of their own.
 */
export default defineConfig({
  test: {
    include: [
      "src/**/*.test.ts",
      "test/**/*.test.ts",
      "tools/**/*.test.ts",
      // The stories of the cluster suite, on the lab.
      "test/stories/**/*.story.ts",
    ],
    exclude: [...configDefaults.exclude, "test/**/*.cluster.test.ts", ...TESTS_OF_CRASH_RUNS],
    env: { MOORING_GROUND: "lab" },
    globalSetup: "test/program/bundle-directory.ts",
    // Stories and programs wait more than they work: on two processors four workers took 183 s,
    // and five 167 s. (By itself vitest leaves one processor free: one file at a time there.)
    maxWorkers: 5,
    // The workers share two processors: threads that collect garbage beside each other cost a fifth
    // of all that the tests of the transfer take, and make nothing faster.
    execArgv: ["--single-threaded-gc"],
    // No module is mocked, and modules keep no state: one import does for many files. Half of the
    // time went into imports. All in one project for the same reason: each has workers of its own.
    isolate: false,
    sequence: { sequencer: LongestFirst },
    testTimeout: FOREVER_MS,
    hookTimeout: FOREVER_MS,
    expect: NEVER,
    reporters: process.env["CI_JSON"] === undefined ? ["default"] : ["default", "json"],
    outputFile: process.env["CI_JSON"] === undefined ? {} : { json: process.env["CI_JSON"] },
  },
});
