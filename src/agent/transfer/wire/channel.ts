import type { Duplex } from "node:stream";
import { messageOf } from "../../../observe/errors.ts";
import { AlignedRing } from "../../sys/direct.ts";
import { transferErrors } from "../errors.ts";
import {
  checkedFrame,
  checkStreamHeader,
  FRAME_HEAD_BYTES,
  frameHead,
  HEADER_BYTES,
  isData,
  OFFSET_BYTES,
  payloadLength,
  streamHeader,
  type Frame,
} from "./frames.ts";

/**
 * Frames over one byte stream, both ways, with backpressure: `write` waits until the stream takes
 * more, and nothing is read before `read` asks for it. When the signal aborts, the stream is
 * destroyed and every wait ends with the signal's reason. When the stream breaks, every wait ends
 * with WIRE_BROKEN.
 *
 * Small frames are sent and received together, so that most of them cost no wait at either end.
 */
export class Channel {
  readonly #stream: Duplex;
  readonly #signal: AbortSignal;
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  /** The bytes that have arrived and were not taken yet. */
  #arrived: Buffer = EMPTY;
  #frame: { readonly head: Buffer; readonly length: number } | undefined;
  /** The memory of pieces of data. While one piece is being written, the next one arrives. */
  readonly #data = new AlignedRing(DATA_AT_ONCE, OFFSET_BYTES);
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(stream: Duplex, signal: AbortSignal) {
    this.#stream = stream;
    this.#signal = signal;
    stream.on("error", this.#onError);
    for (const event of EVENTS) stream.on(event, this.#onEvent);
    signal.addEventListener("abort", this.#onAbort);
    if (signal.aborted) this.#onAbort();
  }

  readonly #onError = (error: Error): void => {
    this.#failure ??= error;
    this.#wake();
  };
  readonly #onEvent = (): void => {
    this.#wake();
  };
  readonly #onAbort = (): void => {
    this.#stream.destroy();
    this.#wake();
  };

  async writeHeader(): Promise<void> {
    await this.#write(streamHeader());
  }

  async readHeader(): Promise<void> {
    const header = await this.#readExactly(HEADER_BYTES);
    if (header === undefined) throw transferErrors.WIRE_BROKEN({ why: "it ended before it began" });
    checkStreamHeader(header);
  }

  /**
   * Sends one frame, together with others if it is small. The buffers must not be changed
   * afterwards. Undefined: there is nothing to wait for.
   */
  write(type: number, ...parts: readonly Buffer[]): Promise<void> | undefined {
    return this.#write(frameHead(type, parts), ...parts);
  }

  /**
   * Sends the frames that were kept for sending together. It first waits until the stream takes
   * more, and does not wait for its own bytes: so the caller can prepare the next ones meanwhile.
   */
  async flush(): Promise<void> {
    this.#check();
    while (this.#stream.writableNeedDrain) {
      await this.#event();
      this.#check();
    }
    // A piece of data is written alone: joining it with others would copy it.
    const last = this.#kept.at(-1);
    const large = last !== undefined && last.length >= TOGETHER_BYTES ? last : undefined;
    const small = large === undefined ? this.#kept : this.#kept.slice(0, -1);
    this.#stream.write(Buffer.concat(small));
    if (large !== undefined) this.#stream.write(large);
    this.#kept.length = 0;
    this.#keptBytes = 0;
  }

  /**
   * The next frame. An end of the stream here is WIRE_BROKEN, because the caller expects a frame.
   */
  async read(): Promise<Frame> {
    const here = this.readHere();
    if (here !== undefined) return here;
    this.#frame ??= headOf(await this.#readExactly(FRAME_HEAD_BYTES));
    const { head, length } = this.#frame;
    const payload = length === 0 ? EMPTY : await this.#readExactly(length, isData(head));
    this.#frame = undefined;
    if (payload === undefined) throw endedEarly();
    return checkedFrame(head, payload);
  }

  /** The next frame, if it has arrived already. */
  readHere(): Frame | undefined {
    this.#signal.throwIfAborted();
    if (this.#frame === undefined) {
      if (this.#arrived.length < FRAME_HEAD_BYTES) return undefined;
      this.#frame = headOf(this.#take(FRAME_HEAD_BYTES));
    }
    const { head, length } = this.#frame;
    if (this.#arrived.length < length) return undefined;
    this.#frame = undefined;
    return checkedFrame(head, this.#take(length));
  }

  /** Throws if more bytes have arrived. */
  expectNothingMore(): void {
    if (this.#arrived.length > 0 || this.#stream.readableLength > 0) throw afterTheEnd();
  }

  /**
   * Waits until the other end has closed its side. Any byte before that is an error. A broken
   * stream is not.
   */
  async expectEnd(): Promise<void> {
    if (this.#arrived.length > 0) throw afterTheEnd();
    while (!this.#stream.readableEnded && !this.#stream.destroyed) {
      if (this.#stream.read() !== null) throw afterTheEnd();
      if (this.#stream.readableEnded) return;
      await this.#event();
      this.#signal.throwIfAborted();
    }
  }

  /** Closes this side, and stops using the stream. */
  end(): void {
    this.#stream.end();
    this.#release();
  }

  /** Destroys the stream, so that the other end fails at once too. */
  destroy(): void {
    this.#stream.destroy();
    this.#release();
  }

  /** The listener of `error` stays, because a late error must not end the process. */
  #release(): void {
    for (const event of EVENTS) this.#stream.off(event, this.#onEvent);
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  #write(...parts: readonly Buffer[]): Promise<void> | undefined {
    for (const part of parts) {
      this.#kept.push(part);
      this.#keptBytes += part.length;
    }
    return this.#keptBytes >= TOGETHER_BYTES ? this.flush() : undefined;
  }

  /** Takes `length` of the bytes that have arrived. */
  #take(length: number): Buffer {
    const taken = this.#arrived.subarray(0, length);
    this.#arrived = this.#arrived.subarray(length);
    return taken;
  }

  /**
   * Reads `length` bytes. Undefined: the stream ended before the first of them. The bytes of a
   * piece of data are put into aligned memory, from which a disk can take them.
   */
  async #readExactly(length: number, ofData = false): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    let missing = length;
    for (;;) {
      if (this.#arrived.length > 0) {
        const part = this.#take(Math.min(missing, this.#arrived.length));
        parts.push(part);
        missing -= part.length;
      }
      if (missing === 0) break;
      const arrived = this.#stream.read() as Buffer | null;
      if (arrived !== null) {
        this.#arrived = arrived;
        continue;
      }
      this.#signal.throwIfAborted();
      if (this.#stream.readableEnded) {
        if (missing === length) return undefined;
        throw transferErrors.WIRE_BROKEN({ why: "it ended within a frame" });
      }
      this.#check();
      await this.#event();
    }
    const [only] = parts;
    return parts.length === 1 && only !== undefined
      ? only
      : together(parts, length, ofData ? this.#data.next(length) : undefined);
  }

  #check(): void {
    this.#signal.throwIfAborted();
    const failure = this.#failure ?? this.#stream.errored;
    if (failure !== null) throw transferErrors.WIRE_BROKEN({ why: messageOf(failure) }, { cause: failure });
    if (this.#stream.destroyed) throw transferErrors.WIRE_BROKEN({ why: "it was closed" });
  }

  #event(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** Frames are kept until this many bytes can go in one write. Most entries take a hundred bytes. */
const TOGETHER_BYTES = 64 * 1024;

/**
 * A piece is written before the second piece after it is read (target-file.ts), so two would be
 * enough. A caller that keeps a piece longer must copy it.
 */
const DATA_AT_ONCE = 3;

const EMPTY = Buffer.alloc(0);

function together(parts: readonly Buffer[], length: number, room: Buffer = Buffer.allocUnsafe(length)): Buffer {
  let at = 0;
  for (const part of parts) at += part.copy(room, at);
  return room;
}

function headOf(head: Buffer | undefined): { head: Buffer; length: number } {
  if (head === undefined) throw endedEarly();
  return { head, length: payloadLength(head) };
}

function endedEarly(): Error {
  return transferErrors.WIRE_BROKEN({ why: "it ended too early" });
}

function afterTheEnd(): Error {
  return transferErrors.WIRE_INVALID({ why: "data after the end" });
}

const EVENTS = ["readable", "end", "drain", "close"] as const;
