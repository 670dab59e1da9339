import { open, writeFile } from "node:fs/promises";
import { syncfs } from "../../../../src/agent/sys/data.ts";

const DROP_CACHES = "/proc/sys/vm/drop_caches";
/** Pages, directory entries and inodes. */
const EVERYTHING = "3";

/** Waits until everything that was written to the directory's file system is on the disk. */
export async function syncFileSystem(directory: string): Promise<void> {
  const handle = await open(directory);
  try {
    await syncfs(handle.fd);
  } finally {
    await handle.close();
  }
}

/** Empties the caches of the machine. Resolves with why that cannot be done here. */
export async function dropCaches(): Promise<string | undefined> {
  try {
    await writeFile(DROP_CACHES, EVERYTHING);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
