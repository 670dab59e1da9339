import { configDefaults, defineConfig } from "vitest/config";

/** Stories that wait for the product's own long timers: on virtual time. */
const LONG_WAITS = ["leader", "reload", "second-try"].map((name) => `test/stories/${name}.story.ts`);

/** What `npm test` runs: everything that needs only Node. The cluster suite has its own configuration. */
export default defineConfig({
  test: {
    // Stories and programs wait more than they work. (By itself vitest leaves one processor free: on two that is one file at a time.)
    maxWorkers: 3,
    reporters: process.env["CI_JSON"] === undefined ? ["default"] : ["default", "json"],
    outputFile: process.env["CI_JSON"] === undefined ? {} : { json: process.env["CI_JSON"] },
    projects: [
      {
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: [...configDefaults.exclude, "test/**/*.cluster.test.ts"],
          testTimeout: 20_000,
        },
      },
      {
        // The stories of the cluster suite, on the lab: each file has one of its own.
        test: {
          name: "stories on the lab",
          include: ["test/stories/*.story.ts"],
          exclude: [...configDefaults.exclude, ...LONG_WAITS],
          env: { MOORING_GROUND: "lab" },
          testTimeout: 90_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "stories on virtual time",
          include: LONG_WAITS,
          env: { MOORING_GROUND: "virtual-lab" },
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
