/*
 * Extended attributes of an open object. Any descriptor will do, an O_PATH one of a symlink, FIFO
 * or device too: the calls go through /proc/self/fd/N. Names are strings of latin1, one character
 * per byte, so that they compare and sort as bytes do.
 */
import { procPath } from "./change.ts";
import { cString, hasCode, libcFunction } from "./libc.ts";

/** The kernel's own bound for the list and for a value. */
const XATTR_MAX_BYTES = 65536;

const calls = {
  list: libcFunction("listxattr", "int64_t", ["void *", "void *", "size_t"]),
  get: libcFunction("getxattr", "int64_t", ["void *", "void *", "void *", "size_t"]),
  set: libcFunction("setxattr", "int", ["void *", "void *", "void *", "size_t", "int"]),
  remove: libcFunction("removexattr", "int", ["void *", "void *"]),
};

/** One call at a time uses it, and none of them waits. */
const scratch = Buffer.alloc(XATTR_MAX_BYTES);

/**
 * The names of an object's extended attributes, sorted. None where the file system has no such
 * thing.
 */
export function listXattrs(fd: number): string[] {
  try {
    const length = calls.list.call("", cString(procPath(fd)), scratch, scratch.length);
    return length === 0
      ? []
      : scratch
          .toString("latin1", 0, length - 1)
          .split("\0")
          .sort();
  } catch (error) {
    if (hasCode(error, "ENOTSUP", "EOPNOTSUPP")) return [];
    throw error;
  }
}

/** The value of an extended attribute. ENODATA when there is none. */
export function getXattr(fd: number, name: string): Buffer {
  const length = calls.get.call(name, cString(procPath(fd)), xattrName(name), scratch, scratch.length);
  return Buffer.from(scratch.subarray(0, length));
}

/** Sets an extended attribute. */
export function setXattr(fd: number, name: string, value: Buffer): void {
  calls.set.call(name, cString(procPath(fd)), xattrName(name), value, value.length, 0);
}

/** Removes an extended attribute. ENODATA when there is none. */
export function removeXattr(fd: number, name: string): void {
  calls.remove.call(name, cString(procPath(fd)), xattrName(name));
}

function xattrName(name: string): Buffer {
  return cString(Buffer.from(name, "latin1"));
}
