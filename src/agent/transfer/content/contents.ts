import { readAt, seekData, seekHole } from "../../sys/data.ts";
import type { DirectFile } from "../../sys/direct.ts";
import { hasCode } from "../../sys/libc.ts";

/** Pieces begin at multiples of this, and end there or at the end of the file. */
export const BLOCK = 4096;
/** The longest piece. None goes beyond a multiple of it. */
export const PIECE = 1024 * 1024;

/**
 * Pieces of so many bytes go past the page cache at the target, to the disk and back from it: for
 * shorter ones the wait for the disk takes longer than what the page cache costs.
 */
export const LARGE_PIECE = 256 * 1024;

/** Some bytes of a file. What lies between two pieces is a hole and reads as zeros. */
export interface Piece {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** Waits until so many bytes may be read. */
export type Pace = (bytes: number, signal: AbortSignal) => Promise<void>;

/** Bytes of a file, from one on and before another one. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

export interface ReadOptions {
  readonly signal: AbortSignal;
  /** Asked before each piece is read. */
  readonly pace?: Pace | undefined;
  /** Only these, in rising order; they begin at blocks. @default the whole file */
  readonly ranges?: Iterable<Range> | undefined;
  /** The same file past the page cache, for large pieces. It stays open. */
  readonly direct?: DirectFile | undefined;
}

/**
 * The data of an open file up to `size`, in rising order, without its holes. Ends early where the
 * file has shrunk. Reads one piece ahead, while the one before is hashed and sent; the descriptor
 * may be closed when the generator has ended. What is read past the page cache is overwritten when
 * the next piece is asked for.
 */
export async function* readContents(fd: number, size: number, options: ReadOptions): AsyncGenerator<Piece, void> {
  const places = placesIn(fd, size, options.ranges ?? [{ start: 0, end: size }]);
  let ahead = readNext(fd, places, options);
  try {
    for (;;) {
      const piece = await ahead;
      if (piece === undefined) return;
      ahead = readNext(fd, places, options);
      // Whoever asks for the next piece hears of its error.
      ahead.catch(() => undefined);
      yield piece;
    }
  } finally {
    await ahead.catch(() => undefined);
  }
}

async function readNext(
  fd: number,
  places: Generator<Place, void>,
  { direct, pace, signal }: ReadOptions,
): Promise<Piece | undefined> {
  const next = places.next();
  if (next.done === true) return undefined;
  const { offset, length } = next.value;
  await pace?.(length, signal);
  const large = length < LARGE_PIECE ? undefined : await direct?.read(offset, length);
  const bytes = large ?? (await readAt(fd, offset, length));
  return bytes.length === 0 ? undefined : { offset, bytes };
}

interface Place {
  readonly offset: number;
  readonly length: number;
}

function* placesIn(fd: number, size: number, ranges: Iterable<Range>): Generator<Place, void> {
  for (const { start, end } of ranges) yield* placesOf(fd, start, Math.min(end, size));
}

/** Where the pieces of a range are; looks for its holes as it goes. */
function* placesOf(fd: number, start: number, size: number): Generator<Place, void> {
  for (let at = start; at < size;) {
    const range = nextData(fd, at, size);
    if (range === undefined) return;
    for (let offset = range.start; offset < range.end;) {
      const length = Math.min(PIECE - (offset % PIECE), range.end - offset);
      yield { offset, length };
      offset += length;
    }
    at = range.end;
  }
}

/**
 * The next range that holds data, widened to whole blocks: file systems find holes in units of
 * their own.
 */
function nextData(fd: number, at: number, size: number): Range | undefined {
  try {
    const data = seekData(fd, at);
    if (data === undefined || data >= size) return undefined;
    const hole = seekHole(fd, data);
    return { start: data - (data % BLOCK), end: Math.min(size, Math.ceil(hole / BLOCK) * BLOCK) };
  } catch (error) {
    // A file system without holes.
    if (hasCode(error, "EINVAL")) return { start: at, end: size };
    // The file ends before `data` by now.
    if (hasCode(error, "ENXIO")) return undefined;
    throw error;
  }
}
