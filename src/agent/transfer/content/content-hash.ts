/*
 * The hash of a file's content. Holes cost nothing, and each chunk has a hash of its own:
 *
 *   chunk   sha256 of the bytes of its blocks that are not zero, then of the places of these
 *           blocks; a chunk of zeros has no hash
 *   file    sha256 of number and hash of each chunk that has one, in rising order, then of the size
 *
 * So the hash depends on the readable bytes and not on the zeros that a file system has allocated.
 * A hole of a terabyte is not read. And if the hashes of all chunks but a few are known, only these
 * few must be read.
 */
import { createHash, hash } from "node:crypto";
import { chunkAt, ChunkList, CHUNK, CHUNK_HASH_BYTES, type Chunks } from "./chunks.ts";
import { BLOCK, runsOfData } from "./blocks.ts";
import type { Piece } from "./contents.ts";

/** The content of a file. */
export interface Content {
  /** The hash of all of it, in hexadecimal. */
  readonly digest: string;
  /** Only of a file of more than one chunk, and only if it does not have too many of them. */
  readonly chunks?: Chunks | undefined;
}

/**
 * Computes the hash of a file while it is read. With a `base`, only the changes since then are
 * added, and the other chunks are those of the base.
 */
export class ContentHash {
  readonly #file = createHash("sha256");
  readonly #list = new ChunkList();
  readonly #base: Chunks | undefined;
  /** The place in the base's list of the first chunk that was neither taken nor skipped yet. */
  #place = 0;
  #chunk: ChunkHash | undefined;
  #index = -1;

  constructor(base?: Chunks) {
    this.#base = base;
  }

  /** Adds a piece. Pieces come in rising order, begin at a block and lie within one chunk. */
  update({ offset, bytes }: Piece): void {
    const index = chunkAt(offset);
    if (index !== this.#index) {
      this.endChunk();
      this.#skipTo(index, index + 1);
      this.#index = index;
    }
    this.#chunk ??= new ChunkHash();
    this.#chunk.update(offset - index * CHUNK, bytes);
  }

  /** Adds a chunk by its hash. Undefined: it holds zeros. Chunks come in rising order. */
  take(index: number, hash: Buffer | undefined): void {
    this.endChunk();
    this.#skipTo(index, index + 1);
    if (hash !== undefined) this.#add(index, hash);
  }

  /** Adds the chunks from `from` up to but not including `to`: they hold zeros now. */
  zeros(from: number, to: number): void {
    this.endChunk();
    this.#skipTo(from, to);
  }

  /** Ends the chunk whose pieces were added last, and gives its hash. Undefined: it holds zeros. */
  endChunk(): Buffer | undefined {
    const hash = this.#chunk?.digest();
    this.#chunk = undefined;
    if (hash !== undefined) this.#add(this.#index, hash);
    return hash;
  }

  /** The content of a file of this size. */
  digest(size: number): Content {
    this.endChunk();
    const end = Math.ceil(size / CHUNK);
    this.#skipTo(end, end);
    const digest = this.#file.update(String(size)).digest("hex");
    return size > CHUNK ? { digest, chunks: this.#list.done() } : { digest };
  }

  /** Takes the base's chunks before `from`, and skips the others before `to`. */
  #skipTo(from: number, to: number): void {
    if (this.#base === undefined) return;
    for (; this.#place < this.#base.length; this.#place += 1) {
      const index = this.#base.indexAt(this.#place);
      if (index >= to) return;
      if (index < from) this.#add(index, this.#base.hashAt(this.#place));
    }
  }

  #add(index: number, hash: Buffer): void {
    this.#file.update(this.#list.add(index, hash));
  }
}

/**
 * Up to this many bytes are hashed in one call. It needs them in one piece, so they are copied.
 * That costs less than making a Hash object and collecting it as garbage.
 */
const AT_ONCE_BYTES = 16 * 1024;
/** Room for the bytes and the places of their runs. Nothing waits while it is in use. */
const SCRATCH = Buffer.alloc(AT_ONCE_BYTES + (2 * Math.ceil(AT_ONCE_BYTES / BLOCK) + 1) * 4);
/** The number of the first chunk (0), its hash, and the size of the file. */
const FIRST = Buffer.alloc(8 + CHUNK_HASH_BYTES + 8);

/** The content of a file of one chunk at most, from all its bytes, as ContentHash gives it. */
export function contentOf(bytes: Buffer): Content {
  if (bytes.length > AT_ONCE_BYTES) {
    const content = new ContentHash();
    content.update({ offset: 0, bytes });
    return content.digest(bytes.length);
  }
  const runs = new Runs();
  let used = 0;
  for (const run of runs.add(0, bytes)) used += run.copy(SCRATCH, used);
  if (runs.isEmpty) return { digest: hash("sha256", String(bytes.length), "hex") };
  for (const place of runs.listed()) used = SCRATCH.writeUInt32LE(place, used);
  FIRST.write(hash("sha256", SCRATCH.subarray(0, used), "binary"), 8, "latin1");
  const end = 8 + CHUNK_HASH_BYTES + FIRST.write(String(bytes.length), 8 + CHUNK_HASH_BYTES, "latin1");
  return { digest: hash("sha256", FIRST.subarray(0, end), "hex") };
}

/** The hash of one chunk. Neighbouring blocks are one run, no matter how the pieces were cut. */
class ChunkHash {
  readonly #hash = createHash("sha256");
  readonly #runs = new Runs();

  update(offset: number, bytes: Buffer): void {
    for (const run of this.#runs.add(offset, bytes)) this.#hash.update(run);
  }

  digest(): Buffer | undefined {
    return this.#runs.isEmpty ? undefined : this.#hash.update(this.#runs.listed()).digest();
  }
}

/** The places of the blocks of a chunk that hold anything but zeros. */
export class Runs {
  /** The beginning and the end of each run. */
  readonly #places: number[] = [];

  get isEmpty(): boolean {
    return this.#places.length === 0;
  }

  /** Adds the bytes at `offset` of the chunk, and gives those that are not zeros, in order. */
  add(offset: number, bytes: Buffer): Buffer[] {
    return [...runsOfData(bytes)].map(({ start, end }) => this.#run(offset, bytes, start, end));
  }

  /** What is hashed after the data. */
  listed(): Uint32Array {
    // The count comes last, so that data bytes that look like runs cannot be taken for runs.
    return Uint32Array.of(...this.#places, this.#places.length);
  }

  #run(offset: number, bytes: Buffer, start: number, end: number): Buffer {
    if (this.#places.at(-1) === offset + start) this.#places.pop();
    else this.#places.push(offset + start);
    this.#places.push(offset + end);
    return bytes.subarray(start, end);
  }
}
