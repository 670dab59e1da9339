/*
 * Extended attributes of an open object, or of a name in an open directory. Any descriptor is
 * enough, also an O_PATH one of a symlink, FIFO or device, because the calls go through
 * /proc/self/fd/N. Names are latin1 strings, one character per byte, so that they compare and sort
 * as bytes do.
 */
import { constants } from "node:os";
import { procCString, procPath } from "./change.ts";
import { cString, libcFunction, type LibcFunction } from "./libc.ts";

/** The kernel's own limit for the list and for a value. */
const XATTR_MAX_BYTES = 65536;

const calls = {
  list: libcFunction("listxattr", "int64_t", ["void *", "void *", "size_t"]),
  /** This takes no path, so it needs a third of the time. It refuses an O_PATH descriptor. */
  listOpened: libcFunction("flistxattr", "int64_t", ["int", "void *", "size_t"]),
  /** Does not follow a symlink. */
  listNamed: libcFunction("llistxattr", "int64_t", ["void *", "void *", "size_t"]),
  get: libcFunction("getxattr", "int64_t", ["void *", "void *", "void *", "size_t"]),
  set: libcFunction("setxattr", "int", ["void *", "void *", "void *", "size_t", "int"]),
  remove: libcFunction("removexattr", "int", ["void *", "void *"]),
};

/** One buffer for all calls, because they are synchronous. */
const scratch = Buffer.alloc(XATTR_MAX_BYTES);
/**
 * The size for the first try. Most lists are empty, and the kernel allocates as much as the caller
 * asks for.
 */
const FIRST_BYTES = 1024;

/**
 * The names of an object's extended attributes, sorted. Empty if the file system has no extended
 * attributes. `isPath`: the descriptor is known to be an O_PATH one, so a call is spared.
 */
export function listXattrs(fd: number, isPath = false): string[] {
  const quick = isPath ? -constants.errno.EBADF : calls.listOpened.attempt(fd, scratch, FIRST_BYTES);
  if (quick === 0 || quick === -constants.errno.EOPNOTSUPP) return [];
  // For an O_PATH descriptor, and for names that do not fit, the calls below are needed.
  if (quick > 0) return namesIn(quick);
  return namesBy(calls.list, procCString(fd), "");
}

/** The same of `name` in `dirfd`, which is not opened. Does not follow a symlink. */
export function listXattrsAt(dirfd: number, name: Buffer): string[] {
  return namesBy(calls.listNamed, cString(Buffer.concat([Buffer.from(`${procPath(dirfd)}/`), name])), name);
}

function namesBy(list: LibcFunction, path: Buffer, name: Buffer | string): string[] {
  const short = list.attempt(path, scratch, FIRST_BYTES);
  if (short === -constants.errno.EOPNOTSUPP) return [];
  return namesIn(short >= 0 ? short : list.call(name, path, scratch, scratch.length));
}

function namesIn(length: number): string[] {
  if (length === 0) return [];
  return scratch
    .toString("latin1", 0, length - 1)
    .split("\0")
    .sort();
}

/** The value of an extended attribute. Throws ENODATA when there is none. */
export function getXattr(fd: number, name: string): Buffer {
  const length = calls.get.call(name, procCString(fd), xattrName(name), scratch, scratch.length);
  return Buffer.from(scratch.subarray(0, length));
}

/** Sets an extended attribute. */
export function setXattr(fd: number, name: string, value: Buffer): void {
  calls.set.call(name, procCString(fd), xattrName(name), value, value.length, 0);
}

/** Removes an extended attribute. Throws ENODATA when there is none. */
export function removeXattr(fd: number, name: string): void {
  calls.remove.call(name, procCString(fd), xattrName(name));
}

function xattrName(name: string): Buffer {
  return cString(Buffer.from(name, "latin1"));
}
