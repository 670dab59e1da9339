import { PIECE } from "./contents.ts";

/** A file is hashed, compared and sent in chunks of this size, which begin at multiples of it. */
export const CHUNK = PIECE;
export const CHUNK_HASH_BYTES = 32;
/** The number of a chunk (64 bits) and its hash. */
const ENTRY_BYTES = 8 + CHUNK_HASH_BYTES;

/**
 * The most chunks that are remembered. They are those of 1 TiB of data, and their hashes take 40
 * MiB.
 */
export const MOST_CHUNKS = 1024 ** 2;

/** The chunk in which a byte of a file lies. */
export function chunkAt(offset: number): number {
  return Math.floor(offset / CHUNK);
}

/** The hashes of one file's chunks, in rising order. Chunks of zeros are left out. */
export class Chunks {
  /** For each chunk its number (64 bits) and its hash. */
  readonly entries: Buffer;

  constructor(entries: Buffer) {
    this.entries = entries;
  }

  get length(): number {
    return this.entries.length / ENTRY_BYTES;
  }

  /** The number of the chunk at this place of the list. */
  indexAt(place: number): number {
    return Number(this.entries.readBigUInt64LE(place * ENTRY_BYTES));
  }

  /** The hash of the chunk at this place of the list. */
  hashAt(place: number): Buffer {
    const at = place * ENTRY_BYTES + 8;
    return this.entries.subarray(at, at + CHUNK_HASH_BYTES);
  }

  /** The place in the list of the first chunk whose number is `index` or higher. */
  placeOf(index: number): number {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.indexAt(middle) < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The hash of a chunk by its number. Undefined: the chunk holds zeros. */
  hashOf(index: number): Buffer | undefined {
    const place = this.placeOf(index);
    return place < this.length && this.indexAt(place) === index ? this.hashAt(place) : undefined;
  }
}

/** Makes the list of a file's chunks. A list that becomes too long is not remembered. */
export class ChunkList {
  #entries = Buffer.allocUnsafe(ENTRY_BYTES);
  #length = 0;

  /** Adds a chunk and gives its entry. Chunks come in rising order. */
  add(index: number, hash: Buffer): Buffer {
    const kept = Math.min(this.#length, MOST_CHUNKS);
    const at = kept * ENTRY_BYTES;
    if (at === this.#entries.length) {
      this.#entries = Buffer.concat([this.#entries], Math.min(at * 2, (MOST_CHUNKS + 1) * ENTRY_BYTES));
    }
    this.#entries.writeBigUInt64LE(BigInt(index), at);
    hash.copy(this.#entries, at + 8);
    this.#length += 1;
    return this.#entries.subarray(at, at + ENTRY_BYTES);
  }

  /** The list. Undefined: there are too many chunks. */
  done(): Chunks | undefined {
    if (this.#length > MOST_CHUNKS) return undefined;
    return new Chunks(Buffer.from(this.#entries.subarray(0, this.#length * ENTRY_BYTES)));
  }
}
