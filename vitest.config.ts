import { configDefaults, defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Of a test or hook that will never end. No test measures by it, and a machine that has other
 * things to do is no defect: the slowest takes half a minute on an idle one.
 */
const FOREVER_MS = 300_000;
/** Of a condition that will never come. It ends before the test, and says what it waited for. */
const NEVER = { poll: { timeout: 120_000 } };

/**
 * The files that take longest, the longest first: what begins last decides when the run ends, and
 * by itself vitest goes by the size of a file. Those that wait are between those that compute.
 */
const LONGEST = [
  "src/agent/transfer/broken",
  "src/agent/transfer/patch",
  "test/stories/movable/ends",
  "test/demo/demo",
  "src/agent/transfer/large",
  "test/stories/movable/drain-node",
  "src/agent/transfer/live",
  "test/stories/movable/drain-groups",
  "src/move/model/model",
  "test/stories/movable/drain-two",
  "test/stories/movable/drain-apart",
  "test/faults/moves/kept-small",
  "test/faults/moves/sabotage",
  "test/program/events",
  "test/bench/move/bench-move",
  "test/faults/moves/runs",
  "test/stories/movable/placement",
  "test/conformance/lab",
  "test/stories/movable/scouts",
  "test/faults/replay",
  "test/stories/too-long",
  "test/faults/clients/scenes",
  "src/agent/transfer/engine",
  "src/agent/holders/holders",
  "test/stories/movable/drain",
  "test/stories/original-manifest",
  "test/faults/runs",
  "test/stories/volume-life",
  "test/faults/main",
  "test/stories/movable/move",
  "test/faults/sabotage",
  "src/agent/transfer/kept",
  "test/stories/upstream",
  "test/moor/moor",
  "src/kube/leader/leader-election-faults",
  "test/stories/drain",
  "test/faults/moves/failed-target",
  "src/controller/webhook/renew-certificates",
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

/** What `npm test` runs: what needs only Node. The cluster suite has its own configuration. */
export default defineConfig({
  test: {
    include: [
      "src/**/*.test.ts",
      "test/**/*.test.ts",
      "tools/**/*.test.ts",
      // The stories of the cluster suite, on the lab.
      "test/stories/**/*.story.ts",
    ],
    exclude: [...configDefaults.exclude, "test/**/*.cluster.test.ts"],
    env: { MOORING_GROUND: "lab" },
    globalSetup: "test/program/bundle-directory.ts",
    // Stories and programs wait more than they work. (By itself vitest leaves one processor free:
    // on two that is one file at a time.)
    maxWorkers: 4,
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
