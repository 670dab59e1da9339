import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { faultsBundle } from "../program/bundle.ts";
import { seedOf } from "./draw.ts";
import { SUITES, type SuiteName } from "./suites.ts";

/**
 * What a process of its own prints of a run: every request, answer, event, timer, file operation
 * and log line.
 */
async function printedBy(suite: SuiteName, seed: number): Promise<readonly string[]> {
  const args = [await faultsBundle(), suite, "--replay", String(seed)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 30 });
  return stdout.split("\n");
}

test.each([
  ["classic", 0, " mkdir -p "],
  ["classic", 1, " mkdir -p "],
  ["moves", 3, " opens pvc-"],
] as const)("a run of %s repeats exactly from its seed in another process (%i)", async (suite, index, does) => {
  const seed = seedOf(7, index);
  const play = await SUITES[suite].open();
  const [printed, { trace, lasted }] = await Promise.all([printedBy(suite, seed), play(seed, { trace: true })]);
  const lines = trace.flatMap((line) => line.split("\n"));
  expect(lines.length).toBeGreaterThan(1_000);
  for (const what of [" timer ", " POST ", " PATCH ", " ok ", does]) {
    expect(
      lines.some((line) => line.includes(what)),
      `the trace tells of${what}`,
    ).toBe(true);
  }
  const differs = lines.findIndex((line, at) => line !== printed[at]);
  expect(lines[differs], `line ${differs}`).toBe(printed[differs]);
  const [last, ...more] = printed.slice(lines.length);
  expect(last).toMatch(new RegExp(`^seed ${String(seed)}: .*; ${(lasted / 1000).toFixed(0)} s of virtual time$`));
  expect(more).toEqual([""]);

  // A run is the same without its trace.
  const untraced = await play(seed, { trace: false });
  expect([untraced.events, untraced.lasted]).toEqual([trace.length, lasted]);
});
