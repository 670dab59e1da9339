// Fails when a comment of a .ts or .mjs file is too wide.
import { existsSync, readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { complaintsAbout } from "./comment-width.ts";

// Files that are not committed yet count too.
const listed = spawnSync("git", ["ls-files", "-z", "-co", "--exclude-standard", "*.ts", "*.mjs"], { encoding: "utf8" });
if (listed.status !== 0) throw new Error(`git ls-files failed: ${listed.stderr}`);
const files = listed.stdout
  .split("\0")
  .filter((path) => path !== "" && existsSync(path))
  .map((path) => ({ path, source: readFileSync(path, "utf8") }));

const complaints = complaintsAbout(files);
for (const complaint of complaints) console.error(complaint);
process.exit(complaints.length === 0 ? 0 : 1);
