/*
 * Makes the changes of a pass durable. A `syncfs` does it in two steps: it writes back all data of
 * the file system, including that of other pods, and then commits the file system's log. In the
 * final pass the pods are down, and other pods may have gigabytes to be written back. So there the
 * first step is done only for the files that the pass has written. The second step is the same:
 *
 *   ext4   an `fsync` of a directory commits the whole journal
 *   XFS    an `fsync` of a directory writes the log up to the last change of this directory, and so
 *          everything that was logged before
 *   Btrfs  an ioctl commits the transaction
 *
 * The second step covers all metadata of every object, as in a `syncfs`: names made and removed,
 * owners, modes, times, attributes, symlinks, devices. docs/adr/0009 has the reasons, and what a
 * crash leaves.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { release } from "node:os";
import { basename } from "node:path";
import { setTimes } from "../../sys/change.ts";
import { commitBtrfs, fsync, syncfs } from "../../sys/data.ts";
import { hasCode, isSystemError } from "../../sys/libc.ts";
import { statDescriptor, triedFileSystem, type Device } from "../../sys/stat.ts";
import type { WrittenFiles } from "./written-files.ts";

/**
 * Waits until everything in the tree of `root` is durable. `written`: the files whose content may
 * not be durable yet; no other file of the tree has such content. Undefined: that is not known.
 */
export async function makeDurable(root: number, written: WrittenFiles | undefined): Promise<void> {
  const commit = written?.isComplete === true ? commitOf(root, written) : undefined;
  if (written === undefined || commit === undefined) {
    await syncfs(root);
    return;
  }
  await written.sync();
  // This makes the root the last object that is logged. Without this call it would be the last one
  // too, but only because of the order of other code.
  setTimes(root, statDescriptor(root).mtimeNs);
  await commit(root);
}

type Commit = (root: number) => Promise<void>;

/** What commits the log of the root's file system. Undefined: nothing but a `syncfs`. */
function commitOf(root: number, { hasLongSymlink }: WrittenFiles): Commit | undefined {
  switch (triedFileSystem(root)) {
    case "ext4":
      if (hasLongSymlink && !logsLongSymlinks(release())) return undefined;
      return hasJournal(statDescriptor(root).dev) ? fsync : undefined;
    case "xfs":
      return fsync;
    case "btrfs":
      return commitOrSync;
    case undefined:
      return undefined;
  }
}

/**
 * Whether ext4 writes a symlink's text that does not fit into the inode to its log, by the release
 * of the kernel. Before Linux 5.19 the text is in the page cache like a file's content, and a
 * symlink cannot be opened for an `fsync`.
 */
export function logsLongSymlinks(kernel: string): boolean {
  const [, major = "0", minor = "0"] = /^(\d+)\.(\d+)/.exec(kernel) ?? [];
  return Number(major) > 5 || (Number(major) === 5 && Number(minor) >= 19);
}

async function commitOrSync(root: number): Promise<void> {
  try {
    await commitBtrfs(root);
  } catch (error) {
    if (!hasCode(error, "ENOTTY", "EOPNOTSUPP", "EPERM")) throw error;
    await syncfs(root);
  }
}

/**
 * Whether a file system of the type of ext4 is known to have a journal. Without one, as ext2 and
 * some ext4 are, there is nothing that a commit would cover. Only a file system with a journal has
 * an option `data`, and the kernel's driver for ext2 shows no options here.
 */
function hasJournal({ major, minor }: Device): boolean {
  try {
    const device = basename(readlinkSync(`/sys/dev/block/${String(major)}:${String(minor)}`));
    return /^data=(?:ordered|journal|writeback)$/m.test(readFileSync(`/proc/fs/ext4/${device}/options`, "utf8"));
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
}
