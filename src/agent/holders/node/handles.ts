/*
 * Finds out where a file lies when the mount through which it was opened is in no mount table. Such
 * a mount was unmounted lazily, or was made by open_tree and never attached. A file handle names
 * the inode within its file system. When the inode is opened by it through our own mount, /proc
 * shows the path that we see. Needs CAP_DAC_READ_SEARCH and a file system that has handles (ext4,
 * XFS, Btrfs, tmpfs).
 */
import { closeSync, lstatSync } from "node:fs";
import { hasCode, libcFunction } from "../../sys/libc.ts";
import { O_PATH } from "../../sys/open.ts";
import { statDescriptor } from "../../sys/stat.ts";
import { isInside, type View } from "../inside.ts";
import { linkOf, TOO_LONG } from "./proc.ts";

const AT_EMPTY_PATH = 0x1000;
/** struct file_handle: handle_bytes 4, handle_type 4, then at most MAX_HANDLE_SZ. */
const MAX_HANDLE_SZ = 128;
const HEADER_BYTES = 8;

const calls = {
  nameToHandle: libcFunction("name_to_handle_at", "int", ["int", "void *", "void *", "void *", "int"]),
  openByHandle: libcFunction("open_by_handle_at", "int", ["int", "void *", "int"]),
};

/** Whether an open file lies in the directory of the descriptor `directory`, or "unknown". */
export function isInsideByHandle(fd: number, directory: number, view: View): boolean | "unknown" {
  const handle = handleOf(fd);
  // If the file has no handle but the directory has one, they are on different file systems.
  if (handle === undefined) return handleOf(directory) === undefined ? "unknown" : false;
  let same: number;
  try {
    same = calls.openByHandle.call("", directory, handle, O_PATH);
  } catch (error) {
    // The directory's file system has no such inode.
    if (hasCode(error, "ESTALE", "EINVAL")) return false;
    return "unknown";
  }
  try {
    const [a, b] = [statDescriptor(fd), statDescriptor(same)];
    if (a.ino !== b.ino || a.dev.major !== b.dev.major || a.dev.minor !== b.dev.minor) return false;
    const path = linkOf(`/proc/self/fd/${String(same)}`);
    if (path === undefined || path === TOO_LONG) return "unknown";
    // A path that is not connected to our mount proves nothing. So a path outside counts only if it
    // leads to the file.
    return isInside(view, path) || (leadsTo(path, b.ino) ? false : "unknown");
  } finally {
    closeSync(same);
  }
}

function handleOf(fd: number): Buffer | undefined {
  const handle = Buffer.alloc(HEADER_BYTES + MAX_HANDLE_SZ);
  handle.writeUInt32LE(MAX_HANDLE_SZ, 0);
  try {
    calls.nameToHandle.call("", fd, Buffer.from("\0"), handle, Buffer.alloc(8), AT_EMPTY_PATH);
    return handle;
  } catch (error) {
    if (hasCode(error, "EOPNOTSUPP", "EOVERFLOW")) return undefined;
    throw error;
  }
}

function leadsTo(path: string, inode: bigint): boolean {
  try {
    return lstatSync(Buffer.from(path, "latin1"), { bigint: true }).ino === inode;
  } catch {
    return false;
  }
}
