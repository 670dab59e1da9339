import { describe, expect, test } from "vitest";
import { helperRecord, STATES } from "../testing/helper-record.fixture.ts";
import { type Attempt, AttemptMemory, attemptOf, isSameLocation } from "./memory.ts";

const V = "pvc-11111111-2222-4333-8444-555555555555";
const attempt: Attempt = { node: "n", path: `/p/${V}_ns_data`, sizeBytes: 1n, retain: false };

describe("what an attempt has made", () => {
  test.each<[string, (memory: AttemptMemory) => void, Partial<Attempt>, boolean]>([
    ["may be removed", () => undefined, {}, false],
    ["is kept when its class retains", () => undefined, { retain: true }, true],
    ["is kept when another attempt's class retained", (memory) => memory.retained(V), {}, true],
    ["is kept when the PersistentVolume was stored", (memory) => memory.stored(V, true), {}, true],
    ["is kept where it may be another's", () => undefined, { path: "/p/ns/data" }, true],
    ["may be removed whatever is known of another volume", (memory) => memory.retained("pvc-2"), {}, false],
    ["may be removed when its record is gone with it", (memory) => memory.stored(V, false), {}, false],
  ])("%s", (_title, prepare, change, kept) => {
    const memory = new AttemptMemory();
    prepare(memory);
    expect(memory.isKept(V, { ...attempt, ...change })).toBe(kept);
  });

  test("is remembered until it is gone or stored, and what else is known stays", () => {
    const memory = new AttemptMemory();
    memory.made(V, attempt);
    memory.retained(V);
    expect(memory.volumes()).toEqual([V]);
    expect(memory.madeOf(V)).toBe(attempt);
    memory.forgetMade(V);
    expect(memory.volumes()).toEqual([]);
    expect(memory.madeOf(V)).toBeUndefined();
    expect(memory.isKept(V, attempt)).toBe(true);
    memory.forget(V);
    expect(memory.isKept(V, attempt)).toBe(false);
  });
});

test("a pod that does not say where its directory is records no attempt", () => {
  const { node, path, retain, sizeBytes } = attempt;
  const record = helperRecord("c", STATES.running, { node, path, retain, sizeBytes });
  expect(attemptOf({ pod: {}, record })).toEqual(attempt);
  expect(attemptOf({ pod: {}, record: { ...record, path: undefined } })).toBeUndefined();
});

test("a location is a node and a directory", () => {
  expect(isSameLocation(attempt, { ...attempt, retain: true, sizeBytes: 2n })).toBe(true);
  expect(isSameLocation(attempt, { ...attempt, node: "m" })).toBe(false);
  expect(isSameLocation(attempt, { ...attempt, path: "/q" })).toBe(false);
  expect(isSameLocation(attempt, undefined)).toBe(false);
  expect(isSameLocation(undefined, undefined)).toBe(true);
});
