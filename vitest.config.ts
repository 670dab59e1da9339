import { defineConfig } from "vitest/config";

/** What `npm test` runs: everything that needs only Node. The cluster suite has its own configuration. */
export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    exclude: ["test/**/*.cluster.test.ts", "**/node_modules/**"],
    testTimeout: 20_000,
    reporters: process.env["CI_JSON"] === undefined ? ["default"] : ["default", "json"],
    outputFile: process.env["CI_JSON"] === undefined ? {} : { json: process.env["CI_JSON"] },
  },
});
