/** How much of each digest is kept: half of a sha256. */
const KEPT_BYTES = 16;

/** The beginning of each added digest, in order. So a million entries take 16 MB. */
export class DigestLog {
  #bytes = Buffer.alloc(KEPT_BYTES * 512);
  #count = 0;

  get length(): number {
    return this.#count;
  }

  /** Adds the digest of an entry, with one character for each byte. */
  add(digest: string): void {
    const at = this.#count * KEPT_BYTES;
    if (at === this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], at * 2);
    this.#bytes.write(digest, at, KEPT_BYTES, "latin1");
    this.#count += 1;
  }

  /** Whether the digest at this place begins as `digest` does. */
  agrees(place: number, digest: string): boolean {
    const at = place * KEPT_BYTES;
    return place < this.#count && this.#bytes.toString("latin1", at, at + KEPT_BYTES) === digest.slice(0, KEPT_BYTES);
  }
}
