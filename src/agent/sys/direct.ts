/*
 * The data of an open file, read and written past the page cache (O_DIRECT).
 *
 * The kernel moves the bytes between the disk and the caller's memory: no copy of them, and nobody
 * else's pages have to go. In return offset, length and address must be multiples of the disk's
 * logical sector, and some file systems refuse it, at the open or at the first call. So whoever
 * uses this has a normal descriptor of the file beside it, for what does not go here.
 *
 * The two may be mixed in one file: before a direct call the kernel writes back what the page cache
 * has of that range, and after a direct write it drops it. A direct write is no more durable than
 * any other one: `fsync` and `syncfs` are needed as ever, for the disk's own cache and for the file
 * system's metadata.
 */
import { read, write } from "node:fs";
import { promisify } from "node:util";
import { procPath } from "./change.ts";
import { addressOf, hasCode } from "./libc.ts";
import { AT_FDCWD, close, O_DIRECT, O_NOATIME, O_RDONLY, openat } from "./open.ts";

const readOnce = promisify(read);
const writeOnce = promisify(write);

/** A multiple of the logical sector of nearly every disk. One with larger sectors refuses it. */
export const ALIGNMENT = 4096;

/** What a file system says that has no direct reads and writes, or none of this alignment. */
const REFUSALS = ["EINVAL", "EOPNOTSUPP"] as const;

/** A file, past the page cache, as long as its file system agrees. */
export class DirectFile {
  readonly #fd: number;
  #refused = false;
  #closed = false;
  /** Where bytes are put that do not lie as they must. Nothing else is done with it meanwhile. */
  #room: Buffer | undefined;
  readonly #read = new AlignedRing(2);

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Opens the file of a descriptor once more, with the access O_RDONLY or O_WRONLY. undefined: its
   * file system refuses.
   */
  static open(fd: number, access: number): DirectFile | undefined {
    const reopen = (flags: number): DirectFile =>
      new DirectFile(openat(AT_FDCWD, procPath(fd), access | O_DIRECT | flags));
    try {
      return reopen(access === O_RDONLY ? O_NOATIME : 0);
    } catch (error) {
      if (hasCode(error, ...REFUSALS)) return undefined;
      // Only the owner and root may leave the access time alone.
      if (access === O_RDONLY && hasCode(error, "EPERM")) return reopen(0);
      throw error;
    }
  }

  /**
   * Writes the whole blocks of `bytes` at `offset`, one call at a time. Gives how many bytes were
   * written, from the first one on: the others are for the normal descriptor. The bytes must not
   * change before it has ended: the disk and the checksums of a file system both read them.
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
   * Reads so many bytes at `offset`. undefined: not here, or the file has become shorter. The
   * memory is used again by the next read but one.
   */
  async read(offset: number, length: number): Promise<Buffer | undefined> {
    const bytes = this.#read.next(Math.ceil(length / ALIGNMENT) * ALIGNMENT);
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

  /** What a call gives; nothing, once the file system has refused one. */
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

/** New memory in which what begins at `before` is aligned. */
export function alignedBuffer(length: number, before = 0): Buffer {
  const memory = Buffer.allocUnsafeSlow(length + ALIGNMENT);
  const start = (ALIGNMENT - ((misalignmentOf(memory) + before) % ALIGNMENT)) % ALIGNMENT;
  return memory.subarray(start, start + length);
}

/**
 * Aligned memory that is used again in turn: new one for each piece of a large file is garbage by
 * the gigabyte, and takes longer than a copy of the piece.
 */
export class AlignedRing {
  readonly #rooms: (Buffer | undefined)[];
  readonly #before: number;
  #turn = 0;

  /** What is given out is overwritten `count` turns later. @param before As of `alignedBuffer`. */
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

/** Whether a buffer lies as a direct write needs it. */
export function isAligned(bytes: Buffer): boolean {
  return misalignmentOf(bytes) === 0;
}

function misalignmentOf(bytes: Buffer): number {
  return Number(addressOf(bytes) % BigInt(ALIGNMENT));
}
