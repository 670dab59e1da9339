/*
 * The limits of file systems: some hold properties that others cannot. Examples are times between
 * whole seconds (not on ext4 with inodes of 128 bytes), times far in the past or future, long
 * symlinks (not on XFS), large attributes (not on ext4), and many names of one file. An incomplete
 * copy is no copy, so it is refused. The kernel reports these limits by an error. Only a time is
 * cut silently, and one error means two things: ENOSPC for an attribute.
 */
import { setTimes } from "../../sys/change.ts";
import { allocate } from "../../sys/data.ts";
import { hasCode } from "../../sys/libc.ts";
import { close, O_RDWR, O_TMPFILE, openat } from "../../sys/open.ts";
import { statDescriptor, type Stat } from "../../sys/stat.ts";
import { setXattr } from "../../sys/xattr.ts";
import { messageOf } from "../../../observe/errors.ts";

/** For each system call, the errors by which a file system says that it can never do this. */
const NEVER: Readonly<Record<string, readonly string[]>> = {
  ftruncate: ["EFBIG"],
  linkat: ["EMLINK"],
  mkdirat: ["EILSEQ", "ENAMETOOLONG"],
  mknodat: ["EILSEQ", "EINVAL", "ENAMETOOLONG", "ENOTSUP", "EOPNOTSUPP"],
  openat: ["EILSEQ", "ENAMETOOLONG"],
  setxattr: ["E2BIG", "ENOTSUP", "EOPNOTSUPP", "ERANGE"],
  symlinkat: ["EILSEQ", "ENAMETOOLONG"],
};

/** The largest attribute that the kernel takes. */
const ATTRIBUTE_BYTES = 65536;
/** An attribute that fits into every block, but not into an inode of the usual size. */
const PROBE = Buffer.alloc(512);

/** The file system has stored another time than the one that was set. */
class OtherTime extends Error {}
/** An attribute for which the file system has no place, though its disk is not full. */
class TooLarge extends Error {}

/**
 * Sets the modification time of an object, and checks that the file system has stored it. Gives the
 * state of the object.
 */
export function setTime(fd: number, mtimeNs: bigint): Stat {
  setTimes(fd, mtimeNs);
  const stat = statDescriptor(fd);
  const made = stat.mtimeNs;
  if (made !== mtimeNs) throw new OtherTime(`its time ${textOf(mtimeNs)} becomes ${textOf(made)}`);
  return stat;
}

/**
 * Sets an attribute of an object below `root`. ext4 and Btrfs return ENOSPC both when the attribute
 * is too large for them and when the disk is full. To tell the two apart, a file with an attribute
 * is made: if that succeeds, the disk has free blocks and inodes.
 */
export function setAttribute(root: number, fd: number, name: string, value: Buffer): void {
  try {
    setXattr(fd, name, value);
  } catch (error) {
    if (hasCode(error, "ENOSPC") && hasRoom(root)) throw new TooLarge(messageOf(error), { cause: error });
    throw error;
  }
}

/** Whether a new file finds room. It has no name, so a crash leaves nothing. */
function hasRoom(root: number): boolean {
  try {
    const fd = openat(root, ".", O_TMPFILE | O_RDWR, 0o600);
    try {
      allocate(fd, ATTRIBUTE_BYTES);
      setXattr(fd, "user.mooring", PROBE);
    } finally {
      close(fd);
    }
    return true;
  } catch (error) {
    // Any other error does not say whether there is room.
    return !hasCode(error, "ENOSPC", "EDQUOT");
  }
}

/**
 * Why the target's file system cannot hold an object, from the error of a call. Undefined: the
 * error has another reason.
 */
export function whyNotHeld(error: unknown): string | undefined {
  if (error instanceof OtherTime || error instanceof TooLarge) return error.message;
  if (!(error instanceof Error) || !("syscall" in error)) return undefined;
  return hasCode(error, ...(NEVER[String(error.syscall)] ?? [])) ? error.message : undefined;
}

/** Seconds since 1970, with all digits. */
function textOf(ns: bigint): string {
  const digits = String(ns < 0n ? -ns : ns).padStart(10, "0");
  return `${ns < 0n ? "-" : ""}${digits.slice(0, -9)}.${digits.slice(-9)} s`;
}
