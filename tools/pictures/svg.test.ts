import { expect, test } from "vitest";
import { COLUMNS, linesIn, pictureOf } from "./svg.ts";

test("lines come back as they went in, with their spaces and signs", () => {
  const lines = ["$ moor plan", "", "  a <b> & c   d", "  x  [##--]  50%  1 B of 2 B"];
  const svg = pictureOf("a <title>", lines);
  expect(linesIn(svg)).toEqual(lines);
  expect(svg).toContain("<title>a &lt;title&gt;</title>");
  expect(svg).toContain('xml:space="preserve"');
});

test("a long line is wrapped between words and goes on further in, in its colour", () => {
  const words = Array.from({ length: 30 }, (_, index) => `word-${String(index)}`).join(" ");
  const svg = pictureOf("t", [`  Blocked by ${words}`]);
  const lines = linesIn(svg);
  expect(lines.length).toBeGreaterThan(1);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(COLUMNS);
  expect(lines.slice(1).every((line) => /^ {4}word/.test(line))).toBe(true);
  expect(lines.map((line) => line.trim()).join(" ")).toBe(`Blocked by ${words}`);
  expect(new Set(Array.from(svg.matchAll(/<text [^>]*fill="(.*?)"/g), ([, colour]) => colour)).size).toBe(1);
});

test("all pictures are of one width, and as high as their lines", () => {
  const sizeOf = (...lines: string[]) =>
    /width="(\d+)" height="(\d+)"/.exec(pictureOf("t", lines))?.slice(1).map(Number);
  const [width, one = 0] = sizeOf("a") ?? [];
  expect(sizeOf("b", "c".repeat(COLUMNS), "d")).toEqual([width, one + 40]);
});
