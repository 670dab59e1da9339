/* The data of an open file: holes, allocation, page cache and durability. */
import { constants } from "node:os";
import {
  fdatasync as nodeFdatasync,
  fsync as nodeFsync,
  ftruncateSync,
  read,
  readSync,
  write,
  writeSync,
} from "node:fs";
import { promisify } from "node:util";
import { hasCode, libcFunction, systemCall, SystemError } from "./libc.ts";

const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
const POSIX_FADV_DONTNEED = 4;
const SYNC_FILE_RANGE_WRITE = 2;
const BTRFS_IOC_START_SYNC = 0x8008_9418;
const BTRFS_IOC_WAIT_SYNC = 0x4008_9416;
/** A transaction's id has 64 bits. */
const TRANSACTION_BYTES = 8;
/** The size of a struct cachestat_range. */
const RANGE_BYTES = 16;
/** More than the size of a struct cachestat, which begins with the number of pages. */
const CACHESTAT_BYTES = 128;
/** The usual size of a page. On machines with larger pages the result is too small. */
const PAGE_BYTES = 4096;

const readOnce = promisify(read);
const writeOnce = promisify(write);

/**
 * Up to this many bytes are read and written on this thread, because handing them to another thread
 * and back takes longer.
 */
const AT_ONCE_BYTES = 64 * 1024;

const calls = {
  lseek: libcFunction("lseek", "int64_t", ["int", "int64_t", "int"]),
  fallocate: libcFunction("fallocate", "int", ["int", "int", "int64_t", "int64_t"]),
  fadvise: libcFunction("posix_fadvise", "int", ["int", "int64_t", "int64_t", "int"]),
  syncfs: libcFunction("syncfs", "int", ["int"]),
  syncFileRange: libcFunction("sync_file_range", "int", ["int", "int64_t", "int64_t", "uint"]),
  ioctl: libcFunction("ioctl", "int", ["int", "uint64_t", "void *"]),
  cachestat: systemCall("cachestat", { x64: 451, arm64: 451 }, ["int", "void *", "void *", "uint"]),
};

/**
 * Where data begins at or after `offset`. Undefined: only a hole follows. Moves the descriptor's
 * position.
 */
export function seekData(fd: number, offset: number): number | undefined {
  try {
    return calls.lseek.call("", fd, offset, SEEK_DATA);
  } catch (error) {
    if (hasCode(error, "ENXIO")) return undefined;
    throw error;
  }
}

/**
 * Where a hole begins at or after `offset`. The end of the file counts as a hole. Throws ENXIO
 * beyond the end.
 */
export function seekHole(fd: number, offset: number): number {
  return calls.lseek.call("", fd, offset, SEEK_HOLE);
}

/** Takes blocks for the first `length` bytes. Throws ENOSPC or EDQUOT when there is no room. */
export function allocate(fd: number, length: number): void {
  calls.fallocate.call("", fd, 0, 0, length);
}

/** Frees the blocks of a range. The range then reads as zeros, and the size stays. */
export function punchHole(fd: number, offset: number, length: number): void {
  calls.fallocate.call("", fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}

/**
 * Lets the kernel drop a file's clean pages from the cache, so that the next read comes from the
 * disk.
 */
export function dropCache(fd: number): void {
  // posix_fadvise returns the error instead of setting errno.
  const errno = calls.fadvise.call("", fd, 0, 0, POSIX_FADV_DONTNEED);
  if (errno !== 0 && errno !== constants.errno.ESPIPE) throw new SystemError("posix_fadvise", errno, "");
}

/**
 * How many bytes of a range are in the page cache, in whole pages. Undefined: the kernel does not
 * say so (before Linux 6.5). Reads nothing from the disk.
 */
export function cachedBytes(fd: number, offset: number, length: number): number | undefined {
  const [range, found] = [Buffer.alloc(RANGE_BYTES), Buffer.alloc(CACHESTAT_BYTES)];
  range.writeBigUInt64LE(BigInt(offset), 0);
  range.writeBigUInt64LE(BigInt(length), 8);
  // A sandbox may refuse a call that it does not know.
  if (calls.cachestat.attempt(fd, range, found, 0) < 0) return undefined;
  return Number(found.readBigUInt64LE()) * PAGE_BYTES;
}

/** Waits until everything written to the descriptor's file system so far is durable. */
export async function syncfs(fd: number): Promise<void> {
  await calls.syncfs.callAsync("", fd);
}

/** Waits until an open file or directory is durable. */
export const fsync: (fd: number) => Promise<void> = promisify(nodeFsync);

/**
 * Waits until the content of an open file is durable, and what is needed to read it. Its owner,
 * mode and times may not be.
 */
export const fdatasync: (fd: number) => Promise<void> = promisify(nodeFdatasync);

/** Lets the kernel begin to write an open file back. Does not wait for the end. */
export async function startWriteBack(fd: number): Promise<void> {
  await calls.syncFileRange.callAsync("", fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

/**
 * Commits the transaction of a Btrfs file system, and waits until that is durable: all metadata of
 * the file system as they are now, and no data that is only in the page cache. `syncfs` does the
 * same after it has written all data.
 */
export async function commitBtrfs(fd: number): Promise<void> {
  const transaction = Buffer.alloc(TRANSACTION_BYTES);
  await calls.ioctl.callAsync("", fd, BTRFS_IOC_START_SYNC, transaction);
  await calls.ioctl.callAsync("", fd, BTRFS_IOC_WAIT_SYNC, transaction);
}

/** Sets the size of an open file. An added part reads as zeros and takes no blocks. */
export function truncate(fd: number, size: number): void {
  ftruncateSync(fd, size);
}

/** Reads `length` bytes at `offset`. Gives fewer only at the end of the file. */
export function readAt(fd: number, offset: number, length: number): Promise<Buffer> {
  return readInto(fd, offset, Buffer.allocUnsafe(length));
}

/** The same, into the whole of a buffer of the caller. */
export async function readInto(fd: number, offset: number, bytes: Buffer): Promise<Buffer> {
  const { length } = bytes;
  let done = 0;
  while (done < length) {
    const read =
      length <= AT_ONCE_BYTES
        ? readSync(fd, bytes, done, length - done, offset + done)
        : (await readOnce(fd, bytes, done, length - done, offset + done)).bytesRead;
    if (read === 0) break;
    done += read;
  }
  return bytes.subarray(0, done);
}

/** Writes all of `bytes` at `offset`. */
export async function writeAt(fd: number, offset: number, bytes: Buffer): Promise<void> {
  const { length } = bytes;
  let done = 0;
  while (done < length) {
    done +=
      length <= AT_ONCE_BYTES
        ? writeSync(fd, bytes, done, length - done, offset + done)
        : (await writeOnce(fd, bytes, done, length - done, offset + done)).bytesWritten;
  }
}
