import { readDirectory } from "../../sys/read-directory.ts";
import type { Pacer } from "../pacer.ts";

/**
 * Up to this many names are sorted in one go. A larger directory is sorted in runs of this length,
 * which are merged with rests in between.
 */
const RUN = 2048;

/**
 * The names of one directory, sorted by their bytes. They lie in one buffer, so each name takes its
 * bytes and 8 more. As separate objects each would take a hundred.
 */
export class SortedNames {
  readonly #bytes: Buffer;
  /** The start of each name in #bytes, and one more entry for the end. */
  readonly #starts: Uint32Array;
  readonly #order: Uint32Array;

  private constructor(bytes: Buffer, starts: Uint32Array, order: Uint32Array) {
    this.#bytes = bytes;
    this.#starts = starts;
    this.#order = order;
  }

  /** Reads a directory from the descriptor's position on. */
  static async read(fd: number, pacer: Pacer): Promise<SortedNames> {
    let bytes = Buffer.allocUnsafe(4096);
    let starts = new Uint32Array(128);
    let count = 0;
    let used = 0;
    for (const name of readDirectory(fd)) {
      if (used + name.length > bytes.length) bytes = Buffer.concat([bytes], bytes.length * 2);
      if (count + 2 > starts.length) starts = grown(starts);
      used += name.copy(bytes, used);
      count += 1;
      starts[count] = used;
      if (pacer.due) await pacer.rest();
    }
    const compare = (a: number, b: number): number =>
      bytes.compare(bytes, starts[b], starts[b + 1], starts[a], starts[a + 1]);
    return new SortedNames(bytes, starts, await sorted(count, compare, pacer));
  }

  get length(): number {
    return this.#order.length;
  }

  /** Whether this name is at this place in the order. */
  isAt(place: number, name: Buffer): boolean {
    const index = this.#order[place];
    return index !== undefined && name.compare(this.#bytes, this.#starts[index], this.#starts[index + 1]) === 0;
  }

  /** A copy of the name at this place in the order. */
  at(place: number): Buffer | undefined {
    const index = this.#order[place];
    if (index === undefined) return undefined;
    return Buffer.from(this.#bytes.subarray(this.#starts[index], this.#starts[index + 1]));
  }
}

function grown(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
}

/** The numbers below `count` in order. A merge sort, because the engine's own cannot rest. */
async function sorted(count: number, compare: (a: number, b: number) => number, pacer: Pacer): Promise<Uint32Array> {
  let from = Uint32Array.from({ length: count }, (_, i) => i);
  for (let start = 0; start < count; start += RUN) {
    from.subarray(start, start + RUN).sort(compare);
    if (pacer.due) await pacer.rest();
  }
  let to = new Uint32Array(count);
  for (let width = RUN; width < count; width *= 2) {
    for (let start = 0; start < count; start += 2 * width) {
      const middle = Math.min(start + width, count);
      const end = Math.min(start + 2 * width, count);
      let left = start;
      let right = middle;
      for (let out = start; out < end; out++) {
        const takeLeft = left < middle && (right >= end || compare(Number(from[left]), Number(from[right])) <= 0);
        to[out] = Number(takeLeft ? from[left++] : from[right++]);
        if ((out & 0x3ff) === 0 && pacer.due) await pacer.rest();
      }
    }
    [from, to] = [to, from];
  }
  return from;
}
