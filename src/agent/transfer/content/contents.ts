import { cachedBytes, readAt, readInto } from "../../sys/data.ts";
import { alignedBuffer, AlignedRing, wholeBlocks, type DirectFile } from "../../sys/direct/direct.ts";
import { runsOfData, type Range } from "./blocks.ts";
import { machineHoles, nextData, type Holes } from "./holes.ts";

/** The longest piece. No piece crosses a multiple of it. */
export const PIECE = 1024 * 1024;

/**
 * Pieces of at least this many bytes go past the page cache at the target, when they are written
 * and when they are read back. For shorter pieces the wait for the disk costs more than the page
 * cache.
 */
export const LARGE_PIECE = 256 * 1024;

/**
 * With `reuse` this many large pieces are valid at a time: the last one that the caller has got,
 * and those before it. When the caller asks for the next piece, the memory of the oldest is used
 * again. So a caller may hash some pieces and send others while it waits for more.
 */
export const PIECES_KEPT = 4;

/** Some bytes of a file. The bytes between two pieces are a hole and read as zeros. */
export interface Piece {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** Waits until `bytes` bytes may be read. */
export type Pace = (bytes: number, signal: AbortSignal) => Promise<void>;

export interface ReadOptions {
  readonly signal: AbortSignal;
  /** Called before each piece is read. */
  readonly pace?: Pace | undefined;
  /**
   * Only these ranges, in rising order. They begin at multiples of a block. @default the whole file
   */
  readonly ranges?: Iterable<Range> | undefined;
  /**
   * Uses the memory of large pieces again (`PIECES_KEPT`): new memory for each piece costs as much
   * as half of its hash. Only for callers that are done with every piece in time. Not for a caller
   * that sends some pieces and skips others: the stream may take one of them much later.
   */
  readonly reuse?: boolean | undefined;
  /** The same file past the page cache, for large pieces. The caller closes it. */
  readonly direct?: DirectFile | undefined;
  /** Reads past the page cache only the pieces of which it has less than a half. */
  readonly cacheFirst?: boolean | undefined;
  /** @default what the kernel reports */
  readonly holes?: Holes | undefined;
}

/**
 * The data of an open file up to `size`, in rising order, without its holes. Ends early if the file
 * has shrunk, and with the signal's reason before any piece. Reads one piece ahead, while the
 * previous one is hashed and sent. The descriptor must stay open until the generator has ended.
 */
export async function* readContents(fd: number, size: number, options: ReadOptions): AsyncGenerator<Piece, void> {
  const { holes = machineHoles } = options;
  const reported = holes.areReported(fd) ? holes : undefined;
  const places = placesIn(fd, size, options.ranges ?? [{ start: 0, end: size }], reported);
  // A place of zeros uses a buffer of the ring but gives no piece. So the ring could use a buffer
  // again that the caller still has.
  const reuse = options.reuse === true && reported !== undefined;
  const rooms = reuse ? new AlignedRing(PIECES_KEPT + 1) : undefined;
  let ahead = readNext(fd, places, rooms, options);
  try {
    for (;;) {
      const piece = await ahead;
      if (piece === undefined) return;
      ahead = readNext(fd, places, rooms, options);
      // The caller gets this error when it asks for the next piece.
      ahead.catch(() => undefined);
      if (reported === undefined) yield* withoutZeros(piece);
      else yield piece;
    }
  } finally {
    await ahead.catch(() => undefined);
  }
}

async function readNext(
  fd: number,
  places: Generator<Place, void>,
  rooms: AlignedRing | undefined,
  { cacheFirst = false, direct, pace, signal }: ReadOptions,
): Promise<Piece | undefined> {
  const next = places.next();
  if (next.done === true) return undefined;
  const { offset, length } = next.value;
  await pace?.(length, signal);
  signal.throwIfAborted();
  if (length < LARGE_PIECE) return pieceOf(offset, await readAt(fd, offset, length));
  const past = cacheFirst && direct !== undefined && isCached(fd, offset, length) ? undefined : direct;
  const bytes = await readLarge(fd, offset, length, roomFor(length, rooms), past);
  return pieceOf(offset, bytes);
}

function isCached(fd: number, offset: number, length: number): boolean {
  return (cachedBytes(fd, offset, length) ?? length) >= length / 2;
}

function pieceOf(offset: number, bytes: Buffer): Piece | undefined {
  return bytes.length === 0 ? undefined : { offset, bytes };
}

function roomFor(length: number, rooms: AlignedRing | undefined): Buffer {
  const whole = wholeBlocks(length);
  return rooms?.next(whole) ?? alignedBuffer(whole);
}

/** Reads a large piece into the room: past the page cache, if that is possible. */
async function readLarge(
  fd: number,
  offset: number,
  length: number,
  room: Buffer,
  direct: DirectFile | undefined,
): Promise<Buffer> {
  return (await direct?.read(offset, length, room)) ?? (await readInto(fd, offset, room.subarray(0, length)));
}

interface Place {
  readonly offset: number;
  readonly length: number;
}

function* placesIn(
  fd: number,
  size: number,
  ranges: Iterable<Range>,
  holes: Holes | undefined,
): Generator<Place, void> {
  for (const { start, end } of ranges) yield* placesOf(fd, start, Math.min(end, size), holes);
}

/** The places of a range's pieces. Holes are looked for step by step, if they are reported. */
function* placesOf(fd: number, start: number, size: number, holes: Holes | undefined): Generator<Place, void> {
  for (let at = start; at < size;) {
    const range = holes === undefined ? { start: at, end: size } : nextData(fd, at, size, holes);
    if (range === undefined) return;
    for (let offset = range.start; offset < range.end;) {
      const length = Math.min(PIECE - (offset % PIECE), range.end - offset);
      yield { offset, length };
      offset += length;
    }
    at = range.end;
  }
}

function* withoutZeros({ offset, bytes }: Piece): Generator<Piece, void> {
  for (const { start, end } of runsOfData(bytes)) yield { offset: offset + start, bytes: bytes.subarray(start, end) };
}
