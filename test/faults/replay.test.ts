import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { seedOf } from "./draw.ts";

const TSX = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));

/**
 * What a process of its own prints of a run: every request, answer, event, timer, file operation
 * and log line.
 */
async function traceOf(suite: string, seed: number): Promise<readonly string[]> {
  const args = ["--import", TSX, MAIN, suite, "--replay", String(seed)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 30 });
  return stdout.split("\n");
}

test.each([
  ["classic", 0, " mkdir -p "],
  ["classic", 1, " mkdir -p "],
  ["moves", 0, " opens pvc-"],
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
