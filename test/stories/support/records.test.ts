import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { faultsOf, lastAcknowledged } from "./records.ts";

function record(n: number): string {
  const text = `${n} writer-0 node-1`;
  return `${text} ${createHash("md5").update(text).digest("hex")}\n`;
}

test("records without a gap have no faults", () => {
  expect(faultsOf(record(1) + record(2) + record(3), 2)).toEqual([]);
  expect(faultsOf("", 0)).toEqual([]);
});

test("a record that was acknowledged and is not there is a fault", () => {
  expect(faultsOf(record(1), 3)).toEqual(["3 records were acknowledged, and the file holds 1"]);
});

test("a gap, a repetition, a damaged record and one without an end are faults", () => {
  expect(faultsOf(record(1) + record(3), 1)).toEqual([expect.stringMatching(/^where record 2 belongs there is 3 /)]);
  expect(faultsOf(record(1) + record(1), 1)).toEqual([expect.stringMatching(/^where record 2 belongs there is 1 /)]);
  expect(faultsOf(record(1).replace("node-1", "node-2"), 1)).toEqual([expect.stringMatching(/^record 1 is damaged/)]);
  expect(faultsOf(`${record(1)}2 wri`, 1)).toEqual(["the last record has no end"]);
});

test("half a number at the end of a log acknowledges nothing", () => {
  expect(lastAcknowledged("")).toBe(0);
  expect(lastAcknowledged("9\n1")).toBe(9);
  expect(lastAcknowledged("9\n10\n")).toBe(10);
});
