import { createHash, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CHUNK } from "./chunks.ts";
import { ContentHash } from "./content-hash.ts";
import { BLOCK } from "./blocks.ts";
import { PIECES_KEPT, type Piece } from "./contents.ts";
import { HashAside, hashAll, hashed } from "./hash-aside.ts";
import { sha256 } from "./sha256.ts";

const KIB = 1024;

describe("a sha256 on other threads", () => {
  it("is that of node:crypto, however the bytes are cut", async () => {
    for (const lengths of [[], [0], [1], [63, 1, 64], [300 * KIB], [128 * KIB - 1, 128 * KIB, 7, CHUNK]]) {
      const [ours, nodes] = [sha256(), createHash("sha256")];
      for (const [place, length] of lengths.entries()) {
        const bytes = randomBytes(length);
        if (place % 2 === 0) await ours.updateAside(bytes);
        else ours.update(bytes);
        nodes.update(bytes);
      }
      expect(ours.digest().toString("hex"), lengths.join()).toBe(nodes.digest("hex"));
    }
  });

  it("lets the event loop run meanwhile", async () => {
    let turns = 0;
    let isDone = false;
    const turn = (): void => {
      turns += 1;
      if (!isDone) setImmediate(turn);
    };
    setImmediate(turn);
    await sha256().updateAside(Buffer.alloc(64 * CHUNK));
    isDone = true;
    expect(turns).toBeGreaterThan(1);
  });
});

/** A piece of random bytes, of the same byte, or of zeros. */
const blocks = fc.record({
  gap: fc.constantFrom(0, 0, 1, 40, 300),
  length: fc.constantFrom(1, 2, 33, 64, 100, 255, 256),
  fill: fc.constantFrom(0, 1, undefined),
});

/** Pieces in rising order, each within one chunk, and the size of their file. */
function piecesOf(shapes: readonly { gap: number; length: number; fill: number | undefined }[]): [Piece[], number] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const { fill, gap, length } of shapes) {
    const offset = at + gap * BLOCK;
    const room = CHUNK - (offset % CHUNK);
    const bytes = Buffer.alloc(Math.min(length * BLOCK, room), fill);
    if (fill === undefined) randomBytes(bytes.length).copy(bytes);
    pieces.push({ offset, bytes });
    at = offset + bytes.length;
  }
  return [pieces, at + 1];
}

async function* given(pieces: readonly Piece[]): AsyncGenerator<Piece, void> {
  for (const piece of pieces) {
    await new Promise(setImmediate);
    yield piece;
  }
}

describe("the hash of a content, computed on other threads", () => {
  it("is the one that is computed on this thread", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(blocks, { maxLength: 12 }), async (shapes) => {
        const [pieces, size] = piecesOf(shapes);
        const here = new ContentHash();
        for (const piece of pieces) here.update(piece);
        const aside = new HashAside();
        await hashAll(given(pieces), aside);
        expect(await aside.digest(size)).toEqual(here.digest(size));
      }),
      { numRuns: 40 },
    );
  });

  it("takes the chunks of the base that stay", async () => {
    const before = randomBytes(5 * CHUNK + 100);
    const whole = new ContentHash();
    for (let at = 0; at < before.length; at += CHUNK) {
      whole.update({ offset: at, bytes: before.subarray(at, at + CHUNK) });
    }
    const base = whole.digest(before.length).chunks;
    const bytes = randomBytes(CHUNK);
    const [here, aside] = [new ContentHash(base), new HashAside(base)];
    here.update({ offset: CHUNK, bytes });
    here.zeros(3, 4);
    const added = aside.add({ offset: CHUNK, bytes });
    aside.zeros(3, 4);
    await added;
    expect(await aside.digest(before.length)).toEqual(here.digest(before.length));
  });

  it("gives the hash of a chunk when it ends", async () => {
    const [here, aside] = [new ContentHash(), new HashAside()];
    const piece = { offset: CHUNK, bytes: randomBytes(CHUNK) };
    here.update(piece);
    void aside.add(piece);
    expect(await aside.endChunk()).toEqual(here.endChunk());
    void aside.add({ offset: 2 * CHUNK, bytes: Buffer.alloc(CHUNK) });
    expect(await aside.endChunk()).toBeUndefined();
    expect(await aside.endChunk()).toBeUndefined();
  });

  it("no longer needs a piece whose memory is used again", async () => {
    const rooms = Array.from({ length: PIECES_KEPT }, () => Buffer.alloc(CHUNK));
    const here = new ContentHash();
    // As in readContents, a piece lies where that one lay that came PIECES_KEPT pieces before it.
    const pieces = async function* (): AsyncGenerator<Piece, void> {
      for (let place = 0; place < 40; place += 1) {
        const bytes = rooms[place % PIECES_KEPT] ?? Buffer.alloc(0);
        randomBytes(CHUNK).copy(bytes);
        here.update({ offset: place * CHUNK, bytes });
        await new Promise(setImmediate);
        yield { offset: place * CHUNK, bytes };
      }
    };
    const aside = new HashAside();
    for await (const piece of hashed(pieces(), aside)) expect(piece.bytes).toHaveLength(CHUNK);
    expect(await aside.digest(40 * CHUNK)).toEqual(here.digest(40 * CHUNK));
  });
});
