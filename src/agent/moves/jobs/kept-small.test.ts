import { expect, test } from "vitest";
import { KeptSmall } from "./kept-small.ts";
import { LITTLE_BYTES } from "./passes.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** The pauses after passes that end like this, in seconds. */
function pausesAfter(...ends: readonly Parameters<KeptSmall["ended"]>[0][]): readonly number[] {
  const kept = new KeptSmall("stay", 0);
  return ends.map((end) => {
    kept.ended(end, 5 * MINUTE);
    return kept.waitMs(5 * MINUTE) / SECOND;
  });
}
const little = { sent: LITTLE_BYTES, tookMs: 10 };
const much = { sent: LITTLE_BYTES + 1, tookMs: 10 };
const failed = { failed: true, emptied: false } as const;
const emptied = { failed: true, emptied: true } as const;

test("the first pass comes after half a minute", () => {
  const kept = new KeptSmall("stay", 7 * SECOND);
  expect(kept.waitMs(7 * SECOND)).toBe(30 * SECOND);
  expect(kept.waitMs(36 * SECOND)).toBe(SECOND);
  expect(kept.waitMs(MINUTE)).toBe(0);
});

test("passes that send little get rare, and one that sends much begins again", () => {
  expect(pausesAfter(little, little, little, little, little, little, much, much, little, little)).toEqual([
    60, 120, 240, 480, 600, 600, 60, 60, 60, 120,
  ]);
});

test("a long pass has a longer pause", () => {
  expect(pausesAfter({ ...much, tookMs: 30 * SECOND }, { ...little, tookMs: 100 * SECOND })).toEqual([600, 2000]);
});

test("a pass that fails is tried again later and later, until one ends", () => {
  expect(pausesAfter(failed, failed, failed, failed, failed, failed)).toEqual([300, 600, 1200, 2400, 3600, 3600]);
  expect(pausesAfter(failed, failed, much, failed)).toEqual([300, 600, 60, 300]);
});

test("a pass that empties the memory is followed soon, but not again and again when that one fails", () => {
  expect(pausesAfter(emptied, failed, emptied, failed, emptied, failed)).toEqual([30, 300, 30, 600, 30, 1200]);
});

test("each pass has a name of its own", () => {
  const kept = new KeptSmall("stay", 0);
  const names = [kept.pass];
  for (const end of [much, failed, little]) {
    kept.ended(end, 0);
    names.push(kept.pass);
  }
  expect(new Set(names).size).toBe(4);
});
