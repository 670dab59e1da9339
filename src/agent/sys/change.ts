/*
 * Changes the metadata of an open object. Each function takes any descriptor, also an O_PATH one,
 * so it reaches exactly the object that was looked at, even a symlink, FIFO or device itself. Where
 * no system call takes an O_PATH descriptor, the function goes through /proc/self/fd/N. That leads
 * to the object itself and does not follow a symlink.
 */
import { libcFunction, cString } from "./libc.ts";
import { AT_FDCWD } from "./open.ts";

const AT_EMPTY_PATH = 0x1000;
const AT_SYMLINK_NOFOLLOW = 0x100;
/** A tv_nsec by which the kernel leaves this time as it is. */
const UTIME_OMIT = 0x3fff_fffen;

const calls = {
  // These two take no path, so they need a third of the time. They refuse an O_PATH descriptor.
  fchmod: libcFunction("fchmod", "int", ["int", "uint32_t"]),
  futimens: libcFunction("futimens", "int", ["int", "void *"]),
  fchownat: libcFunction("fchownat", "int", ["int", "void *", "uint32_t", "uint32_t", "int"]),
  fchmodat: libcFunction("fchmodat", "int", ["int", "void *", "uint32_t", "int"]),
  utimensat: libcFunction("utimensat", "int", ["int", "void *", "void *", "int"]),
};

/** The path in /proc that leads to an open object. */
export function procPath(fd: number): string {
  return `/proc/self/fd/${String(fd)}`;
}

/** The same as C needs it. Descriptors are used again all the time, so the bytes are kept. */
export function procCString(fd: number): Buffer {
  return (PROC_PATHS[fd] ??= cString(procPath(fd)));
}

const PROC_PATHS: Buffer[] = [];

/**
 * Sets the owner. The kernel clears setuid, setgid and security.capability: set those afterwards.
 */
export function chown(fd: number, uid: number, gid: number): void {
  calls.fchownat.call("", fd, cString(""), uid, gid, AT_EMPTY_PATH);
}

/** Sets the owner of `name` in `dirfd`. Does not follow a symlink. */
export function chownat(dirfd: number, name: Buffer | string, uid: number, gid: number): void {
  calls.fchownat.call(name, dirfd, cString(name), uid, gid, AT_SYMLINK_NOFOLLOW);
}

/** Sets the permission bits of anything but a symlink. */
export function chmod(fd: number, mode: number): void {
  if (calls.fchmod.attempt(fd, mode) === 0) return;
  calls.fchmodat.call("", AT_FDCWD, procCString(fd), mode, 0);
}

/**
 * Sets the modification time, and the access time unless it is left out. Both in nanoseconds since
 * 1970, negative for earlier times.
 */
export function setTimes(fd: number, mtimeNs: bigint, atimeNs?: bigint): void {
  const times = timespecs(mtimeNs, atimeNs);
  if (calls.futimens.attempt(fd, times) === 0) return;
  calls.utimensat.call("", AT_FDCWD, procCString(fd), times, 0);
}

/** The same for `name` in `dirfd`. Does not follow a symlink. */
export function setTimesAt(dirfd: number, name: Buffer | string, mtimeNs: bigint, atimeNs?: bigint): void {
  calls.utimensat.call(name, dirfd, cString(name), timespecs(mtimeNs, atimeNs), AT_SYMLINK_NOFOLLOW);
}

function timespecs(mtimeNs: bigint, atimeNs: bigint | undefined): Buffer {
  const out = Buffer.alloc(32);
  if (atimeNs === undefined) out.writeBigInt64LE(UTIME_OMIT, 8);
  else writeTime(out, 0, atimeNs);
  writeTime(out, 16, mtimeNs);
  return out;
}

function writeTime(out: Buffer, offset: number, ns: bigint): void {
  const second = 1_000_000_000n;
  // Division that rounds down, for times before 1970: tv_nsec is never negative.
  const rest = ((ns % second) + second) % second;
  out.writeBigInt64LE((ns - rest) / second, offset);
  out.writeBigInt64LE(rest, offset + 8);
}
