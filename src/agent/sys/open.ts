/*
 * Opens and makes objects relative to a directory descriptor. Names are bytes, because a tenant's
 * names need not be UTF-8.
 */
import { closeSync, constants } from "node:fs";
import { constants as os } from "node:os";
import { cString, libcFunction, systemCall } from "./libc.ts";

export const O_PATH = 0o10000000;
export const O_NOATIME = 0o1000000;
/** Makes a file without a name in the directory that is opened. It is gone when it is closed. */
export const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;
const O_CLOEXEC = 0o2000000;
/**
 * Reads and writes go past the page cache. They must be of whole blocks, from and to aligned
 * memory.
 */
export const { O_DIRECT } = constants;
export const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_NONBLOCK, O_NOFOLLOW, O_DIRECTORY } = constants;

/**
 * Stands for the working directory where a call takes a directory descriptor. An absolute path
 * ignores it.
 */
export const AT_FDCWD = -100;
const AT_REMOVEDIR = 0x200;
const AT_EMPTY_PATH = 0x1000;
const AT_SYMLINK_FOLLOW = 0x400;

/** How openat2 may resolve a path (`man 2 openat2`). */
export const RESOLVE_NO_XDEV = 0x01;
export const RESOLVE_NO_MAGICLINKS = 0x02;
export const RESOLVE_NO_SYMLINKS = 0x04;
export const RESOLVE_BENEATH = 0x08;

const RENAME_NOREPLACE = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
/** struct open_how: flags, mode, resolve, 64 bits each. */
const OPEN_HOW_BYTES = 24;

type Name = Buffer | string;

const calls = {
  openat: libcFunction("openat", "int", ["int", "void *", "int", "uint32_t"]),
  openat2: systemCall("openat2", { x64: 437, arm64: 437 }, ["int", "void *", "void *", "uint64_t"]),
  mkdirat: libcFunction("mkdirat", "int", ["int", "void *", "uint32_t"]),
  mknodat: libcFunction("mknodat", "int", ["int", "void *", "uint32_t", "uint64_t"]),
  symlinkat: libcFunction("symlinkat", "int", ["void *", "int", "void *"]),
  linkat: libcFunction("linkat", "int", ["int", "void *", "int", "void *", "int"]),
  unlinkat: libcFunction("unlinkat", "int", ["int", "void *", "int"]),
  renameat2: systemCall("renameat2", { x64: 316, arm64: 276 }, ["int", "void *", "int", "void *", "uint32_t"]),
  flock: libcFunction("flock", "int", ["int", "int"]),
  readlinkat: libcFunction("readlinkat", "int64_t", ["int", "void *", "void *", "size_t"]),
};

/**
 * Opens one path with openat2 under the `resolve` rules and gives the descriptor (close-on-exec).
 */
export function openat2(dirfd: number, path: Name, flags: number, resolve: number, mode = 0): number {
  // The upper halves of the three fields stay 0: no value here needs them.
  HOW[0] = flags | O_CLOEXEC;
  HOW[2] = mode;
  HOW[4] = resolve;
  return calls.openat2.call(path, dirfd, cString(path), HOW_BYTES, OPEN_HOW_BYTES);
}

/** One buffer for all calls: the kernel reads it during the call, and the calls are synchronous. */
const HOW_BYTES = Buffer.alloc(OPEN_HOW_BYTES);
const HOW = new Uint32Array(HOW_BYTES.buffer, HOW_BYTES.byteOffset, OPEN_HOW_BYTES / 4);

/**
 * Opens `path` with openat and gives the descriptor (close-on-exec). Follows a symlink unless
 * O_NOFOLLOW is given.
 */
export function openat(dirfd: number, path: Name, flags: number, mode = 0): number {
  return calls.openat.call(path, dirfd, cString(path), flags | O_CLOEXEC, mode);
}

/** Closes a descriptor. */
export function close(fd: number): void {
  closeSync(fd);
}

/**
 * Takes the lock (`man 2 flock`) of an open object, for this descriptor alone, until it is closed,
 * which the end of the process does too. False: another descriptor has it. A file system without
 * such locks gives it to everybody.
 */
export function lockAlone(fd: number): boolean {
  return calls.flock.attempt(fd, LOCK_EX | LOCK_NB) !== -os.errno.EWOULDBLOCK;
}

/** Makes a directory. The umask applies to `mode`. */
export function mkdirat(dirfd: number, name: Name, mode: number): void {
  calls.mkdirat.call(name, dirfd, cString(name), mode);
}

/**
 * Makes a FIFO, socket, device or file. `mode` includes the bits of the type. `rdev` is as `stat`
 * gives it.
 */
export function mknodat(dirfd: number, name: Name, mode: number, rdev: { major: number; minor: number }): void {
  calls.mknodat.call(name, dirfd, cString(name), mode, makedev(rdev.major, rdev.minor));
}

/** Major and minor as one number, as libc's dev_t has them. */
function makedev(major: number, minor: number): bigint {
  const a = BigInt(major);
  const b = BigInt(minor);
  return ((a & 0xfffff000n) << 32n) | ((a & 0xfffn) << 8n) | ((b & 0xffffff00n) << 12n) | (b & 0xffn);
}

/** Makes a symlink whose text is `target`. */
export function symlinkat(target: Name, dirfd: number, name: Name): void {
  calls.symlinkat.call(name, cString(target), dirfd, cString(name));
}

/**
 * Gives an open object one more name. An O_PATH descriptor is enough. Needs CAP_DAC_READ_SEARCH.
 */
export function linkDescriptor(fd: number, dirfd: number, name: Name): void {
  calls.linkat.call(name, fd, cString(""), dirfd, cString(name), AT_EMPTY_PATH);
}

/** Gives `oldName` one more name. Never follows a symlink. */
export function linkat(oldDirfd: number, oldName: Name, dirfd: number, name: Name): void {
  calls.linkat.call(name, oldDirfd, cString(oldName), dirfd, cString(name), 0);
}

/** Gives an open object one more name without a capability, through /proc. */
export function linkThroughProc(fd: number, dirfd: number, name: Name): void {
  calls.linkat.call(name, AT_FDCWD, cString(`/proc/self/fd/${String(fd)}`), dirfd, cString(name), AT_SYMLINK_FOLLOW);
}

/** Removes a name of an object that is not a directory. */
export function unlinkat(dirfd: number, name: Name): void {
  calls.unlinkat.call(name, dirfd, cString(name), 0);
}

/** Removes an empty directory. Throws EBUSY when something is mounted on it. */
export function rmdirat(dirfd: number, name: Name): void {
  calls.unlinkat.call(name, dirfd, cString(name), AT_REMOVEDIR);
}

/** Renames, and replaces an object that has the new name. */
export function renameat(oldDirfd: number, oldName: Name, dirfd: number, name: Name): void {
  calls.renameat2.call(oldName, oldDirfd, cString(oldName), dirfd, cString(name), 0);
}

/** Renames. Throws EEXIST when an object has the new name. */
export function renameNoReplace(oldDirfd: number, oldName: Name, dirfd: number, name: Name): void {
  calls.renameat2.call(oldName, oldDirfd, cString(oldName), dirfd, cString(name), RENAME_NOREPLACE);
}

/**
 * The text of a symlink. With an empty `name`, `dirfd` is the symlink itself (opened with O_PATH |
 * O_NOFOLLOW).
 */
export function readlinkat(dirfd: number, name: Name): Buffer {
  // PATH_MAX bounds the text on every file system of Linux.
  const text = Buffer.alloc(4097);
  const length = calls.readlinkat.call(name, dirfd, cString(name), text, text.length);
  return Buffer.from(text.subarray(0, length));
}
