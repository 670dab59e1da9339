import { createHash } from "node:crypto";
import { BLOCK, type Piece } from "./contents.ts";

const ZEROS = Buffer.alloc(BLOCK);

/**
 * The hash of a file's content in which holes cost nothing. It covers the bytes of all blocks that
 * are not zero, where these blocks lie, and the size. So it depends on what can be read and not on
 * which zeros a file system has allocated, and a hole of a terabyte is not read.
 */
export class ContentHash {
  readonly #bytes = createHash("sha256");
  readonly #layout = createHash("sha256");
  #start = 0;
  #end = 0;

  /** Adds a piece; pieces come in rising order and begin at a block. */
  update({ offset, bytes }: Piece): void {
    let start = -1;
    for (let at = 0; at < bytes.length; at += BLOCK) {
      const end = Math.min(at + BLOCK, bytes.length);
      const zero = bytes.compare(ZEROS, 0, end - at, at, end) === 0;
      if (!zero && start < 0) start = at;
      if (zero && start >= 0) {
        this.#run(offset + start, bytes.subarray(start, at));
        start = -1;
      }
    }
    if (start >= 0) this.#run(offset + start, bytes.subarray(start));
  }

  /** The hash of a file of this size, in hexadecimal. */
  digest(size: number): string {
    this.#endRun();
    const hash = createHash("sha256").update(this.#bytes.digest()).update(this.#layout.digest());
    return hash.update(String(size)).digest("hex");
  }

  #run(start: number, bytes: Buffer): void {
    if (start !== this.#end) {
      this.#endRun();
      this.#start = start;
    }
    this.#bytes.update(bytes);
    this.#end = start + bytes.length;
  }

  /** Runs that touch are one run, however the pieces were cut. */
  #endRun(): void {
    if (this.#end > this.#start) this.#layout.update(`${String(this.#start)}-${String(this.#end)},`);
  }
}
