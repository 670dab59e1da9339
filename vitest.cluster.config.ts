import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * By path: test/cluster, whose tests start clusters of their own, comes before the stories, which
 * share one.
 */
class ByPath extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return Promise.resolve(files.toSorted((a, b) => (a.moduleId < b.moduleId ? -1 : 1)));
  }
}

/**
 * What `npm run test:cluster` runs. One worker and no isolation: all stories share one cluster,
 * which the first one that needs it starts (test/stories/support/shared-ground.ts). Never two
 * clusters beside each other, but for the one test that is about that.
 */
export default defineConfig({
  test: {
    include: ["test/**/*.cluster.test.ts", "test/stories/**/*.story.ts"],
    globalSetup: "test/program/bundle-directory.ts",
    pool: "forks",
    maxWorkers: 1,
    isolate: false,
    fileParallelism: false,
    sequence: { sequencer: ByPath },
    // A cluster that has lost what everything needs would fail every test after its full patience:
    // hours. After so many failures (files count too) the rest is left out; the run has failed
    // anyway.
    bail: 16,
    testTimeout: 900_000,
    hookTimeout: 900_000,
    teardownTimeout: 120_000,
    expect: { poll: { timeout: 120_000 } },
    reporters: process.env["CI_JSON"] === undefined ? ["verbose"] : ["verbose", "json"],
    outputFile: process.env["CI_JSON"] === undefined ? {} : { json: process.env["CI_JSON"] },
  },
});
