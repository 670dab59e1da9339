import { transferErrors } from "../errors.ts";

/** Writes fields one after another. */
export class FieldWriter {
  /** The fields of most entries fit into this. */
  #room = Buffer.allocUnsafe(128);
  #at = 0;

  uint(value: number): this {
    this.#at = this.#with(4).writeUInt32LE(value, this.#at);
    return this;
  }

  int64(value: bigint): this {
    this.#at = this.#with(8).writeBigInt64LE(value, this.#at);
    return this;
  }

  /** Writes the length of the bytes, and then the bytes. */
  bytes(value: Buffer): this {
    return this.uint(value.length).raw(value);
  }

  /** Writes bytes whose length the reader knows. */
  raw(value: Buffer): this {
    this.#at += value.copy(this.#with(value.length), this.#at);
    return this;
  }

  /** Writes the bytes of a text in hexadecimal. The reader knows their length. */
  hex(value: string): this {
    this.#at += this.#with(value.length / 2).write(value, this.#at, "hex");
    return this;
  }

  done(): Buffer {
    return this.#room.subarray(0, this.#at);
  }

  /** The buffer, with room for so many more bytes. */
  #with(length: number): Buffer {
    if (this.#at + length > this.#room.length) this.#room = Buffer.concat([this.#room], 2 * (this.#at + length));
    return this.#room;
  }
}

/** Reads fields from a payload, and checks that each lies within it. */
export class FieldReader {
  readonly #payload: Buffer;
  #at = 0;

  constructor(payload: Buffer) {
    this.#payload = payload;
  }

  uint(): number {
    return this.#payload.readUInt32LE(this.#pass(4));
  }

  int64(): bigint {
    return this.#payload.readBigInt64LE(this.#pass(8));
  }

  /** A whole number that is not negative and that a JavaScript number holds exactly. */
  size(): number {
    const value = this.int64();
    if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw transferErrors.WIRE_INVALID({ why: `a size of ${String(value)}` });
    }
    return Number(value);
  }

  bytes(): Buffer {
    return this.take(this.uint());
  }

  /** All remaining bytes. */
  rest(): Buffer {
    return this.take(this.#payload.length - this.#at);
  }

  /** Throws if bytes remain. */
  end(): void {
    if (this.#at !== this.#payload.length)
      throw transferErrors.WIRE_INVALID({ why: "a frame is longer than its fields" });
  }

  /** The next `length` bytes. */
  take(length: number): Buffer {
    const start = this.#pass(length);
    return this.#payload.subarray(start, this.#at);
  }

  /** Where the next `length` bytes begin. They count as read. */
  #pass(length: number): number {
    if (length > this.#payload.length - this.#at) {
      throw transferErrors.WIRE_INVALID({ why: "a frame is shorter than its fields" });
    }
    const start = this.#at;
    this.#at += length;
    return start;
  }
}
