/** The first 8 bytes of each added digest, in order. So a million entries take 8 MB. */
export class DigestLog {
  #digests = new BigUint64Array(1024);
  #count = 0;

  get length(): number {
    return this.#count;
  }

  add(digest: Buffer): void {
    if (this.#count === this.#digests.length) {
      const larger = new BigUint64Array(this.#count * 2);
      larger.set(this.#digests);
      this.#digests = larger;
    }
    this.#digests[this.#count++] = digest.readBigUInt64LE();
  }

  /** Whether the digest at this place begins with the same bytes as `digest`. */
  agrees(place: number, digest: Buffer): boolean {
    return place < this.#count && this.#digests[place] === digest.readBigUInt64LE();
  }
}
