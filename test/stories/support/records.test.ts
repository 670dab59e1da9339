import { expect, test } from "vitest";
import { type Acknowledged, faultsOf, lastAcknowledged } from "./records.ts";

function record(n: number, start = "a"): string {
  const text = `${n} ${start} writer-0 node-1`;
  return `${text} = ${text}\n`;
}

function by(start: string, number: number): Acknowledged {
  return { record: number, start };
}

test("records without a gap have no faults", () => {
  expect(faultsOf(record(1) + record(2) + record(3), [by("a", 2)])).toEqual([]);
  expect(faultsOf("", [by("", 0)])).toEqual([]);
});

test("a record that was acknowledged and is not there is a fault", () => {
  expect(faultsOf(record(1), [by("a", 3)])).toEqual(["3 records were acknowledged, and the file holds 1"]);
});

test("a gap, a repetition, a damaged record and one without an end are faults", () => {
  expect(faultsOf(record(1) + record(3), [])).toEqual([expect.stringMatching(/^where record 2 belongs there is 3 /)]);
  expect(faultsOf(record(1) + record(1), [])).toEqual([expect.stringMatching(/^where record 2 belongs there is 1 /)]);
  expect(faultsOf(record(1).replace("node-1", "node-2"), [])).toEqual([expect.stringMatching(/^record 1 is damaged/)]);
  expect(faultsOf(`${record(1)}2 wri`, [])).toEqual(["the last record has no end"]);
});

test("a record that was acknowledged and then written again by a later start is a fault", () => {
  const text = record(1) + record(2) + record(3, "b") + record(4, "b");
  expect(faultsOf(text, [by("a", 2), by("b", 4)])).toEqual([]);
  expect(faultsOf(text, [by("a", 3), by("b", 4)])).toEqual([
    expect.stringMatching(/^record 3 was acknowledged by start a, and another has written it since: 3 b writer-0 /),
  ]);
});

test("half a number at the end of a log acknowledges nothing", () => {
  expect(lastAcknowledged("")).toEqual(by("", 0));
  expect(lastAcknowledged("9\n1")).toEqual(by("", 9));
  expect(lastAcknowledged("9 a\n10 ")).toEqual(by("a", 9));
  expect(lastAcknowledged("9 a\n10 b\n")).toEqual(by("b", 10));
  // PostgreSQL, when it starts again.
  expect(lastAcknowledged('9\nrelation "t" already exists, skipping\n')).toEqual(by("", 9));
  expect(lastAcknowledged('relation "t" already exists, skipping\n')).toEqual(by("", 0));
});
