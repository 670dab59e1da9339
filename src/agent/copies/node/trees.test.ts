import { expect, it } from "vitest";
import { scratch } from "../../sys/testing/scratch.fixture.ts";
import { openDirectory } from "./trees.ts";

it("one at a time has the lock of a directory, until it closes it", async () => {
  const { path } = scratch();
  const first = await openDirectory(path);
  const second = await openDirectory(path);
  expect([first.lock(), first.lock(), second.lock()]).toEqual([true, true, false]);
  await first.close();
  expect(second.lock()).toBe(true);
  const third = await openDirectory(path);
  expect(third.lock()).toBe(false);
  await second.close();
  expect(third.lock()).toBe(true);
  await third.close();
});
