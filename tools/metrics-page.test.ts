import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { EVENTS } from "./metrics-page.ts";

const SOURCES = [
  "src/agent/copies/purger.ts",
  "src/classic/names.ts",
  "src/movable/events.ts",
  "src/move/events.ts",
  "src/provision/events.ts",
];

it("every reason of an event in the sources is on the page", async () => {
  const texts = await Promise.all(SOURCES.map((path) => readFile(path, "utf8")));
  const found = texts.join("\n").matchAll(/(?:EVENT_\w+ = |reason: |(?:normal|warning)\(\s*)"([A-Z]\w+)"/g);
  const reasons = new Set([...found].map(([, reason = ""]) => reason));
  expect(reasons.size).toBeGreaterThan(10);
  const told = EVENTS.flatMap(([, of]) => Object.keys(of)).filter((reason) => reason !== "Move<Phase>");
  // One event may be about objects of two kinds.
  expect([...new Set(told)].toSorted()).toEqual([...reasons].toSorted());
});
