import { readAt, seekData, seekHole } from "../../sys/data.ts";
import { hasCode } from "../../sys/libc.ts";

/** Pieces begin at multiples of this, and end there or at the end of the file. */
export const BLOCK = 4096;
/** The longest piece. */
export const PIECE = 1024 * 1024;

/** Some bytes of a file. What lies between two pieces is a hole and reads as zeros. */
export interface Piece {
  readonly offset: number;
  readonly bytes: Buffer;
}

/**
 * The data of an open file up to `size`, in rising order, without its holes. Ends early where the
 * file has shrunk. Reads one piece ahead, while the one before is hashed and sent; the descriptor
 * may be closed when the generator has ended.
 */
export async function* readContents(fd: number, size: number): AsyncGenerator<Piece, void> {
  const places = placesOf(fd, size);
  let ahead = readNext(fd, places);
  try {
    for (;;) {
      const piece = await ahead;
      if (piece === undefined) return;
      ahead = readNext(fd, places);
      // Whoever asks for the next piece hears of its error.
      ahead.catch(() => undefined);
      yield piece;
    }
  } finally {
    await ahead.catch(() => undefined);
  }
}

async function readNext(fd: number, places: Generator<Place, void>): Promise<Piece | undefined> {
  const next = places.next();
  if (next.done === true) return undefined;
  const { offset, length } = next.value;
  const bytes = await readAt(fd, offset, length);
  return bytes.length === 0 ? undefined : { offset, bytes };
}

interface Place {
  readonly offset: number;
  readonly length: number;
}

/** Where the pieces of a file are; looks for its holes as it goes. */
function* placesOf(fd: number, size: number): Generator<Place, void> {
  for (let at = 0; at < size;) {
    const range = nextData(fd, at, size);
    if (range === undefined) return;
    for (let offset = range.start; offset < range.end; offset += PIECE) {
      yield { offset, length: Math.min(PIECE, range.end - offset) };
    }
    at = range.end;
  }
}

/**
 * The next range that holds data, widened to whole blocks: file systems find holes in units of
 * their own.
 */
function nextData(fd: number, at: number, size: number): { start: number; end: number } | undefined {
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
