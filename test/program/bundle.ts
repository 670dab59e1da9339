import { existsSync } from "node:fs";
import { chmod, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import { inject } from "vitest";

/** The product's programs. */
export type ProgramName = "local-path-provisioner" | "moor" | "mooring";

/** Native code is for agents on real nodes, which no bundle plays. */
const WITHOUT_KOFFI: Plugin = {
  name: "without koffi",
  setup(bundler) {
    bundler.onResolve({ filter: /^koffi$/ }, () => ({ path: "koffi", namespace: "absent" }));
    bundler.onLoad({ filter: /.*/, namespace: "absent" }, () => ({ contents: "export default {};" }));
  },
};

/** Modules find files beside them where their sources are, not where the bundle is. */
const URLS_OF_SOURCES: Plugin = {
  name: "URLs of sources",
  setup(bundler) {
    bundler.onLoad({ filter: /\/test\/.*\.ts$/ }, async ({ path }) => ({
      contents: (await readFile(path, "utf8")).replaceAll("import.meta.url", JSON.stringify(pathToFileURL(path).href)),
      loader: "ts",
    }));
  },
};

/**
 * The path of one of the product's programs as it is shipped: one file, built from the sources as
 * they are. The first test of a run that asks builds it, for all of them.
 */
export async function productBundle(program: ProgramName): Promise<string> {
  return await bundle(program, `src/bin/${program}.ts`);
}

/**
 * The path of the crash runs' command as one file, with that of its workers beside it, for tests
 * that start it often: tsx takes two seconds of a processor at each start.
 */
export async function faultsBundle(): Promise<string> {
  await bundle("runner-main", "test/faults/runner-main.ts");
  return await bundle("faults", "test/faults/main.ts");
}

/** What is being built by this process: two tests may ask at once. */
const underWay = new Map<string, Promise<void>>();

async function bundle(name: string, entry: string): Promise<string> {
  const file = join(inject("bundles"), `${name}.mjs`);
  if (existsSync(file)) return file;
  const mine = underWay.get(file) ?? buildAt(file, name, entry);
  underWay.set(file, mine);
  await mine;
  return file;
}

async function buildAt(file: string, name: string, entry: string): Promise<void> {
  // Two workers may build it at the same time: each renames a whole one to its place.
  const mine = join(inject("bundles"), `${name}-${String(process.pid)}.mjs`);
  await build({
    entryPoints: [entry],
    outfile: mine,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20.19",
    define: { MOORING_VERSION: '"test"' },
    banner: {
      js: '#!/usr/bin/env node\nimport { createRequire as r } from "node:module"; const require = r(import.meta.url);',
    },
    plugins: [WITHOUT_KOFFI, URLS_OF_SOURCES],
    logLevel: "error",
  });
  await chmod(mine, 0o755);
  await rename(mine, file);
}
