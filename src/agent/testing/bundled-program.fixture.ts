import { existsSync } from "node:fs";
import { rename } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { inject } from "vitest";

/** What is being built by this process: two tests may ask at once. */
const underWay = new Map<string, Promise<void>>();

/**
 * The path of a test's own program as one file, for Node: started from its sources, through tsx, it
 * costs twice the time of a processor. The first test of a run that asks builds it.
 */
export async function bundledProgram(source: URL): Promise<string> {
  const file = join(inject("bundles"), `${basename(source.pathname, ".ts")}.mjs`);
  if (existsSync(file)) return file;
  const mine = underWay.get(file) ?? buildAt(file, source);
  underWay.set(file, mine);
  await mine;
  return file;
}

async function buildAt(file: string, source: URL): Promise<void> {
  // Two workers may build it at the same time: each renames a whole one to its place.
  const mine = `${file}-${String(process.pid)}.mjs`;
  const koffi = pathToFileURL(createRequire(import.meta.url).resolve("koffi")).href;
  await build({
    entryPoints: [fileURLToPath(source)],
    outfile: mine,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20.19",
    // Its native file is beside it.
    plugins: [
      {
        name: "koffi of this checkout",
        setup: (bundler) => {
          bundler.onResolve({ filter: /^koffi$/ }, () => ({ path: koffi, external: true }));
        },
      },
    ],
    banner: { js: 'import { createRequire as r } from "node:module"; const require = r(import.meta.url);' },
    logLevel: "error",
  });
  await rename(mine, file);
}
