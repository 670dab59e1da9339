// Bundles each program of src/bin into one file of dist/ (or of the directory that is named), which runs on Node 20.19 and later without node_modules.
import { chmod, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { execFileSync } from "node:child_process";
import { build } from "esbuild";
import pkg from "../package.json" with { type: "json" };

function version() {
  if (process.env.MOORING_VERSION) return process.env.MOORING_VERSION;
  try {
    return execFileSync("git", ["describe", "--tags", "--always", "--dirty"], { stdio: ["ignore", "pipe", "ignore"] })
      .toString()
      .trim();
  } catch {
    return pkg.version;
  }
}

const outdir = process.argv[2] ?? "dist";
await rm(outdir, { recursive: true, force: true });
await mkdir(outdir, { recursive: true });
const programs = (await readdir("src/bin")).filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"));
await build({
  entryPoints: programs.map((file) => `src/bin/${file}`),
  outdir,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20.19",
  sourcemap: "linked",
  sourcesContent: false,
  legalComments: "linked",
  define: { MOORING_VERSION: JSON.stringify(version()) },
  // CommonJS packages inside an ES module bundle still ask for require().
  banner: {
    js: '#!/usr/bin/env node\nimport { createRequire as mooringRequire } from "node:module"; const require = mooringRequire(import.meta.url);',
  },
  logLevel: "warning",
});
for (const file of programs) await chmod(`${outdir}/${file.replace(/\.ts$/, ".mjs")}`, 0o755);
await writeFile(`${outdir}/VERSION`, `${version()}\n`);
