import { chmod, chown } from "../../sys/change.ts";
import { writeNow } from "../../sys/read-ahead.ts";
import { close, O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY, openat } from "../../sys/open.ts";
import { statDescriptor, type Stat } from "../../sys/stat.ts";
import type { Head } from "../tree/entry.ts";
import type { TreePath } from "../tree/path.ts";
import { removeOtherXattrs } from "../tree/xattrs.ts";
import { setTime } from "./limits.ts";
import type { Written } from "./written-files.ts";

const PERMISSIONS = 0o777;

/**
 * Makes a complete file of the target with as few calls as possible, and gives its state. The file
 * has its mode from the beginning. That is safe because only the agent can reach into a directory
 * that is not closed yet.
 */
export function makeSmallFile(dirfd: number, path: TreePath, head: Head, bytes: Buffer, written: Written): Stat {
  const { gid, mode, mtimeNs, uid } = head;
  const fd = openat(dirfd, path.at(-1) ?? "", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode & PERMISSIONS);
  let stat: Stat;
  try {
    if (bytes.length > 0) writeNow(fd, bytes);
    const made = statDescriptor(fd);
    // The write and the change of owner clear setuid and setgid, so the mode is set after them.
    if (made.uid !== uid || made.gid !== gid) chown(fd, uid, gid);
    removeOtherXattrs(fd, NONE);
    if (made.mode !== mode) chmod(fd, mode);
    stat = setTime(fd, mtimeNs);
  } catch (error) {
    close(fd);
    throw error;
  }
  if (bytes.length > 0) written.add(fd, path);
  else close(fd);
  return stat;
}

const NONE: ReadonlySet<string> = new Set();
