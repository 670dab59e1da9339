import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isAligned } from "../../sys/direct/direct.ts";
import { Arrivals } from "./arrivals.ts";
import { DATA, frameHead, OFFSET_BYTES } from "./frames.ts";

const KIB = 1024;
const OTHER = 4;

interface Shape {
  readonly isData: boolean;
  readonly length: number;
}

const shapes = fc.array(
  fc.record({
    isData: fc.boolean(),
    length: fc.oneof(fc.nat({ max: 300 }), fc.constantFrom(32 * KIB - 1, 32 * KIB, 65 * KIB, 300 * KIB, 1024 * KIB)),
  }),
  { maxLength: 12 },
);

/** The payloads of frames, and the frames one after the other. */
function made(frames: readonly Shape[]): { payloads: Buffer[]; types: number[]; stream: Buffer } {
  const types = frames.map(({ isData }) => (isData ? DATA : OTHER));
  const payloads = frames.map(({ length }) => randomBytes(length));
  const parts = payloads.flatMap((payload, place) => [frameHead(types[place] ?? 0, [payload]), payload]);
  return { payloads, types, stream: Buffer.concat(parts) };
}

/** Puts bytes into rooms, at most `most` at a time. Gives what was said at last. */
function put(arrivals: Arrivals, bytes: Buffer, most: number): boolean {
  let more = true;
  for (let at = 0; at < bytes.length;) {
    const copied = bytes.copy(arrivals.room(), 0, at, Math.min(bytes.length, at + most));
    // An expect() for each of a hundred thousand pieces takes longer than all else here.
    if (copied === 0) throw new Error("there is no room for what comes next");
    more = arrivals.filled(copied);
    at += copied;
  }
  return more;
}

describe("frames that arrive", () => {
  it("are what was sent, however the bytes are cut and whenever they are taken", () => {
    const steps = fc.array(
      fc.record({ bytes: fc.constantFrom(1, 5, 13, 4000, 16 * KIB, 70 * KIB), takes: fc.nat(3) }),
      {
        minLength: 1,
        maxLength: 20,
      },
    );
    fc.assert(
      fc.property(shapes, steps, fc.boolean(), fc.constantFrom(10, 16 * KIB), (frames, cuts, inPlace, most) => {
        const { payloads, types, stream } = made(frames);
        const arrivals = new Arrivals(() => undefined);
        let taken = 0;
        const take = (): void => {
          const frame = arrivals.next();
          if (frame === undefined) return;
          expect(frame.type).toBe(types[taken]);
          expect(frame.payload.equals(payloads[taken] ?? Buffer.alloc(0))).toBe(true);
          if (frame.type === DATA && frame.payload.length > OFFSET_BYTES)
            expect(isAligned(frame.payload.subarray(OFFSET_BYTES))).toBe(true);
          taken += 1;
        };
        for (let at = 0, turn = 0; at < stream.length; turn += 1) {
          const { bytes, takes } = cuts[turn % cuts.length] ?? { bytes: 1, takes: 0 };
          // Single bytes of a megabyte take long, and say nothing more after the first frames.
          const length = at > 2000 ? Math.max(bytes, 4000) : bytes;
          const part = stream.subarray(at, at + length);
          if (inPlace) put(arrivals, part, at > 2000 ? 16 * KIB : most);
          else arrivals.add(part);
          at += part.length;
          for (let takesLeft = takes; takesLeft > 0; takesLeft -= 1) take();
        }
        for (let rest = frames.length; rest > 0; rest -= 1) take();
        expect(taken).toBe(frames.length);
        expect(arrivals.any).toBe(false);
      }),
      { numRuns: 150 },
    );
  });

  it("do not overwrite a piece of data before the third one after it", () => {
    const { payloads, stream } = made(Array.from({ length: 9 }, () => ({ isData: true, length: 256 * KIB })));
    const arrivals = new Arrivals(() => undefined);
    const kept: Buffer[] = [];
    for (let at = 0; at < stream.length; at += 16 * KIB) {
      put(arrivals, stream.subarray(at, at + 16 * KIB), 16 * KIB);
      const frame = arrivals.next();
      if (frame !== undefined) kept.push(frame.payload);
      // The next piece has begun to arrive. These two may still be hashed and written.
      for (const place of [kept.length - 2, kept.length - 1]) {
        if (place >= 0) expect(kept[place]?.equals(payloads[place] ?? Buffer.alloc(0))).toBe(true);
      }
    }
    expect(kept).toHaveLength(9);
  });

  it("stay where they have arrived, if there is room for a long one", () => {
    const { stream } = made([{ isData: true, length: 512 * KIB }]);
    const arrivals = new Arrivals(() => undefined);
    put(arrivals, stream.subarray(0, 13), 13);
    expect(arrivals.next()).toBeUndefined();
    const room = arrivals.room();
    expect(room).toHaveLength(512 * KIB);
    stream.copy(room, 0, 13);
    arrivals.filled(512 * KIB);
    expect(arrivals.next()?.payload.buffer).toBe(room.buffer);
  });

  it("report that enough of them wait", () => {
    const frames = Array.from({ length: 40 }, () => ({ isData: false, length: 4 * KIB }));
    const { stream } = made(frames);
    const arrivals = new Arrivals(() => undefined);
    expect(put(arrivals, stream.subarray(0, 60 * KIB), 16 * KIB)).toBe(true);
    expect(put(arrivals, stream.subarray(60 * KIB, 76 * KIB), 16 * KIB)).toBe(false);
    for (let taken = 0; taken < 10; taken += 1) expect(arrivals.next()).toBeDefined();
    expect(put(arrivals, stream.subarray(76 * KIB, 80 * KIB), 16 * KIB)).toBe(true);
  });
});
