import { defineConfig } from "vitest/config";

/**
 * What `npm run test:cluster` runs. One worker and no isolation: all stories share one cluster, which the first one that needs it starts
 * (test/stories/support/shared-ground.ts). Never two clusters beside each other, but for the one test that is about that.
 */
export default defineConfig({
  test: {
    include: ["test/**/*.cluster.test.ts"],
    pool: "forks",
    maxWorkers: 1,
    isolate: false,
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 900_000,
    teardownTimeout: 120_000,
    reporters: process.env["CI_JSON"] === undefined ? ["verbose"] : ["verbose", "json"],
    outputFile: process.env["CI_JSON"] === undefined ? {} : { json: process.env["CI_JSON"] },
  },
});
