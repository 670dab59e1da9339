import type { RunOptions, RunResult } from "./run.ts";

/** Somewhere commands can be run: a node, whatever stands for it. */
export interface Shell {
  readonly name: string;
  exec(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
}

// Files are read by commands on the node and not through /proc/PID/root: an absolute link such as
// /var/run would lead from there into the file system of the machine.

/** The text of a file; fails when it is not there. */
export async function readFileAt(shell: Shell, path: string): Promise<string> {
  return await must(shell, ["cat", "--", path]);
}

/** Writes a file, its directories too. */
export async function writeFileAt(shell: Shell, path: string, text: string): Promise<void> {
  await must(shell, ["sh", "-c", 'mkdir -p "$(dirname "$0")" && cat >"$0"', path], text);
}

/** Whether there is anything at the path, a dangling link included. */
export async function exists(shell: Shell, path: string): Promise<boolean> {
  const result = await shell.exec(["sh", "-c", 'test -e "$0" || test -L "$0"', path]);
  if (result.code > 1) throw new Error(`looking for ${path} on ${shell.name}: ${result.stderr}`);
  return result.code === 0;
}

/** Names of a directory's entries, sorted; fails when there is none. */
export async function listDirectory(shell: Shell, path: string): Promise<string[]> {
  const found = await must(shell, ["find", path, "-mindepth", "1", "-maxdepth", "1", "-printf", "%f\\0"]);
  return found.split("\0").filter(Boolean).sort();
}

async function must(shell: Shell, argv: readonly string[], stdin?: string): Promise<string> {
  const result = await shell.exec(argv, stdin === undefined ? {} : { stdin });
  if (result.code !== 0) throw new Error(`${argv.join(" ")} on ${shell.name}: ${result.stderr.trim()}`);
  return result.stdout;
}
