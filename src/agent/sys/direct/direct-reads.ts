/*
 * Reads many small files past the page cache (O_DIRECT) with the kernel's asynchronous reads
 * (`man 2 io_submit`). One call starts the reads of many files. The kernel joins reads that are
 * neighbours on the disk, and the disk works on all of them at a time. When small files are read
 * one by one, most of the cost is the request to the disk.
 *
 * The kernel may write into the memory of a read until the read has ended. So this memory is never
 * freed: an object that is no longer needed waits for its reads, and is used again for the next
 * scan.
 */
import { constants } from "node:os";
import { alignedBuffer, wholeBlocks } from "./direct.ts";
import { addressOf, systemCall } from "../libc.ts";

/** The most reads at a time, and the longest one in bytes. */
const COUNT = 64;
const LONGEST = 64 * 1024;

/** struct iocb: the offsets of the fields that are set. The opcode 0 is a read, at the offset 0. */
const IOCB = { bytes: 64, data: 0, fd: 20, memory: 24, length: 32 } as const;
/** struct io_event: the iocb's `data`, and the bytes that were read or the negative errno. */
const EVENT = { bytes: 32, data: 0, result: 16 } as const;
const POINTER_BYTES = 8;

const calls = {
  setup: systemCall("io_setup", { x64: 206, arm64: 0 }, ["uint", "void *"]),
  submit: systemCall("io_submit", { x64: 209, arm64: 2 }, ["uint64_t", "int64_t", "void *"]),
  getEvents: systemCall("io_getevents", { x64: 208, arm64: 4 }, ["uint64_t", "int64_t", "int64_t", "void *", "void *"]),
};

/** The objects that are free, and all that were made. */
const idle: DirectReads[] = [];
const made = new Set<DirectReads>();

/** The reads of one scan. */
export class DirectReads {
  /** The kernel's id of the queue. */
  readonly #queue: number;
  /** For each place of a read its memory, its iocb, and its result if it has ended. */
  readonly #rooms: readonly Buffer[];
  readonly #iocbs = Buffer.alloc(COUNT * IOCB.bytes);
  readonly #results: (number | undefined)[] = Array.from({ length: COUNT });
  readonly #free: number[] = [];
  /** The places that submit() will hand over, and the addresses of their iocbs. */
  readonly #waiting: number[] = [];
  readonly #addresses = Buffer.alloc(COUNT * POINTER_BYTES);
  readonly #events = Buffer.alloc(COUNT * EVENT.bytes);
  #inProgress = 0;

  /** A free object. Undefined: the kernel or a sandbox does not allow these calls. */
  static take(): DirectReads | undefined {
    const found = idle.pop();
    if (found !== undefined) return found;
    const queue = Buffer.alloc(POINTER_BYTES);
    return calls.setup.attempt(COUNT, queue) < 0 ? undefined : new DirectReads(Number(queue.readBigUInt64LE()));
  }

  private constructor(queue: number) {
    this.#queue = queue;
    const memory = alignedBuffer(COUNT * LONGEST);
    const start = addressOf(memory);
    this.#rooms = this.#results.map((_, place) => memory.subarray(place * LONGEST, (place + 1) * LONGEST));
    for (const place of this.#rooms.keys()) {
      this.#iocbs.writeUInt32LE(place, place * IOCB.bytes + IOCB.data);
      this.#iocbs.writeBigUInt64LE(start + BigInt(place * LONGEST), place * IOCB.bytes + IOCB.memory);
      this.#free.push(place);
    }
    made.add(this);
  }

  /** Whether there is no place for another read. */
  get isFull(): boolean {
    return this.#free.length === 0;
  }

  /**
   * Gives a place to a read of the first `length` bytes of a file, which was opened with O_DIRECT.
   * submit() begins it.
   */
  add(fd: number, length: number): number {
    const place = this.#free.pop();
    if (place === undefined || length > LONGEST) throw new Error("no place for a direct read");
    const iocb = place * IOCB.bytes;
    this.#iocbs.writeUInt32LE(fd, iocb + IOCB.fd);
    this.#iocbs.writeUInt32LE(wholeBlocks(length), iocb + IOCB.length);
    this.#results[place] = undefined;
    this.#waiting.push(place);
    return place;
  }

  /** Hands the added reads over to the kernel. */
  submit(): void {
    const start = addressOf(this.#iocbs);
    for (const [at, place] of this.#waiting.entries()) {
      this.#addresses.writeBigUInt64LE(start + BigInt(place * IOCB.bytes), at * POINTER_BYTES);
    }
    for (let at = 0; at < this.#waiting.length;) {
      const list = this.#addresses.subarray(at * POINTER_BYTES);
      const taken = calls.submit.attempt(this.#queue, this.#waiting.length - at, list);
      // The kernel stops at the first read that it refuses, and says why if it takes none.
      if (taken <= 0) this.#results[Number(this.#waiting[at])] = taken < 0 ? taken : -constants.errno.EAGAIN;
      else this.#inProgress += taken;
      at += Math.max(taken, 1);
    }
    this.#waiting.length = 0;
  }

  /**
   * Waits for a read, on this thread, and returns its bytes: fewer than `length` at the end of the
   * file, or more, up to the end of the last block. They are overwritten when the place is used
   * again. If the read failed, returns the negative errno.
   */
  wait(place: number): Buffer | number {
    if (this.#waiting.length > 0) this.submit();
    let result = this.#results[place];
    while (result === undefined) {
      this.#reap();
      result = this.#results[place];
    }
    const room = this.#rooms[place];
    return room === undefined || result < 0 ? result : room.subarray(0, result);
  }

  /** Makes a place free whose read has ended. */
  free(place: number): void {
    this.#free.push(place);
  }

  /** Waits for all reads. The object must not be used any more. */
  end(): void {
    this.#waiting.length = 0;
    while (this.#inProgress > 0) this.#reap();
    this.#free.splice(0, COUNT, ...this.#rooms.keys());
    idle.push(this);
  }

  /** Waits for at least one read, and takes the results of all that have ended. */
  #reap(): void {
    // The call would never return.
    if (this.#inProgress === 0) throw new Error("no direct read is in progress");
    const count = calls.getEvents.call("", this.#queue, 1, COUNT, this.#events, null);
    for (let event = 0; event < count * EVENT.bytes; event += EVENT.bytes) {
      const place = this.#events.readUInt32LE(event + EVENT.data);
      this.#results[place] = this.#events.readInt32LE(event + EVENT.result);
    }
    this.#inProgress -= count;
  }
}
