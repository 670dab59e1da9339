import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

let dist: string;
let text: string;

beforeAll(() => {
  dist = mkdtempSync(join(tmpdir(), "mooring-text-"));
  execFileSync(process.execPath, ["tools/build.mjs", dist, "src/bin/mooring.ts"]);
  text = readFileSync(join(dist, "mooring.mjs"), "utf8");
});

afterAll(() => {
  rmSync(dist, { recursive: true, force: true });
});

it("a program's text takes one byte for each character in memory", () => {
  expect([...new Set(text.match(/[\u0100-\uffff]/g))]).toEqual([]);
});

it("a program's lines are short enough to be printed with an error", () => {
  const longest = Math.max(...text.split("\n").map(({ length }) => length));
  expect(longest).toBeLessThan(2_000);
});
