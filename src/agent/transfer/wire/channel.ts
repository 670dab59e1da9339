import type { Duplex } from "node:stream";
import { messageOf } from "../../../observe/errors.ts";
import { transferErrors } from "../errors.ts";
import { Arrivals } from "./arrivals.ts";
import { checkStreamHeader, frameHead, HEADER_BYTES, streamHeader, type Frame } from "./frames.ts";
import { isInPlace, type InPlaceStream } from "./in-place.ts";

/**
 * Frames over one byte stream, both ways, with backpressure: `write` waits until the stream takes
 * more, and hardly anything is read before `read` asks for it. When the signal aborts, the stream
 * is destroyed and every wait ends with the signal's reason. When the stream breaks, every wait
 * ends with WIRE_BROKEN.
 *
 * Small frames are sent and received together, so that most of them cost no wait at either end.
 */
export class Channel {
  readonly #stream: Duplex;
  readonly #signal: AbortSignal;
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  readonly #arrivals = new Arrivals(() => {
    this.#wake();
  });
  /** True when the stream, which reads in place, was told to read no more for now. */
  #isPaused = false;
  /** True while the stream still reads the memory of the last large buffer. */
  #isTaking = false;
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(stream: Duplex, signal: AbortSignal) {
    this.#stream = stream;
    this.#signal = signal;
    stream.on("error", this.#onError);
    if (isInPlace(stream)) this.#readInto(stream);
    else stream.on("readable", this.#onEvent);
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
  readonly #onTaken = (): void => {
    this.#isTaking = false;
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
    let header: Buffer | undefined;
    while ((header = this.#arrivals.take(HEADER_BYTES)) === undefined) {
      if (!(await this.#more())) throw this.#arrivals.any ? endedWithin() : endedBefore();
    }
    checkStreamHeader(header);
  }

  /**
   * Sends one frame, together with others if it is small. The buffers must not be changed
   * afterwards, but for one of at least TOGETHER_BYTES: the stream has taken it when the write of a
   * later one has ended. Undefined: there is nothing to wait for.
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
    while (this.#stream.writableNeedDrain || this.#isTaking) {
      await this.#event();
      this.#check();
    }
    // A piece of data is written alone: joining it with others would copy it.
    const last = this.#kept.at(-1);
    const large = last !== undefined && last.length >= TOGETHER_BYTES ? last : undefined;
    const small = large === undefined ? this.#kept : this.#kept.slice(0, -1);
    this.#stream.write(Buffer.concat(small));
    if (large !== undefined) {
      this.#isTaking = true;
      this.#stream.write(large, this.#onTaken);
    }
    this.#kept.length = 0;
    this.#keptBytes = 0;
  }

  /**
   * The next frame. An end of the stream here is WIRE_BROKEN, because the caller expects a frame.
   */
  async read(): Promise<Frame> {
    for (;;) {
      const frame = this.readHere();
      if (frame !== undefined) return frame;
      if (!(await this.#more())) throw this.#arrivals.any ? endedWithin() : endedEarly();
    }
  }

  /** The next frame, if it has arrived already. */
  readHere(): Frame | undefined {
    this.#signal.throwIfAborted();
    return this.#arrivals.next();
  }

  /** Throws if more bytes have arrived. */
  expectNothingMore(): void {
    if (this.#arrivals.any || this.#stream.readableLength > 0) throw afterTheEnd();
  }

  /**
   * Waits until the other end has closed its side. Any byte before that is an error. A broken
   * stream is not.
   */
  async expectEnd(): Promise<void> {
    while (!this.#stream.readableEnded && !this.#stream.destroyed) {
      if (this.#arrivals.any || readFrom(this.#stream) !== null) throw afterTheEnd();
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
    for (const event of ["readable", ...EVENTS]) this.#stream.off(event, this.#onEvent);
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  #write(...parts: readonly Buffer[]): Promise<void> | undefined {
    for (const part of parts) {
      this.#kept.push(part);
      this.#keptBytes += part.length;
    }
    return this.#keptBytes >= TOGETHER_BYTES ? this.flush() : undefined;
  }

  #readInto(stream: InPlaceStream): void {
    for (let bytes = readFrom(stream); bytes !== null; bytes = readFrom(stream)) this.#arrivals.add(bytes);
    stream.readInto({
      room: () => this.#arrivals.room(),
      filled: (count) => {
        this.#isPaused = !this.#arrivals.filled(count);
        return !this.#isPaused;
      },
    });
  }

  /** Gets more bytes, or waits until there may be some. False: the stream has ended. */
  async #more(): Promise<boolean> {
    this.#signal.throwIfAborted();
    const bytes = readFrom(this.#stream);
    if (bytes !== null) {
      this.#arrivals.add(bytes);
      return true;
    }
    if (this.#stream.readableEnded) return false;
    this.#check();
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#stream.resume();
    }
    await this.#event();
    return true;
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

/** What has arrived at a stream. */
function readFrom(stream: Duplex): Buffer | null {
  return stream.read() as Buffer | null;
}

function endedBefore(): Error {
  return transferErrors.WIRE_BROKEN({ why: "it ended before the first frame" });
}

function endedWithin(): Error {
  return transferErrors.WIRE_BROKEN({ why: "it ended in the middle of a frame" });
}

function endedEarly(): Error {
  return transferErrors.WIRE_BROKEN({ why: "it ended too early" });
}

function afterTheEnd(): Error {
  return transferErrors.WIRE_INVALID({ why: "data after the end" });
}

const EVENTS = ["end", "drain", "close"] as const;
