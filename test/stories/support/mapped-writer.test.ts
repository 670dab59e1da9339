import { expect, test } from "vitest";
import { missingStores, SLOTS } from "./mapped-writer.ts";

/** The slots after the stores up to a number, without one of them. */
function slotsAfter(last: number, missing?: number): number[] {
  const slots = Array.from({ length: SLOTS }, () => 0);
  for (let n = 1; n <= last; n += 1) if (n !== missing) slots[n % SLOTS] = n;
  return slots;
}

test("after every store nothing is missing", () => {
  for (const last of [SLOTS, SLOTS + 1, 5 * SLOTS - 1, 1000]) expect(missingStores(slotsAfter(last), last)).toEqual([]);
});

test("a missing store is reported, as long as no later one is in its slot", () => {
  expect(missingStores(slotsAfter(1000, 950), 1000)).toEqual([
    `slot ${950 % SLOTS} holds ${950 - SLOTS} instead of 950`,
  ]);
  expect(missingStores(slotsAfter(1000, 1000 - SLOTS), 1000)).toEqual([]);
});

test("acknowledged stores that are all missing are reported", () => {
  expect(missingStores(slotsAfter(900), 1000)).toEqual(["1000 stores were acknowledged, and the last one is 900"]);
});
