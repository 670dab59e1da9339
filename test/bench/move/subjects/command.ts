import { spawn } from "node:child_process";
import type { Workspace } from "../ground/workspace.ts";

/** Says the time of all its children after the script, in the shell's own words. */
const TIMED = "code=$?; times; exit $code";

/**
 * Runs a script of the shell with arguments. Resolves with the user and system time of everything
 * that it has started and waited for. Rejects with what it has said when it fails.
 */
export async function timedScript(
  workspace: Workspace,
  script: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  const child = spawn("sh", ["-c", `${script}\n${TIMED}`, "sh", ...args], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...env, LC_ALL: "C" },
  });
  return workspace.with(child, async () => {
    let said = "";
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject).once("close", resolve);
    });
    if (code !== 0) throw new Error(`${args[0] ?? script} ended with ${String(code)}: ${errors.trim().slice(-2000)}`);
    return childSeconds(said);
  });
}

/**
 * The user and system time of the children, from what `times` prints: its last line, such as
 * `0m1.23s 0m4.56s`.
 */
export function childSeconds(times: string): number {
  const last = times.trim().split("\n").at(-1) ?? "";
  const found = [...last.matchAll(/(\d+)m([\d.]+)s/g)];
  if (found.length !== 2) throw new Error(`not what the shell's times prints: ${last}`);
  return found.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}
