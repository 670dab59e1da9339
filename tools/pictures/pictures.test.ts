/* The pictures that are committed: that they are there, and still look as moor prints. */
import { readdir, readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { drainPlanText } from "../../src/moor/drain/table.ts";
import { explanationText } from "../../src/moor/explain/table.ts";
import { COLUMNS, linesIn, pictureOf } from "./svg.ts";

const DIRECTORY = "docs/pictures";
const readPicture = (name: string): Promise<string> => readFile(`${DIRECTORY}/${name}.svg`, "utf8");

test("README shows every picture, each with words in its place, and no other", async () => {
  const readme = await readFile("README.md", "utf8");
  const shown = [...readme.matchAll(/!\[[^\]]+\]\((docs\/pictures\/[^)]+)\)/g)].map(([, path = ""]) => path);
  const there = (await readdir(DIRECTORY)).map((name) => `${DIRECTORY}/${name}`);
  expect(shown.toSorted()).toEqual(there.toSorted());
});

test.each(["plan-drain", "drain", "explain"])("%s is as the script would draw its lines", async (name) => {
  const svg = await readPicture(name);
  const lines = linesIn(svg);
  expect(lines[0]).toMatch(/^\$ moor /);
  const title = /<title>(.*)<\/title>/.exec(svg)?.[1] ?? "";
  const sizeOf = (picture: string) => /viewBox="[^"]*"/.exec(picture)?.[0];
  expect(sizeOf(svg)).toBe(sizeOf(pictureOf(title, lines)));
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(COLUMNS);
  // Of the machine that it was made on.
  expect(svg).not.toMatch(/\/(?:tmp|root|home|work|usr)\/|127\.0\.0\.1/);
  expect(svg).not.toContain("\u001b");
});

test("plan drain has the columns that moor prints", async () => {
  const volume = { claim: "n/c", name: "v", pool: "p", askedBytes: 1, bytes: 1 };
  const text = drainPlanText({
    node: { name: "n", exists: true, ready: true, released: false },
    groups: [{ volumes: [volume], pods: ["n/p"], notes: [], to: "m" }],
    stays: [],
    totals: { volumes: 1, bytes: 1, askedBytes: 1, uncounted: 0 },
    blocked: false,
  });
  const titles = (lines: readonly string[]) => lines.find((line) => line.startsWith("CLAIM"))?.split(/ {2,}/);
  expect(titles(linesIn(await readPicture("plan-drain")))).toEqual(titles(text.split("\n")));
});

test("drain shows a copy under way, and its end", async () => {
  const lines = linesIn(await readPicture("drain"));
  const later = lines.indexOf("# some seconds later");
  const [middle, end] = [lines.slice(0, later), lines.slice(later)];
  const copying = middle.filter((line) => /\[#+-*\] +\d+% {2}[\d.]+ MiB of [\d.]+ MiB .* Copying to node-/.test(line));
  expect(copying).toHaveLength(2);
  expect(end.filter((line) => / Done, on node node-/.test(line))).toHaveLength(2);
  expect(end.at(-1)).toMatch(/^Node \S+ is drained: 2 volumes moved \([\d.]+ MiB\), \d+ pods? evicted, \d+s$/);
});

test("explain says what blocks a move, and what helps, in the words of moor", async () => {
  const blocked = { code: "MOVE_NO_TARGET", message: "m", advice: "" };
  const printed = explanationText({
    claim: { namespace: "n", name: "c", phase: "Bound" },
    move: { name: "drain-node-x", reason: "Drain", phase: "Planned", from: "node-x", blocked },
    pods: [],
  });
  const lines = linesIn(await readPicture("explain"));
  const [by = ""] = printed.split("\n").filter((line) => line.includes(blocked.code));
  expect(by).not.toBe("");
  expect(lines.filter((line) => line.startsWith(by) && line.length > by.length)).toHaveLength(1);
  expect(lines.filter((line) => /^Move drain-\S+ \(Drain\): Planned, from node /.test(line))).toHaveLength(1);
});
