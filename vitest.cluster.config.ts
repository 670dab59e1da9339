import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { inOrder } from "./test/cluster/order.ts";
import { SecondsPerFile } from "./test/cluster/seconds-per-file.ts";

class InOrder extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const order = inOrder(files.map(({ moduleId }) => moduleId));
    return Promise.resolve(files.toSorted((a, b) => order.indexOf(a.moduleId) - order.indexOf(b.moduleId)));
  }
}

/**
 * What `npm run test:cluster` runs. One worker and no isolation: all stories share one cluster,
 * which the first one that needs it starts (test/stories/support/shared-ground.ts).
 */
export default defineConfig({
  test: {
    include: ["test/**/*.cluster.test.ts", "test/stories/**/*.story.ts"],
    globalSetup: "test/program/bundle-directory.ts",
    pool: "forks",
    maxWorkers: 1,
    isolate: false,
    fileParallelism: false,
    sequence: { sequencer: InOrder },
    // A cluster that has lost what everything needs would fail every test after its full patience:
    // hours. After so many failures (files count too) the rest is left out; the run has failed
    // anyway.
    bail: 16,
    testTimeout: 900_000,
    hookTimeout: 900_000,
    teardownTimeout: 120_000,
    expect: { poll: { timeout: 120_000 } },
    reporters: ["verbose", new SecondsPerFile(), ...(process.env["CI_JSON"] === undefined ? [] : (["json"] as const))],
    outputFile: process.env["CI_JSON"] === undefined ? {} : { json: process.env["CI_JSON"] },
  },
});
