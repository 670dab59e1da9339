import { AlignedRing } from "../../sys/direct/direct.ts";
import type { Sink } from "./in-place.ts";
import { checkedFrame, FRAME_HEAD_BYTES, isData, OFFSET_BYTES, payloadLength, type Frame } from "./frames.ts";

/**
 * Makes frames of the bytes that arrive. The bytes come in one of two ways:
 *
 * - The stream asks for `room`, and puts them there (in-place.ts). So the bytes of a long payload
 *   arrive at their final place. All other bytes arrive in memory that several frames share.
 * - `add` gets them, and the bytes of a long payload are copied.
 *
 * A piece of data gets aligned memory, from which a disk can take it.
 */
export class Arrivals implements Sink {
  /** The bytes that have arrived and belong to no frame yet. */
  #arrived: Buffer = EMPTY;
  #landing: Landing = { memory: EMPTY, end: 0 };
  /** The next frame. */
  #frame: Begun | undefined;
  /** The frame whose payload was the last room. Undefined: it was landing memory. */
  #roomOf: Begun | undefined;
  /** The memory of pieces of data. While one piece is being written, the next one arrives. */
  readonly #data = new AlignedRing(DATA_AT_ONCE, OFFSET_BYTES);
  /** Called when there may be a frame. */
  readonly #wake: () => void;

  constructor(wake: () => void) {
    this.#wake = wake;
  }

  /** Whether there are bytes that were not taken yet. */
  get any(): boolean {
    return this.#arrived.length > 0 || this.#frame !== undefined;
  }

  /** Whether more bytes are here than should wait for the caller. */
  get isFull(): boolean {
    const { payload, filled = 0 } = this.#frame ?? {};
    return (payload === undefined || filled === payload.length) && this.#arrived.length >= WAITING_BYTES;
  }

  /** Takes `length` bytes that are no frame. Undefined: they are not here yet. */
  take(length: number): Buffer | undefined {
    if (this.#arrived.length < length) return undefined;
    const taken = this.#arrived.subarray(0, length);
    this.#arrived = this.#arrived.subarray(length);
    return taken;
  }

  /** Takes the next frame. Undefined: it is not here yet. */
  next(): Frame | undefined {
    if (this.#frame === undefined) {
      const head = this.take(FRAME_HEAD_BYTES);
      if (head === undefined) return undefined;
      this.#frame = { head, length: payloadLength(head), payload: undefined, filled: 0 };
    }
    const { head } = this.#frame;
    const payload = this.#payload(this.#frame);
    if (payload === undefined) return undefined;
    this.#frame = undefined;
    return checkedFrame(head, payload);
  }

  room(): Buffer {
    const { payload, filled = 0 } = this.#frame ?? {};
    if (payload !== undefined && filled < payload.length) {
      this.#roomOf = this.#frame;
      return payload.subarray(filled);
    }
    this.#roomOf = undefined;
    if (this.#landing.memory.length - this.#landing.end < LEAST_ROOM_BYTES) this.#land();
    return this.#landing.memory.subarray(this.#landing.end);
  }

  filled(count: number): boolean {
    const room = this.#roomOf;
    if (room !== undefined) {
      room.filled += count;
      if (room.filled === room.length) this.#wake();
      return true;
    }
    const { end, memory } = this.#landing;
    this.#landing.end = end + count;
    // What has arrived before lies just before it.
    this.#arrived = memory.subarray(end - this.#arrived.length, end + count);
    // Its frame may have been begun after the room was given.
    if (this.#frame !== undefined) this.#fill(this.#frame);
    this.#wake();
    return !this.isFull;
  }

  /** Takes bytes from a stream that cannot put them into a room. */
  add(bytes: Buffer): void {
    this.#arrived = this.#arrived.length === 0 ? bytes : Buffer.concat([this.#arrived, bytes]);
    if (this.#frame !== undefined) this.#fill(this.#frame);
  }

  /** The whole payload of a frame. Undefined: it is not here yet. */
  #payload(frame: Begun): Buffer | undefined {
    if (frame.payload === undefined) {
      const data = isData(frame.head);
      const here = this.#arrived.length >= frame.length;
      if (here && !data) return this.take(frame.length);
      // The rest of a short payload arrives right after its beginning.
      if (!data && frame.length < LONG_BYTES) return undefined;
      frame.payload = data ? this.#data.next(frame.length) : Buffer.allocUnsafe(frame.length);
      this.#fill(frame);
    }
    return frame.filled === frame.payload.length ? frame.payload : undefined;
  }

  /** Moves what belongs to a payload with memory of its own there. */
  #fill(frame: Begun): void {
    if (frame.payload === undefined) return;
    const used = this.#arrived.copy(frame.payload, frame.filled);
    frame.filled += used;
    this.#arrived = this.#arrived.subarray(used);
  }

  /** Gets new memory in which bytes land. Frames may still need the one before. */
  #land(): void {
    const before = this.#arrived;
    const memory = Buffer.allocUnsafe(Math.max(LANDING_BYTES, before.length + LEAST_ROOM_BYTES));
    this.#landing = { memory, end: before.copy(memory) };
    this.#arrived = memory.subarray(0, before.length);
  }
}

interface Landing {
  readonly memory: Buffer;
  /** Where the next bytes go. */
  end: number;
}

/** A frame whose head has arrived. */
interface Begun {
  /** May lie in the landing memory, which is not used twice. */
  readonly head: Buffer;
  readonly length: number;
  /** The memory of a long payload. Undefined: it waits among the bytes that have arrived. */
  payload: Buffer | undefined;
  filled: number;
}

/**
 * A piece is written before the second piece after it is read (target-file.ts), so two would be
 * enough. A caller that keeps a piece longer must copy it.
 */
const DATA_AT_ONCE = 3;

/** A payload of this length is not worth a copy. */
const LONG_BYTES = 32 * 1024;
const LANDING_BYTES = 64 * 1024;
/** A TLS record. */
const LEAST_ROOM_BYTES = 16 * 1024;
/** When this many bytes wait for the caller, the stream should read no more. */
const WAITING_BYTES = 64 * 1024;

const EMPTY = Buffer.alloc(0);
