import { readdirSync } from "node:fs";
import { expect, it, onTestFinished } from "vitest";
import { ioPriority, LOWEST, setIoPriority, settable } from "./io-priority.ts";
import { hasTool, tool } from "./testing/scratch.fixture.ts";

it("is set for every thread, as ionice sees it, and can be set back", (test) => {
  if (!hasTool("ionice")) test.skip("ionice is not installed");
  const before = ioPriority();
  onTestFinished(() => {
    setIoPriority(before);
  });
  const seen = (): string[] => readdirSync("/proc/self/task").map((thread) => tool("ionice", "-p", thread));
  const usual = seen();
  setIoPriority(LOWEST);
  expect(ioPriority()).toBe(LOWEST);
  expect(new Set(seen())).toEqual(new Set(["best-effort: prio 7"]));
  setIoPriority(before);
  expect(seen()).toEqual(usual);
});

it("of a kernel before 5.15 can be set back: there, a level of the class `none` is read but refused", () => {
  expect([0, 4, LOWEST, (1 << 13) | 3].map((priority) => settable(priority))).toEqual([0, 0, LOWEST, (1 << 13) | 3]);
});
