import { configDefaults, defineConfig } from "vitest/config";

/** Stories that wait for the product's own long timers: on virtual time. */
const LONG_WAITS = ["hand-named-volume", "helm-role", "leader", "reload", "second-try", "uninstall"].map(
  (name) => `test/stories/${name}.story.ts`,
);

/**
 * Of a test or hook that will never end. No test measures by it, and a machine that has other
 * things to do is no defect: the slowest takes half a minute on an idle one.
 */
const FOREVER_MS = 300_000;
/** Of a condition that will never come. It ends before the test, and says what it waited for. */
const NEVER = { poll: { timeout: 120_000 } };
const COMMON = {
  globalSetup: "test/program/bundle-directory.ts",
  testTimeout: FOREVER_MS,
  hookTimeout: FOREVER_MS,
  expect: NEVER,
};

/** What `npm test` runs: what needs only Node. The cluster suite has its own configuration. */
export default defineConfig({
  test: {
    // Stories and programs wait more than they work. (By itself vitest leaves one processor free:
    // on two that is one file at a time.)
    maxWorkers: 4,
    reporters: process.env["CI_JSON"] === undefined ? ["default"] : ["default", "json"],
    outputFile: process.env["CI_JSON"] === undefined ? {} : { json: process.env["CI_JSON"] },
    projects: [
      {
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "test/**/*.test.ts", "tools/**/*.test.ts"],
          exclude: [...configDefaults.exclude, "test/**/*.cluster.test.ts"],
          // No module is mocked, and modules keep no state: one import does for many files. Half of
          // the time went into imports.
          isolate: false,
          ...COMMON,
        },
      },
      {
        // The stories of the cluster suite, on the lab: each file has one of its own.
        test: {
          name: "stories on the lab",
          include: ["test/stories/**/*.story.ts"],
          exclude: [...configDefaults.exclude, ...LONG_WAITS],
          env: { MOORING_GROUND: "lab" },
          isolate: false,
          ...COMMON,
        },
      },
      {
        test: {
          name: "stories on virtual time",
          include: LONG_WAITS,
          env: { MOORING_GROUND: "virtual-lab" },
          isolate: false,
          ...COMMON,
        },
      },
    ],
  },
});
