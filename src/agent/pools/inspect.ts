import { join } from "node:path";
import type { Disk } from "../../effects/disk.ts";
import { isMissing } from "../../effects/files.ts";
import { messageOf } from "../../observe/errors.ts";
import { POOL_FILE, volumesPath } from "../copies/layout.ts";
import type { PoolFinding } from "./plan-pool.ts";
import { parsePoolFile, type PoolFile } from "./pool-file.ts";

/** The root that a path lies strictly below. Undefined: there is none, or the path is not clean. */
export function rootOf(path: string, roots: readonly string[]): string | undefined {
  const clean = path
    .split("/")
    .every((part, index) => (index === 0 ? part === "" : part !== "" && part !== "." && part !== ".."));
  return clean ? roots.find((root) => path.startsWith(root === "/" ? "/" : `${root}/`)) : undefined;
}

/** Looks at a pool's path. Never rejects: a path that cannot be read is a finding too. */
export async function inspectPool(disk: Disk, path: string, roots: readonly string[]): Promise<PoolFinding> {
  const root = rootOf(path, roots);
  if (root === undefined) return { kind: "notBelowRoot", roots };
  try {
    // The kernel would follow a symlink within the agent's own file system, where it leads to
    // another directory than on the host.
    let at = root;
    for (const name of path
      .slice(root.length)
      .split("/")
      .filter((part) => part !== "")) {
      at = join(at, name);
      const stat = await disk.stat(at);
      if (stat === undefined) return { kind: "directory", exists: false, file: "none", hasVolumes: false };
      if (stat.kind !== "directory") return { kind: "notADirectory", at };
    }
    const file = await readPoolFile(disk, path);
    return { kind: "directory", exists: true, file, hasVolumes: await hasVolumes(disk, path) };
  } catch (error) {
    return { kind: "unreadable", why: messageOf(error) };
  }
}

async function readPoolFile(disk: Disk, pool: string): Promise<PoolFile | "none" | "damaged"> {
  try {
    return parsePoolFile(await disk.readText(join(pool, POOL_FILE))) ?? "damaged";
  } catch (error) {
    if (isMissing(error)) return "none";
    throw error;
  }
}

async function hasVolumes(disk: Disk, pool: string): Promise<boolean> {
  const path = volumesPath(pool);
  return (await disk.stat(path)) !== undefined && (await disk.list(path)).length > 0;
}
