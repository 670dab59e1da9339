/*
 * What the target's file system cannot hold although another one can: times between whole seconds
 * (ext4 with inodes of 128 bytes) or far away, long symlinks (XFS), large attributes (ext4), many
 * names of one file. A copy without them is none, so it is refused. The kernel says so by an error,
 * but of a time, which it cuts silently.
 */
import { setTimes } from "../../sys/change.ts";
import { hasCode } from "../../sys/libc.ts";
import { statDescriptor } from "../../sys/stat.ts";

/** By the name of a call, the errors by which a file system says that it will never do this. */
const NEVER: Readonly<Record<string, readonly string[]>> = {
  ftruncate: ["EFBIG"],
  linkat: ["EMLINK"],
  mkdirat: ["EILSEQ", "ENAMETOOLONG"],
  mknodat: ["EILSEQ", "EINVAL", "ENAMETOOLONG", "ENOTSUP", "EOPNOTSUPP"],
  openat: ["EILSEQ", "ENAMETOOLONG"],
  // ENOSPC: ext4 and Btrfs say so of attributes that are too large, and of a full disk.
  setxattr: ["E2BIG", "ENOSPC", "ENOTSUP", "EOPNOTSUPP", "ERANGE"],
  symlinkat: ["EILSEQ", "ENAMETOOLONG"],
};

/** The file system has made another time of the one that was set. */
class OtherTime extends Error {}

/** Sets the modification time of something, and looks whether it has it. */
export function setTime(fd: number, mtimeNs: bigint): void {
  setTimes(fd, mtimeNs);
  const made = statDescriptor(fd).mtimeNs;
  if (made !== mtimeNs) throw new OtherTime(`its time ${textOf(mtimeNs)} becomes ${textOf(made)}`);
}

/** What the target's file system cannot hold, by an error of one call; undefined: it is another. */
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
