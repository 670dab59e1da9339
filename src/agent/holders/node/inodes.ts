/*
 * Which inodes lie in a directory: the last way to tell whether an open file is one of them, when
 * neither a mount nor a path leads to it (a log file that was opened before a container's root was
 * changed, on the same disk as the pool).
 *
 * A name that is swapped while this is read can only bring in inodes from outside, and they then
 * count as inside: a seal waits that need not. A file that was made after its directory was read is
 * missed; whoever made it has hold of a directory inside, and is found by that.
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

/** Adds what the descriptor leads to, and closes it. Paths stay short however deep the tree is. */
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

/** Undefined when it has vanished, or is no directory any more. */
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
