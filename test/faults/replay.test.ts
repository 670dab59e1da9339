import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { faultsBundle } from "../program/bundle.ts";
import { seedOf } from "./draw.ts";
import { SUITES } from "./suites.ts";

/**
 * What a process of its own prints of a run: every request, answer, event, timer, file operation
 * and log line.
 */
async function traceOf(suite: string, seed: number): Promise<readonly string[]> {
  const args = [await faultsBundle(), suite, "--replay", String(seed)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 30 });
  return stdout.split("\n");
}

test.each([
  ["classic", 0, " mkdir -p "],
  ["classic", 1, " mkdir -p "],
  ["moves", 3, " opens pvc-"],
])("a run of %s repeats exactly from its seed in another process (%i)", async (suite, index, does) => {
  const seed = seedOf(7, index);
  const [first, second] = await Promise.all([traceOf(suite, seed), traceOf(suite, seed)]);
  expect(first.length).toBeGreaterThan(1_000);
  for (const what of [" timer ", " POST ", " PATCH ", " ok ", does]) {
    expect(
      first.some((line) => line.includes(what)),
      `the trace tells of${what}`,
    ).toBe(true);
  }
  const differs = first.findIndex((line, at) => line !== second[at]);
  expect(first[differs], `line ${differs}`).toBe(second[differs]);
  expect(second).toHaveLength(first.length);
});

test.each([
  ["classic", 0],
  ["moves", 3],
] as const)("a run of %s is the same without its trace", async (suite, index) => {
  const play = await SUITES[suite].open();
  const seed = seedOf(7, index);
  const traced = await play(seed, { trace: true });
  const { events, lasted } = await play(seed, { trace: false });
  expect([events, lasted]).toEqual([traced.trace.length, traced.lasted]);
});
