/*
 * The data of an open file, read and written past the page cache (O_DIRECT).
 *
 * The kernel moves the bytes between the disk and the caller's memory. It does not copy them, and
 * no pages of other files are pushed out of the cache. In return offset, length and address must be
 * multiples of the disk's logical sector, and some file systems refuse direct calls, at the open or
 * at the first call. So the caller also keeps a normal descriptor of the file, for the bytes that
 * cannot go this way.
 *
 * Both ways may be mixed in one file: before a direct call the kernel writes back the cached pages
 * of that range, and after a direct write it drops them. A direct write is no more durable than a
 * normal one: `fsync` or `syncfs` is still needed, for the disk's own cache and for the file
 * system's metadata.
 */
import { read, write } from "node:fs";
import { promisify } from "node:util";
import { procPath } from "../change.ts";
import { addressOf, hasCode } from "../libc.ts";
import { AT_FDCWD, close, O_DIRECT, O_NOATIME, O_RDONLY, openat } from "../open.ts";

const readOnce = promisify(read);
const writeOnce = promisify(write);

/**
 * A multiple of the logical sector of nearly every disk. A disk with larger sectors refuses direct
 * calls with this alignment.
 */
export const ALIGNMENT = 4096;

/**
 * The errors of a file system without direct reads and writes, or without those of this alignment.
 */
export const REFUSALS = ["EINVAL", "EOPNOTSUPP"] as const;

/** A file that is read and written past the page cache, until its file system refuses. */
export class DirectFile {
  readonly #fd: number;
  #refused = false;
  #closed = false;
  /** Aligned memory into which unaligned bytes are copied. Only one write uses it at a time. */
  #room: Buffer | undefined;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Opens the file of a descriptor once more, with the access O_RDONLY or O_WRONLY. Undefined: its
   * file system refuses.
   */
  static open(fd: number, access: number): DirectFile | undefined {
    const reopen = (flags: number): DirectFile =>
      new DirectFile(openat(AT_FDCWD, procPath(fd), access | O_DIRECT | flags));
    try {
      return reopen(access === O_RDONLY ? O_NOATIME : 0);
    } catch (error) {
      if (hasCode(error, ...REFUSALS)) return undefined;
      // O_NOATIME is allowed only to the owner and to root.
      if (access === O_RDONLY && hasCode(error, "EPERM")) return reopen(0);
      throw error;
    }
  }

  /**
   * Writes the whole blocks of `bytes` at `offset`. Only one call may run at a time. Gives how many
   * bytes were written, from the first one on. The caller writes the others through the normal
   * descriptor. The bytes must not change until the call has ended, because both the disk and the
   * checksums of a file system read them.
   */
  async write(offset: number, bytes: Buffer): Promise<number> {
    const length = bytes.length - (bytes.length % ALIGNMENT);
    const aligned = isAligned(bytes) ? bytes : this.#inRoom(bytes.subarray(0, length));
    let done = 0;
    while (done < length && done % ALIGNMENT === 0) {
      const { bytesWritten = 0 } = await this.#asked(() =>
        writeOnce(this.#fd, aligned, done, length - done, offset + done),
      );
      if (bytesWritten === 0) break;
      done += bytesWritten;
    }
    return done;
  }

  /**
   * Reads `length` bytes at `offset` into `room`, which is aligned and has at least
   * `wholeBlocks(length)` bytes. Undefined: the file system refuses, or the file has become
   * shorter.
   */
  async read(offset: number, length: number, room: Buffer): Promise<Buffer | undefined> {
    const bytes = room.subarray(0, wholeBlocks(length));
    let done = 0;
    while (done < length && done % ALIGNMENT === 0) {
      const { bytesRead = 0 } = await this.#asked(() =>
        readOnce(this.#fd, bytes, done, bytes.length - done, offset + done),
      );
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done < length ? undefined : bytes.subarray(0, length);
  }

  /** Closes the descriptor, once. No call may be in progress. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    close(this.#fd);
  }

  #inRoom(bytes: Buffer): Buffer {
    if (this.#room === undefined || this.#room.length < bytes.length) this.#room = alignedBuffer(bytes.length);
    bytes.copy(this.#room);
    return this.#room;
  }

  /** The result of a call. Nothing once the file system has refused a call. */
  async #asked<T>(call: () => Promise<T>): Promise<Partial<T>> {
    if (this.#refused) return {};
    try {
      return await call();
    } catch (error) {
      if (!hasCode(error, ...REFUSALS)) throw error;
      this.#refused = true;
      return {};
    }
  }
}

/** `length` rounded up to whole blocks. */
export function wholeBlocks(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

/** New memory in which the byte at the offset `before` is aligned. */
export function alignedBuffer(length: number, before = 0): Buffer {
  const memory = Buffer.allocUnsafeSlow(length + ALIGNMENT);
  const start = (ALIGNMENT - ((misalignmentOf(memory) + before) % ALIGNMENT)) % ALIGNMENT;
  return memory.subarray(start, start + length);
}

/**
 * Aligned buffers that are used again in turn. A new buffer for each piece of a large file would
 * make gigabytes of garbage, and would take longer than copying the piece.
 */
export class AlignedRing {
  readonly #rooms: (Buffer | undefined)[];
  readonly #before: number;
  #turn = 0;

  /** A buffer is overwritten `count` turns later. @param before As for `alignedBuffer`. */
  constructor(count: number, before = 0) {
    this.#rooms = Array.from({ length: count });
    this.#before = before;
  }

  next(length: number): Buffer {
    const turn = this.#turn;
    this.#turn = (turn + 1) % this.#rooms.length;
    let room = this.#rooms[turn];
    if (room === undefined || room.length < length) {
      room = alignedBuffer(length, this.#before);
      this.#rooms[turn] = room;
    }
    return room.subarray(0, length);
  }
}

/** Whether a buffer has the alignment that a direct write needs. */
export function isAligned(bytes: Buffer): boolean {
  return misalignmentOf(bytes) === 0;
}

function misalignmentOf(bytes: Buffer): number {
  return Number(addressOf(bytes) % BigInt(ALIGNMENT));
}
