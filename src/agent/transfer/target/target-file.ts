/*
 * The content of one file on the target while it arrives.
 *
 *   a new file      is empty and has its final size: ranges that do not come are holes
 *   a patched file  is from an earlier pass, cut or lengthened: chunks that do not come stay as
 *                   they are; of a chunk that comes, the ranges between its pieces become holes
 *
 * Before a file is patched, the target stops vouching for it (target-memory.ts), because a break at
 * any moment leaves some old chunks, some new ones, and one that is half written.
 */
import { DirectFile } from "../../sys/direct/direct.ts";
import { hasCode } from "../../sys/libc.ts";
import { O_WRONLY } from "../../sys/open.ts";
import { punchHole, truncate, writeAt } from "../../sys/data.ts";
import { transferErrors } from "../errors.ts";
import { chunkAt, CHUNK, type Chunks } from "../content/chunks.ts";
import type { Content } from "../content/content-hash.ts";
import { BLOCK, type Range } from "../content/blocks.ts";
import { LARGE_PIECE, type Piece } from "../content/contents.ts";
import { HashAside } from "../content/hash-aside.ts";

/**
 * A shorter file goes through the page cache, so that the kernel can write it to the disk together
 * with others.
 */
const LARGE_FILE = 1024 * 1024;

export class TargetFile {
  readonly #fd: number;
  /** The same file past the page cache, until it is finished. */
  readonly #direct: DirectFile | undefined;
  readonly #size: number;
  readonly #hash: HashAside;
  readonly #isPatched: boolean;
  readonly #written: { start: number; end: number }[] = [];
  /** The end of the last piece or run of zeros. */
  #end = 0;
  /** The write and the hash of the last piece. They are made while the next piece arrives. */
  #writing: Promise<void> = Promise.resolve();
  #hashing: Promise<void> = Promise.resolve();
  #finished: Promise<Content> | undefined;

  /** @param base Only for a patched file: its chunks before the first change. */
  constructor(fd: number, size: number, base?: Chunks) {
    this.#fd = fd;
    this.#size = size;
    this.#hash = new HashAside(base);
    this.#isPatched = base !== undefined;
    truncate(fd, size);
    this.#direct = size < LARGE_FILE ? undefined : DirectFile.open(fd, O_WRONLY);
  }

  /** The chunks of a patched file that were written, as ranges in rising order. */
  get written(): readonly Range[] {
    return this.#written;
  }

  /**
   * Takes a piece. When it resolves, all earlier pieces are written and hashed, and their memory
   * may be used again.
   */
  async data(piece: Piece): Promise<void> {
    const { offset, bytes } = piece;
    const end = offset + bytes.length;
    const whole = end === this.#size || end % BLOCK === 0;
    if (offset < this.#end || offset % BLOCK !== 0 || end > this.#size || !whole) {
      throw invalid(`data at ${String(offset)} that does not fit`);
    }
    const hashed = this.#hash.add(piece);
    const holes = this.#isPatched ? this.#enter(chunkAt(offset), offset) : [];
    this.#end = end;
    await this.#write(holes, piece);
    await this.#hashing;
    this.#hashing = hashed;
  }

  /** Takes a range of whole chunks of a patched file that hold zeros now. */
  async zeros({ start, end }: Range): Promise<void> {
    const whole = end === this.#size || end % CHUNK === 0;
    if (!this.#isPatched || start < this.#end || start % CHUNK !== 0 || end <= start || end > this.#size || !whole) {
      throw invalid(`zeros at ${String(start)} that do not fit`);
    }
    this.#hash.zeros(chunkAt(start), Math.ceil(end / CHUNK));
    const holes = [...this.#leave(), { start, end }];
    this.#addWritten(start, end);
    this.#end = end;
    await this.#write(holes);
  }

  /** Waits until everything is written. Gives the content of the file. */
  finish(): Promise<Content> {
    return (this.#finished ??= this.#finish());
  }

  /**
   * Waits until no write is in progress, and ignores errors. Nothing more may be written after it.
   */
  async settle(): Promise<void> {
    await this.#writing.catch(() => undefined);
    this.#direct?.close();
  }

  async #finish(): Promise<Content> {
    await this.#write(this.#isPatched ? this.#leave() : []);
    await this.#writing;
    this.#direct?.close();
    return this.#hash.digest(this.#size);
  }

  /** The ranges that must become holes before a piece of this chunk is written at `offset`. */
  #enter(chunk: number, offset: number): Range[] {
    const start = chunk * CHUNK;
    if (this.#end > start) return rangeOf(this.#end, offset);
    const holes = [...this.#leave(), ...rangeOf(start, offset)];
    this.#addWritten(start, Math.min(start + CHUNK, this.#size));
    return holes;
  }

  /** The range after the last piece of its chunk, which must become a hole. */
  #leave(): Range[] {
    return rangeOf(this.#end, this.#written.at(-1)?.end ?? 0);
  }

  #addWritten(start: number, end: number): void {
    const last = this.#written.at(-1);
    if (last?.end === start) last.end = end;
    else this.#written.push({ start, end });
  }

  async #write(holes: readonly Range[], piece?: Piece): Promise<void> {
    await this.#writing;
    this.#writing = (async () => {
      for (const hole of holes) await makeHole(this.#fd, hole);
      if (piece !== undefined) await this.#put(piece);
    })();
    // The caller gets this error at the next piece or at the end.
    this.#writing.catch(() => undefined);
  }

  /** Writes the blocks of a large piece past the page cache, and everything else through it. */
  async #put({ bytes, offset }: Piece): Promise<void> {
    const done = bytes.length < LARGE_PIECE ? 0 : ((await this.#direct?.write(offset, bytes)) ?? 0);
    if (done < bytes.length) await writeAt(this.#fd, offset + done, bytes.subarray(done));
  }
}

function rangeOf(start: number, end: number): Range[] {
  return end > start ? [{ start, end }] : [];
}

async function makeHole(fd: number, { start, end }: Range): Promise<void> {
  try {
    punchHole(fd, start, end - start);
  } catch (error) {
    // A file system without holes.
    if (!hasCode(error, "EOPNOTSUPP")) throw error;
    for (let at = start; at < end; at += CHUNK) await writeAt(fd, at, Buffer.alloc(Math.min(CHUNK, end - at)));
  }
}

function invalid(why: string): Error {
  return transferErrors.WIRE_INVALID({ why });
}
