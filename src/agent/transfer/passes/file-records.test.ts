import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Chunks } from "../content/chunks.ts";
import type { TreePath } from "../tree/path.ts";
import { FileRecords, keyOf, type FileRecord } from "./file-records.ts";

const pathOf = (number: number): TreePath => [Buffer.from(`d${String(number % 7)}`), Buffer.from(`f${String(number)}`)];

/** A record that differs in each of its fields from that of another number. */
function recordFor(number: number): FileRecord {
  const at = BigInt(number) * 100n;
  return {
    ino: at + 1n,
    dev: at + 2n,
    size: at + 3n,
    mtimeNs: -at - 4n,
    ctimeNs: at + 5n,
    believedBeforeNs: -at - 6n,
    proven: number % 2 === 0,
    bare: number % 3 === 0,
    content: createHash("sha256").update(String(number)).digest("hex"),
    chunks: undefined,
  };
}

describe("the key of a path", () => {
  it("is half the sha256 of its names, also when the same paths are asked for again", () => {
    const paths = Array.from({ length: 300 }, (_, number) => pathOf(number));
    const asked = fc.array(fc.nat({ max: paths.length - 1 }), { minLength: 1, maxLength: 1000 });
    fc.assert(
      fc.property(asked, (numbers) => {
        for (const number of numbers) {
          const text = `d${String(number % 7)}/f${String(number)}/`;
          const half = createHash("sha256").update(text).digest().toString("latin1", 0, 16);
          expect(keyOf(paths[number] ?? [])).toBe(half);
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe("the records of files", () => {
  it("give back every field of a file, also after it was set again", () => {
    const records = new FileRecords(1000);
    const numbers = Array.from({ length: 200 }, (_, number) => number);
    for (const number of numbers) records.set(pathOf(number), recordFor(number + 1));
    for (const number of numbers) records.set(pathOf(number), recordFor(number));
    for (const number of numbers) expect(records.get(pathOf(number))).toEqual(recordFor(number));
    expect(records.length).toBe(numbers.length);
    expect(records.get(pathOf(200))).toBeUndefined();
  });

  it("take over the first ones of others, every field of them, and keep their own", () => {
    const from = new FileRecords(1000);
    const chunks = new Chunks(Buffer.alloc(80, 7));
    for (const number of [3, 1, 4, 5]) from.set(pathOf(number), { ...recordFor(number), chunks });
    const records = new FileRecords(4);
    records.set(pathOf(1), recordFor(100));
    records.set(pathOf(2), recordFor(2));
    records.takeFirst(3, from);
    for (const number of [3, 1, 4]) {
      const { chunks: taken, ...record } = records.get(pathOf(number)) ?? recordFor(0);
      expect({ ...record, chunks: undefined }).toEqual(recordFor(number));
      expect(taken?.entries).toEqual(chunks.entries);
    }
    expect(records.get(pathOf(2))).toEqual(recordFor(2));
    expect(records.get(pathOf(5))).toBeUndefined();
    records.copy(pathOf(5), from);
    records.copy(pathOf(6), from);
    expect(records.length, "there is no room for a fifth").toBe(4);
  });
});
