/* Reads small files, and lets the disk begin before the bytes are needed. */
import { readSync, writeSync } from "node:fs";
import { constants } from "node:os";
import { libcFunction, SystemError } from "./libc.ts";

const POSIX_FADV_WILLNEED = 3;

const fadvise = libcFunction("posix_fadvise", "int", ["int", "int64_t", "int64_t", "int"]);

/**
 * Lets the kernel read the first `length` bytes of a file into the page cache. Does not wait for
 * them.
 */
export function readAhead(fd: number, length: number): void {
  // posix_fadvise returns the error instead of setting errno.
  const errno = fadvise.call("", fd, 0, length, POSIX_FADV_WILLNEED);
  if (errno !== 0 && errno !== constants.errno.ESPIPE) throw new SystemError("posix_fadvise", errno, "");
}

/**
 * The size of the buffer into which small files are read one after another. A separate buffer for
 * each file would cost as much as the read.
 */
const SLAB_BYTES = 256 * 1024;

/** Reads small files one after another, on this thread. */
export class SmallReader {
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #used = 0;

  /** The first `length` bytes of a file. Fewer only if the file is shorter. */
  read(fd: number, length: number): Buffer {
    if (length > SLAB_BYTES - this.#used) {
      this.#slab = Buffer.allocUnsafeSlow(Math.max(length, SLAB_BYTES));
      this.#used = 0;
    }
    const start = this.#used;
    let done = 0;
    while (done < length) {
      const read = readSync(fd, this.#slab, start + done, length - done, done);
      if (read === 0) break;
      done += read;
    }
    this.#used += done;
    return this.#slab.subarray(start, start + done);
  }
}

/** Writes all of `bytes` to the beginning of an open file, on this thread. */
export function writeNow(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done, done);
}
