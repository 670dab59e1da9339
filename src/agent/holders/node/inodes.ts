/*
 * Lists the inodes in a directory. This is the last way to tell whether an open file is one of
 * them, when neither a mount nor a path leads to it (a log file that was opened before a
 * container's root was changed, on the same disk as the pool).
 *
 * If a name is swapped during the listing, inodes from outside can come in and count as inside.
 * Then a seal waits that need not wait. A file that was made after its directory was read is
 * missed, but the process that made it holds a directory inside, and is found by that.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync } from "node:fs";

/** Names an inode of a file system. On Btrfs each subvolume has a device of its own. */
export function inodeKey(device: bigint, inode: bigint): string {
  return `${String(device)}:${String(inode)}`;
}

/** The keys of the directory and of everything in it. */
export function inodesIn(directory: string): ReadonlySet<string> {
  const keys = new Set<string>();
  const fd = openDirectory(Buffer.from(directory));
  if (fd !== undefined) collect(fd, keys);
  return keys;
}

/**
 * Adds the directory of the descriptor and everything in it, and closes the descriptor. It goes by
 * descriptors, so that paths stay short in a deep tree.
 */
function collect(fd: number, keys: Set<string>): void {
  try {
    const own = fstatSync(fd, { bigint: true });
    keys.add(inodeKey(own.dev, own.ino));
    const here = `/proc/self/fd/${String(fd)}`;
    for (const name of readdirSync(here, { encoding: "buffer" })) {
      const path = Buffer.concat([Buffer.from(`${here}/`), name]);
      const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
      if (stat === undefined) continue;
      keys.add(inodeKey(stat.dev, stat.ino));
      const child = stat.isDirectory() ? openDirectory(path) : undefined;
      if (child !== undefined) collect(child, keys);
    }
  } finally {
    closeSync(fd);
  }
}

/** Undefined when the directory has vanished, or the name is no directory any more. */
function openDirectory(path: Buffer): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    if (error instanceof Error && "code" in error && ["ENOENT", "ENOTDIR", "ELOOP"].includes(String(error.code))) {
      return undefined;
    }
    throw error;
  }
}
