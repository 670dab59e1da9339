import { execFileSync } from "node:child_process";

/** Runs a script of bash in a directory; gives what it prints, one character per byte. */
export function shell(directory: string, script: string): string {
  const env = { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" };
  const stdio: ["ignore", "pipe", "pipe"] = ["ignore", "pipe", "pipe"];
  const maxBuffer = 64 * 1024 * 1024;
  return execFileSync("bash", ["-ec", script], { cwd: directory, env, encoding: "latin1", stdio, maxBuffer });
}
