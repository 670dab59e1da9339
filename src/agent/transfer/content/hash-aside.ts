import { chunkAt, CHUNK, type Chunks } from "./chunks.ts";
import { ContentHash, Runs, type Content } from "./content-hash.ts";
import type { Piece } from "./contents.ts";
import { sha256 } from "./sha256.ts";

/**
 * The most pieces that are hashed at a time. More would take cores from the pods, and one core
 * hashes faster than most disks read and most networks send.
 */
const HASHED_AT_ONCE = 2;

/**
 * Adds each piece to the hash and yields it. A piece is valid until the caller asks for the second
 * piece after it.
 */
export async function* hashed(pieces: AsyncIterable<Piece>, hash: HashAside): AsyncGenerator<Piece, void> {
  const adding: Promise<void>[] = [];
  for await (const piece of pieces) {
    adding.push(hash.add(piece));
    yield piece;
    if (adding.length >= HASHED_AT_ONCE) await adding.shift();
  }
}

/** Adds all pieces to the hash. */
export async function hashAll(pieces: AsyncIterable<Piece>, hash: HashAside): Promise<void> {
  const all = hashed(pieces, hash);
  for (let next = await all.next(); next.done !== true;) next = await all.next();
}

/**
 * The hash of a file's content (content-hash.ts), computed on other threads. If the caller does not
 * wait for each chunk, several are hashed at a time.
 */
export class HashAside {
  readonly #hash: ContentHash;
  #chunk: ChunkAside | undefined;
  #index = -1;
  /** Settled when all chunks that have ended are in the hash, in order. */
  #taken: Promise<void> = Promise.resolve();

  constructor(base?: Chunks) {
    this.#hash = new ContentHash(base);
  }

  /**
   * Adds a piece, as `ContentHash.update` does. Resolves when the piece is hashed. Until then its
   * memory must not change.
   */
  add({ offset, bytes }: Piece): Promise<void> {
    const index = chunkAt(offset);
    if (index !== this.#index) void this.#endChunk();
    this.#index = index;
    this.#chunk ??= new ChunkAside();
    return this.#chunk.add(offset - index * CHUNK, bytes);
  }

  /** Adds the chunks from `from` up to but not including `to`: they hold zeros now. */
  zeros(from: number, to: number): void {
    void this.#endChunk();
    this.#then(() => {
      this.#hash.zeros(from, to);
    });
  }

  /** Ends the chunk whose pieces were added last, and gives its hash. Undefined: it holds zeros. */
  async endChunk(): Promise<Buffer | undefined> {
    return this.#endChunk();
  }

  /** The content of a file of this size. */
  async digest(size: number): Promise<Content> {
    void this.#endChunk();
    await this.#taken;
    return this.#hash.digest(size);
  }

  #endChunk(): Promise<Buffer | undefined> | undefined {
    const [chunk, index] = [this.#chunk, this.#index];
    this.#chunk = undefined;
    const ended = chunk?.digest();
    if (ended !== undefined) {
      this.#then(async () => {
        this.#hash.take(index, await ended);
      });
    }
    return ended;
  }

  #then(work: () => void | Promise<void>): void {
    this.#taken = this.#taken.then(work);
    // The caller gets this error from `digest`.
    this.#taken.catch(() => undefined);
  }
}

/** The hash of one chunk. Its pieces are hashed one after the other. */
class ChunkAside {
  readonly #hash = sha256();
  readonly #runs = new Runs();
  #added: Promise<void> = Promise.resolve();

  add(offset: number, bytes: Buffer): Promise<void> {
    const runs = this.#runs.add(offset, bytes);
    const before = this.#added;
    this.#added = (async () => {
      await before;
      for (const run of runs) await this.#hash.updateAside(run);
    })();
    // The caller that waits gets this error.
    this.#added.catch(() => undefined);
    return this.#added;
  }

  async digest(): Promise<Buffer | undefined> {
    await this.#added;
    if (this.#runs.isEmpty) return undefined;
    const { buffer, byteLength, byteOffset } = this.#runs.listed();
    this.#hash.update(Buffer.from(buffer, byteOffset, byteLength));
    return this.#hash.digest();
  }
}
