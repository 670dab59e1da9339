import { existsSync } from "node:fs";
import { mkdir, readdir, rmdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PoolFileSystem } from "./ground.ts";
import { makeLoopDisk } from "./loop-disk.ts";
import { waitFor } from "./wait.ts";

const BLKIO = "/sys/fs/cgroup/blkio";

/** Why this machine cannot have a slow disk; undefined when it can. */
export function whyNoSlowDisk(): string | undefined {
  if (process.getuid?.() !== 0) return "a disk can be made by root only";
  if (!existsSync(join(BLKIO, "blkio.throttle.write_bps_device"))) return "there is no blkio cgroup (version 1)";
  return undefined;
}

/** A file system on a loop device that is slow for some processes. */
export interface SlowDisk extends AsyncDisposable {
  /** Where it is mounted. */
  readonly path: string;
  /** The start of a command line whose program gets this many bytes per second. */
  readonly slowly: readonly string[];
}

/** Makes one below a directory; `made` are options of its mkfs. */
export async function makeSlowDisk(
  directory: string,
  fs: PoolFileSystem,
  mib: number,
  bytesPerSecond: number,
  made: readonly string[] = [],
): Promise<SlowDisk> {
  const group = join(BLKIO, `mooring-slow-${process.pid}`);
  const disk = await makeLoopDisk(directory, { fs, mib, made });
  const numbers = numbersOf(await stat(disk.device));
  // Without its limit first: what is still to be written must not take minutes.
  const remove = async (): Promise<void> => {
    if (existsSync(group)) await limit(group, numbers, 0);
    await disk[Symbol.asyncDispose]();
    if (existsSync(group)) await removeGroup(group);
  };
  try {
    await mkdir(group);
    await limit(group, numbers, bytesPerSecond);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    path: disk.path,
    slowly: ["sh", "-c", `echo $$ > ${group}/cgroup.procs && exec "$@"`, "sh"],
    [Symbol.asyncDispose]: remove,
  };
}

/** Major and minor number of a device, as the kernel writes them. */
function numbersOf({ rdev }: { readonly rdev: number }): string {
  return `${(rdev >> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >> 12) & 0xfff00)}`;
}

/** Sets how many bytes per second the processes of a cgroup may read and write; 0: no limit. */
async function limit(group: string, numbers: string, bytesPerSecond: number): Promise<void> {
  for (const what of ["read", "write"]) {
    await writeFile(join(group, `blkio.throttle.${what}_bps_device`), `${numbers} ${bytesPerSecond}`);
  }
}

/** A cgroup can be removed a moment after its last process has ended. */
async function removeGroup(group: string): Promise<void> {
  await waitFor(
    `the cgroup ${group} to be empty`,
    async (saw) => {
      saw(await readdir(group));
      await rmdir(group);
      return true;
    },
    { timeoutMs: 30_000, everyMs: 20 },
  );
}
