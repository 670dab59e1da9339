import type { Duplex } from "node:stream";
import { messageOf } from "../../../observe/errors.ts";
import { transferErrors } from "../errors.ts";
import {
  checkedFrame,
  checkStreamHeader,
  FRAME_HEAD_BYTES,
  frameHead,
  HEADER_BYTES,
  payloadLength,
  streamHeader,
  type Frame,
} from "./frames.ts";

/**
 * Frames over one byte stream, both ways, with backpressure: `write` waits until the stream takes
 * more, and nothing is read before `read` asks for it. When the signal aborts, the stream is
 * destroyed and every wait ends with the signal's reason; when the stream breaks, with WIRE_BROKEN.
 */
export class Channel {
  readonly #stream: Duplex;
  readonly #signal: AbortSignal;
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
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
    await this.#write([streamHeader()]);
  }

  async readHeader(): Promise<void> {
    const header = await this.#readExactly(HEADER_BYTES);
    if (header === undefined) throw transferErrors.WIRE_BROKEN({ why: "it ended before it began" });
    checkStreamHeader(header);
  }

  /**
   * Sends one frame, together with others where it is small. The buffers must not be changed
   * afterwards.
   */
  async write(type: number, ...parts: readonly Buffer[]): Promise<void> {
    await this.#write([frameHead(type, parts), ...parts]);
  }

  /**
   * Sends what was kept to be sent together, once what was sent before it is on its way: so the
   * next bytes can be prepared meanwhile.
   */
  async flush(): Promise<void> {
    this.#check();
    while (this.#stream.writableNeedDrain) {
      await this.#event();
      this.#check();
    }
    // A piece of data goes as it is: putting it together with others would copy it.
    const last = this.#kept.at(-1);
    const large = last !== undefined && last.length >= TOGETHER_BYTES ? last : undefined;
    const small = large === undefined ? this.#kept : this.#kept.slice(0, -1);
    this.#stream.write(Buffer.concat(small));
    if (large !== undefined) this.#stream.write(large);
    this.#kept.length = 0;
    this.#keptBytes = 0;
  }

  /** The next frame. An end of the stream here is WIRE_BROKEN: whoever reads expects something. */
  async read(): Promise<Frame> {
    const head = await this.#readExactly(FRAME_HEAD_BYTES);
    if (head === undefined) throw transferErrors.WIRE_BROKEN({ why: "it ended too early" });
    const length = payloadLength(head);
    const payload = length === 0 ? Buffer.alloc(0) : await this.#readExactly(length);
    if (payload === undefined) throw transferErrors.WIRE_BROKEN({ why: "it ended too early" });
    return checkedFrame(head, payload);
  }

  /** Throws when bytes have arrived that nobody has asked for. */
  expectNothingMore(): void {
    if (this.#stream.readableLength > 0) throw transferErrors.WIRE_INVALID({ why: "data after the end" });
  }

  /**
   * Waits until the other end has closed its side. Any byte before that is an error, a broken
   * stream is not.
   */
  async expectEnd(): Promise<void> {
    while (!this.#stream.readableEnded && !this.#stream.destroyed) {
      if (this.#stream.read() !== null) throw transferErrors.WIRE_INVALID({ why: "data after the end" });
      if (this.#stream.readableEnded) return;
      await this.#event();
      this.#signal.throwIfAborted();
    }
  }

  /** Closes this side; the stream stays with its owner no longer. */
  end(): void {
    this.#stream.end();
    this.#release();
  }

  /** Destroys the stream, so that the other end fails at once too. */
  destroy(): void {
    this.#stream.destroy();
    this.#release();
  }

  /** The listener of `error` stays: a late one must not end the process. */
  #release(): void {
    for (const event of EVENTS) this.#stream.off(event, this.#onEvent);
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  async #write(parts: readonly Buffer[]): Promise<void> {
    for (const part of parts) {
      this.#kept.push(part);
      this.#keptBytes += part.length;
    }
    if (this.#keptBytes >= TOGETHER_BYTES) await this.flush();
  }

  /** So many bytes; undefined when the stream ended instead of the first. */
  async #readExactly(length: number): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    let missing = length;
    while (missing > 0) {
      const available = Math.min(missing, this.#stream.readableLength);
      const part = this.#stream.read(available === 0 ? undefined : available) as Buffer | null;
      if (part !== null) {
        // Without a length everything is read that has just arrived, which may be more than was
        // asked for.
        if (part.length > missing) this.#stream.unshift(part.subarray(missing));
        parts.push(part.length > missing ? part.subarray(0, missing) : part);
        missing -= Math.min(part.length, missing);
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
    return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts, length);
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

/** Frames are kept until so many bytes can go in one write: most entries take a hundred. */
const TOGETHER_BYTES = 64 * 1024;

const EVENTS = ["readable", "end", "drain", "close"] as const;
