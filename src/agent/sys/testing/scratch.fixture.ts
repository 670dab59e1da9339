import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A directory for one test, on the file system of TMPDIR, and a descriptor of it. */
export interface Scratch {
  readonly path: string;
  readonly fd: number;
}

/**
 * Makes a directory for the test, and removes it with `rm -rf`. Node's rm cannot remove names that
 * are not UTF-8.
 */
export function scratch(): Scratch {
  const path = mkdtempSync(join(tmpdir(), "mooring-"));
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  onTestFinished(() => {
    closeSync(fd);
    tool("rm", "-rf", path);
  });
  return { path, fd };
}

/** The output of a program, without the last newline. */
export function tool(file: string, ...args: readonly string[]): string {
  return execFileSync(file, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).replace(/\n$/, "");
}

/** Whether a program can be found. */
export function hasTool(file: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${file}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Whether tests that need root cannot run. */
export const notRoot = process.getuid?.() !== 0;
