import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";

/** One of the product's programs as it is shipped: one file, built from the sources as they are. */
export interface Bundle {
  readonly file: string;
  remove(): Promise<void>;
}

/** Native code is for agents on real nodes, which no bundle plays. */
const WITHOUT_KOFFI: Plugin = {
  name: "without koffi",
  setup(bundler) {
    bundler.onResolve({ filter: /^koffi$/ }, () => ({ path: "koffi", namespace: "absent" }));
    bundler.onLoad({ filter: /.*/, namespace: "absent" }, () => ({ contents: "export default {};" }));
  },
};

/** Builds a program of src/bin into a directory of its own. */
export async function productBundle(program: "local-path-provisioner" | "moor" | "mooring"): Promise<Bundle> {
  const directory = await mkdtemp(join(tmpdir(), "mooring-bundle-"));
  const file = join(directory, `${program}.mjs`);
  await build({
    entryPoints: [`src/bin/${program}.ts`],
    outfile: file,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20.19",
    define: { MOORING_VERSION: '"test"' },
    banner: {
      js: '#!/usr/bin/env node\nimport { createRequire as r } from "node:module"; const require = r(import.meta.url);',
    },
    plugins: [WITHOUT_KOFFI],
    logLevel: "error",
  });
  await chmod(file, 0o755);
  return { file, remove: () => rm(directory, { recursive: true, force: true }) };
}
