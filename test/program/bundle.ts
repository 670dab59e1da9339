import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";

/** The product's program as it is shipped: one file, built from the sources as they are. */
export interface Bundle {
  readonly file: string;
  remove(): Promise<void>;
}

/** Builds it into a directory of its own. */
export async function productBundle(): Promise<Bundle> {
  const directory = await mkdtemp(join(tmpdir(), "mooring-bundle-"));
  const file = join(directory, "local-path-provisioner.mjs");
  await build({
    entryPoints: ["src/bin/local-path-provisioner.ts"],
    outfile: file,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20.19",
    define: { MOORING_VERSION: '"test"' },
    banner: { js: 'import { createRequire as r } from "node:module"; const require = r(import.meta.url);' },
    logLevel: "error",
  });
  return { file, remove: () => rm(directory, { recursive: true, force: true }) };
}
