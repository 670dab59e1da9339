/*
 * How everything of a volume is opened. The tenant owns the tree and the agent is root, so a name
 * is opened alone, relative to a descriptor that is held, and never through a symlink or into
 * another mount. What a name leads to is looked at through an O_PATH descriptor, which opens no
 * device and waits for no FIFO; its data is then opened through that very descriptor. A name that
 * the tenant swaps in between changes nothing.
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

/** An O_PATH descriptor of what `name` is. EXDEV when something is mounted there. */
export function look(dirfd: number, name: Buffer): number {
  return openat2(dirfd, name, LOOK, RESOLVE);
}

/**
 * A readable descriptor, with a position of its own, of a directory that any descriptor stands for.
 */
export function openDirectory(fd: number): number {
  return withoutAtime((flags) => openat2(fd, ".", flags | O_DIRECTORY, RESOLVE));
}

/**
 * A readable descriptor of the regular file that an O_PATH descriptor stands for. The caller has
 * looked at its type.
 */
export function openFile(fd: number): number {
  return withoutAtime((flags) => openat(AT_FDCWD, procPath(fd), flags & ~O_NOFOLLOW));
}

/**
 * Reading leaves the access times alone, where the agent may say so: only the owner and root may.
 */
function withoutAtime(open: (flags: number) => number): number {
  try {
    return open(READ | O_NOATIME);
  } catch (error) {
    if (hasCode(error, "EPERM")) return open(READ);
    throw error;
  }
}

/** An O_PATH descriptor of what lies at `path` below the directory `root`, name by name. */
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
