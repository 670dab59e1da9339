// Bundles each program of src/bin into one file of dist/ (or of the directory that is named), which
// runs on Node 20.19 and later without node_modules. Programs named after the directory are bundled
// instead of those of src/bin.
import { chmod, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { execFileSync } from "node:child_process";
import { basename } from "node:path";
import { build } from "esbuild";
import pkg from "../package.json" with { type: "json" };
import { koffiBeside } from "./koffi-beside.mjs";

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

const [outdir = "dist", ...named] = process.argv.slice(2);
await rm(outdir, { recursive: true, force: true });
await mkdir(outdir, { recursive: true });
const isProgram = (file) => file.endsWith(".ts") && !file.endsWith(".test.ts");
const programs =
  named.length > 0 ? named : (await readdir("src/bin")).filter(isProgram).map((file) => `src/bin/${file}`);
await build({
  entryPoints: programs,
  outdir,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20.19",
  // Node keeps the text of a program in memory, with two bytes for each character once there is one
  // beyond Latin-1, as in the comments. So comments and indents are left out. Names stay as they
  // are for stack traces, and so do lines: Node prints the line of an error that ends a program.
  minifyWhitespace: true,
  lineLimit: 120,
  sourcemap: "linked",
  sourcesContent: false,
  legalComments: "linked",
  define: { MOORING_VERSION: JSON.stringify(version()) },
  // CommonJS packages inside an ES module bundle still ask for require().
  banner: {
    js: '#!/usr/bin/env node\nimport { createRequire as mooringRequire } from "node:module"; const require = mooringRequire(import.meta.url);',
  },
  plugins: [koffiBeside(outdir)],
  logLevel: "warning",
});
for (const file of programs) await chmod(`${outdir}/${basename(file, ".ts")}.mjs`, 0o755);
await writeFile(`${outdir}/VERSION`, `${version()}\n`);
