import { existsSync } from "node:fs";
import { chmod, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import { inject } from "vitest";

const PROGRAMS = ["local-path-provisioner", "moor", "mooring"] as const;
/** The product's programs. */
export type ProgramName = (typeof PROGRAMS)[number];

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
 * The path of one of the product's programs, built from the sources as they are. What they have in
 * common, and what only some of their commands need, are files of their own, unlike in those that
 * are shipped: a start reads less. The first test of a run that asks builds all of them, for all.
 */
export async function productBundle(program: ProgramName): Promise<string> {
  const entries = PROGRAMS.map((name) => `src/bin/${name}.ts`);
  return join(await bundle("product", entries), `${program}.mjs`);
}

/**
 * The path of the crash runs' command as one file, with that of its workers beside it, for tests
 * that start it often: tsx takes two seconds of a processor at each start.
 */
export async function faultsBundle(): Promise<string> {
  const directory = await bundle("faults", ["test/faults/main.ts", "test/faults/runner-main.ts"]);
  return join(directory, "main.mjs");
}

/** What is being built by this process: two tests may ask at once. */
const underWay = new Map<string, Promise<void>>();

/** Builds programs into a directory of this name, and gives its path. */
async function bundle(name: string, entries: readonly string[]): Promise<string> {
  const directory = join(inject("bundles"), name);
  if (existsSync(directory)) return directory;
  const mine = underWay.get(directory) ?? buildAt(directory, entries);
  underWay.set(directory, mine);
  await mine;
  return directory;
}

async function buildAt(directory: string, entries: readonly string[]): Promise<void> {
  // Two workers may build it at the same time: the first renames a whole one to its place.
  const mine = `${directory}-${String(process.pid)}`;
  const { metafile } = await build({
    entryPoints: [...entries],
    outdir: mine,
    outbase: ".",
    entryNames: "[name]",
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    metafile: true,
    platform: "node",
    format: "esm",
    target: "node20.19",
    define: { MOORING_VERSION: '"test"' },
    banner: {
      js: '#!/usr/bin/env node\nimport { createRequire as mooringRequire } from "node:module"; const require = mooringRequire(import.meta.url);',
    },
    plugins: [WITHOUT_KOFFI, URLS_OF_SOURCES],
    logLevel: "error",
  });
  for (const file of Object.keys(metafile.outputs)) await chmod(file, 0o755);
  try {
    await rename(mine, directory);
  } catch (error) {
    if (!existsSync(directory)) throw error;
  }
}
