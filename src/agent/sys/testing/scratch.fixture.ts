import { accessSync, closeSync, constants, mkdtempSync, openSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { onTestFinished } from "vitest";
import { run } from "./run.fixture.ts";

/** A directory for one test, on the file system of TMPDIR, and a descriptor of it. */
export interface Scratch {
  readonly path: string;
  readonly fd: number;
}

/** Makes a directory for the test, and removes it when that ends. */
export function scratch(): Scratch {
  const path = mkdtempSync(join(tmpdir(), "mooring-"));
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  onTestFinished(() => {
    closeSync(fd);
    remove(path);
  });
  return { path, fd };
}

/** `rm -rf` runs only where Node's rm fails: it cannot remove names that are not UTF-8. */
function remove(path: string): void {
  try {
    rmSync(path, { recursive: true });
  } catch {
    tool("rm", "-rf", path);
  }
}

/** The output of a program, without the last newline. */
export function tool(file: string, ...args: readonly string[]): string {
  return run([file, ...args])
    .toString("utf8")
    .replace(/\n$/, "");
}

/** Whether a program can be found. */
export function hasTool(file: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((directory) => isProgram(join(directory, file)));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Whether tests that need root cannot run. */
export const notRoot = process.getuid?.() !== 0;
