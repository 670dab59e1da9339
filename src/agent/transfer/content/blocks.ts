/** A piece begins at a multiple of this, and ends at one or at the end of the file. */
export const BLOCK = 4096;

const ZEROS = Buffer.alloc(BLOCK);

/** The bytes of a file from `start` up to but not including `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** The runs of blocks that hold anything but zeros. The first block begins at 0. */
export function* runsOfData(bytes: Buffer): Generator<Range, void> {
  let start = -1;
  for (let at = 0; at < bytes.length; at += BLOCK) {
    const end = Math.min(at + BLOCK, bytes.length);
    // The first byte is compared alone, because most blocks of data do not begin with a zero.
    const isZero = bytes[at] === 0 && bytes.compare(ZEROS, 0, end - at, at, end) === 0;
    if (!isZero && start < 0) start = at;
    if (isZero && start >= 0) {
      yield { start, end: at };
      start = -1;
    }
  }
  if (start >= 0) yield { start, end: bytes.length };
}
