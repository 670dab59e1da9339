import { expect, test } from "vitest";
import { MemoryDisk } from "../../../src/effects/testing/memory-disk.fixture.ts";
import { Pages } from "./pages.ts";

function pagesAt() {
  const disk = new MemoryDisk().prepare("/d");
  const at = { now: 1 };
  const pages = new Pages(disk, () => at.now);
  const changedAt = (path: string): number | undefined => pages.stateOf(path)?.changedAt;
  return { at, changedAt, disk, pages };
}

test("a store into a page that is dirty already leaves no trace, and the first after a sync does", () => {
  const { at, changedAt, disk, pages } = pagesAt();
  pages.store("/d/map", "a");
  at.now = 2;
  pages.store("/d/map", "b");
  expect([disk.text("/d/map"), changedAt("/d/map")]).toEqual(["b", 1]);
  pages.sync();
  pages.store("/d/map", "c");
  expect([disk.text("/d/map"), changedAt("/d/map")]).toEqual(["c", 2]);
});

test("a power cut takes what was not synced, and leaves name, number and time", () => {
  const { disk, pages } = pagesAt();
  pages.write("/d/old", "old");
  pages.sync();
  pages.write("/d/new", "new");
  const before = pages.stateOf("/d/new");
  disk.powerCut();
  pages.powerCut("/d");
  expect([disk.text("/d/old"), disk.text("/d/new")]).toEqual(["old", "\0\0\0"]);
  expect(pages.stateOf("/d/new")).toEqual(before);
});

test("a disk that lies loses what it has called synced, but no record of a pod", () => {
  const { disk, pages } = pagesAt();
  pages.lies = true;
  for (const file of ["conf", "log"]) pages.write(`/d/${file}`, "text");
  pages.sync();
  disk.powerCut();
  pages.powerCut("/d");
  expect([disk.text("/d/conf"), disk.text("/d/log")]).toEqual(["\0\0\0\0", "text"]);
});
