// Writes the files that are made from the sources. With --check: fails when one of them is not what
// the sources say.
import { spawnSync } from "node:child_process";

const { status } = spawnSync("npx", ["tsx", "tools/generate.ts", ...process.argv.slice(2)], { stdio: "inherit" });
process.exit(status ?? 1);
