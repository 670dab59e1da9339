/*
 * Opens the objects of a volume safely. The tenant owns the tree and the agent is root. So each
 * name is opened alone, relative to an open directory, and never through a symlink or into another
 * mount. First the object is opened with O_PATH, which opens no device and waits for no FIFO. Its
 * type is checked, and then its data is opened through that same descriptor. If the tenant swaps
 * the name in between, nothing changes.
 */
import { procPath } from "../../sys/change.ts";
import { hasCode } from "../../sys/libc.ts";
import {
  AT_FDCWD,
  close,
  O_DIRECTORY,
  O_NOATIME,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  openat,
  openat2,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from "../../sys/open.ts";
import type { TreePath } from "./path.ts";

const RESOLVE = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
const LOOK = O_PATH | O_NOFOLLOW;
const READ = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

/** How many levels below its root a tree may have. Each takes a descriptor. */
export const DEEPEST = 2000;

/** An O_PATH descriptor of the object `name`. Throws EXDEV when something is mounted there. */
export function look(dirfd: number, name: Buffer): number {
  return openat2(dirfd, name, LOOK, RESOLVE);
}

/**
 * A readable descriptor, with a position of its own, of the directory that `fd` stands for. `fd`
 * may be an O_PATH descriptor.
 */
export function openDirectory(fd: number): number {
  return withoutAtime((flags) => openat2(fd, ".", flags | O_DIRECTORY, RESOLVE));
}

/**
 * A readable descriptor of the regular file that an O_PATH descriptor stands for. The caller must
 * have checked the type. `more`: further flags, as O_DIRECT.
 */
export function openFile(fd: number, more = 0): number {
  return withoutAtime((flags) => openat(AT_FDCWD, procPath(fd), (flags & ~O_NOFOLLOW) | more));
}

/**
 * Opens with O_NOATIME, so that reading does not change the access times. Only the owner and root
 * may do that; otherwise it opens without.
 */
function withoutAtime(open: (flags: number) => number): number {
  try {
    return open(READ | O_NOATIME);
  } catch (error) {
    if (hasCode(error, "EPERM")) return open(READ);
    throw error;
  }
}

/**
 * An O_PATH descriptor of the object at `path` below the directory `root`. It goes name by name.
 */
export function lookAlong(root: number, path: TreePath): number {
  let fd = openDirectory(root);
  for (const name of path) {
    try {
      const next = look(fd, name);
      close(fd);
      fd = next;
    } catch (error) {
      close(fd);
      throw error;
    }
  }
  return fd;
}
