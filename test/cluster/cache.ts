import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * Where built binaries and images stay between runs: never inside the checkout, which `git clean`
 * would empty.
 */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  if (env["MOORING_CACHE"]) return env["MOORING_CACHE"];
  if (env["XDG_CACHE_HOME"]) return join(env["XDG_CACHE_HOME"], "mooring");
  return join(homedir(), ".cache", "mooring");
}

/**
 * The cached directory of this name, made by `fill` if it is not there. It appears in one rename
 * when it is complete, so that one killed in the middle of a ten-minute build leaves nothing that
 * looks finished; a lock keeps two runs from building the same thing side by side.
 */
export async function cached(name: string, fill: (directory: string) => Promise<void>): Promise<string> {
  const root = cacheDirectory();
  const target = join(root, name);
  if (existsSync(target)) return target;
  await mkdir(root, { recursive: true });
  const release = await lock(`${target}.lock`);
  try {
    if (existsSync(target)) return target;
    const unfinished = `${target}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished);
    await fill(unfinished);
    await rename(unfinished, target);
    return target;
  } finally {
    release();
  }
}

/** Takes an exclusive lock that the kernel gives back when this process dies, however it dies. */
async function lock(file: string): Promise<() => void> {
  const holder = spawn("flock", [file, "sh", "-c", "echo held; cat >/dev/null"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await new Promise<void>((resolve, reject) => {
    holder.once("error", reject);
    holder.once("exit", (code) => reject(new Error(`flock ${file} ended with ${code}`)));
    holder.stdout.once("data", () => resolve());
  });
  return () => holder.stdin.end();
}
