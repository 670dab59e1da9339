/*
 * The limits of file systems: some hold properties that others cannot. Examples are times between
 * whole seconds (not on ext4 with inodes of 128 bytes), times far in the past or future, long
 * symlinks (not on XFS), large attributes (not on ext4), and many names of one file. An incomplete
 * copy is no copy, so it is refused. The kernel reports these limits by an error. Only a time is
 * cut silently.
 */
import { setTimes } from "../../sys/change.ts";
import { hasCode } from "../../sys/libc.ts";
import { statDescriptor } from "../../sys/stat.ts";

/** For each system call, the errors by which a file system says that it can never do this. */
const NEVER: Readonly<Record<string, readonly string[]>> = {
  ftruncate: ["EFBIG"],
  linkat: ["EMLINK"],
  mkdirat: ["EILSEQ", "ENAMETOOLONG"],
  mknodat: ["EILSEQ", "EINVAL", "ENAMETOOLONG", "ENOTSUP", "EOPNOTSUPP"],
  openat: ["EILSEQ", "ENAMETOOLONG"],
  // ENOSPC: ext4 and Btrfs give it for attributes that are too large, but also on a full disk.
  setxattr: ["E2BIG", "ENOSPC", "ENOTSUP", "EOPNOTSUPP", "ERANGE"],
  symlinkat: ["EILSEQ", "ENAMETOOLONG"],
};

/** The file system has stored another time than the one that was set. */
class OtherTime extends Error {}

/** Sets the modification time of an object, and checks that the file system has stored it. */
export function setTime(fd: number, mtimeNs: bigint): void {
  setTimes(fd, mtimeNs);
  const made = statDescriptor(fd).mtimeNs;
  if (made !== mtimeNs) throw new OtherTime(`its time ${textOf(mtimeNs)} becomes ${textOf(made)}`);
}

/**
 * Why the target's file system cannot hold an object, from the error of a call. Undefined: the
 * error has another reason.
 */
export function whyNotHeld(error: unknown): string | undefined {
  if (error instanceof OtherTime) return error.message;
  if (!(error instanceof Error) || !("syscall" in error)) return undefined;
  return hasCode(error, ...(NEVER[String(error.syscall)] ?? [])) ? error.message : undefined;
}

/** Seconds since 1970, with all digits. */
function textOf(ns: bigint): string {
  const digits = String(ns < 0n ? -ns : ns).padStart(10, "0");
  return `${ns < 0n ? "-" : ""}${digits.slice(0, -9)}.${digits.slice(-9)} s`;
}
