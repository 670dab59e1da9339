/*
 * Finds the changes of a file since the other end got it. They come in rising order, as whole
 * chunks, each as its pieces or as zeros. The bytes of a chunk between its pieces are zeros too. A
 * new end of the file is not a change here, because the head of the file has its size.
 */
import type { Range } from "./blocks.ts";
import { chunkAt, CHUNK, type Chunks } from "./chunks.ts";
import type { Content } from "./content-hash.ts";
import type { Piece } from "./contents.ts";
import type { HashAside } from "./hash-aside.ts";

/** What the other end has of a file. */
export interface Base {
  readonly digest: string;
  readonly chunks: Chunks;
  /** The file's present content, if it is known already. */
  readonly now?: Content | undefined;
}

export type Change = ({ readonly kind: "data" } & Piece) | ({ readonly kind: "zeros" } & Range);

/** The changes of a file whose pieces are read now. Adds the pieces to `hash`. */
export async function* changesIn(
  pieces: AsyncIterable<Piece>,
  hash: HashAside,
  base: Chunks,
  size: number,
): AsyncGenerator<Change, void> {
  let chunk: Piece[] = [];
  /** All chunks before this one have been compared. */
  let next = 0;
  const compared = async (): Promise<Change[]> => {
    const [first] = chunk;
    if (first === undefined) return [];
    const index = chunkAt(first.offset);
    const changes: Change[] = zerosIn(base, next, index, size);
    const [is, was] = [await hash.endChunk(), base.hashOf(index)];
    if (is === undefined) changes.push(...zerosIn(base, index, index + 1, size));
    else if (was?.equals(is) !== true) changes.push(...chunk.map((piece) => ({ kind: "data", ...piece }) as const));
    next = index + 1;
    chunk = [];
    return changes;
  };
  for await (const piece of pieces) {
    if (chunk.some(({ offset }) => chunkAt(offset) !== chunkAt(piece.offset))) yield* await compared();
    // `compared` waits for it.
    void hash.add(piece);
    chunk.push(piece);
  }
  yield* await compared();
  yield* zerosIn(base, next, Math.ceil(size / CHUNK), size);
}

/** The changes of a file whose present content is known. `read` gets only the changed ranges. */
export async function* changesBetween(
  base: Chunks,
  now: Chunks,
  size: number,
  read: (ranges: Iterable<Range>) => AsyncIterable<Piece>,
): AsyncGenerator<Change, void> {
  const zeros = zerosIn(base, 0, Math.ceil(size / CHUNK), size, now);
  let next = 0;
  for await (const piece of read(rangesBetween(base, now, size))) {
    for (let run = zeros[next]; run !== undefined && run.start < piece.offset; run = zeros[next]) {
      yield run;
      next += 1;
    }
    yield { kind: "data", ...piece };
  }
  yield* zeros.slice(next);
}

function* rangesBetween(base: Chunks, now: Chunks, size: number): Generator<Range, void> {
  for (let place = 0; place < now.length; place += 1) {
    const index = now.indexAt(place);
    if (base.hashOf(index)?.equals(now.hashAt(place)) !== true) yield rangeOf(index, index + 1, size);
  }
}

/**
 * Runs of chunks that the base has and the present file does not: they hold zeros now. `now` are
 * the chunks of the present file. Without it, the present file must hold only zeros from chunk
 * `from` up to `to`.
 */
function zerosIn(
  base: Chunks,
  from: number,
  to: number,
  size: number,
  now?: Chunks,
): (Range & { readonly kind: "zeros" })[] {
  const runs: { from: number; to: number }[] = [];
  for (let place = base.placeOf(from); place < base.length && base.indexAt(place) < to; place += 1) {
    const index = base.indexAt(place);
    if (now?.hashOf(index) !== undefined) continue;
    const last = runs.at(-1);
    if (last?.to === index) last.to += 1;
    else runs.push({ from: index, to: index + 1 });
  }
  return runs.map((run) => ({ kind: "zeros", ...rangeOf(run.from, run.to, size) }));
}

function rangeOf(from: number, to: number, size: number): Range {
  return { start: from * CHUNK, end: Math.min(to * CHUNK, size) };
}
