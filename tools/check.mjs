// Everything that can be said about the sources without running them. Each step is one line; the
// first that fails ends it.
import { spawnSync } from "node:child_process";

const steps = [
  ["format", ["npx", "prettier", "--check", "--log-level", "warn", "."]],
  ["comment width", ["node", "--import", "tsx", "tools/comment-width-main.ts"]],
  ["lint", ["npx", "oxlint", "--deny-warnings"]],
  ["types", ["npx", "tsc", "--noEmit"]],
  ["unused code", ["npx", "knip", "--no-progress"]],
  ["generated files", ["node", "tools/generate.mjs", "--check"]],
];

for (const [name, [command, ...args]] of steps) {
  const started = process.hrtime.bigint();
  const { status } = spawnSync(command, args, { stdio: "inherit" });
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  console.log(`check: ${String(name)} ${status === 0 ? "ok" : "FAILED"} (${seconds.toFixed(1)} s)`);
  if (status !== 0) process.exit(status ?? 1);
}
