import { transferErrors } from "../errors.ts";

/** Writes fields one after another. */
export class FieldWriter {
  readonly #parts: Buffer[] = [];

  uint(value: number): this {
    const field = Buffer.alloc(4);
    field.writeUInt32LE(value);
    this.#parts.push(field);
    return this;
  }

  int64(value: bigint): this {
    const field = Buffer.alloc(8);
    field.writeBigInt64LE(value);
    this.#parts.push(field);
    return this;
  }

  /** Writes the length of the bytes, and then the bytes. */
  bytes(value: Buffer): this {
    this.uint(value.length);
    this.#parts.push(value);
    return this;
  }

  done(): Buffer {
    return Buffer.concat(this.#parts);
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
    return this.take(4).readUInt32LE();
  }

  int64(): bigint {
    return this.take(8).readBigInt64LE();
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
    if (length > this.#payload.length - this.#at) {
      throw transferErrors.WIRE_INVALID({ why: "a frame is shorter than its fields" });
    }
    this.#at += length;
    return this.#payload.subarray(this.#at - length, this.#at);
  }
}
