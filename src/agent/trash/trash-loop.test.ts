import { afterEach, beforeEach, expect, test } from "vitest";
import { CopyStore } from "../copies/copy-store.ts";
import { at, localVolume, POOL, TestNode } from "../testing/agent.fixture.ts";

const HOUR_MS = 3_600_000;

let node: TestNode;
beforeEach(async () => {
  node = new TestNode();
  await node.start();
});
afterEach(() => node.stop());

/** What a move has brought that was undone. */
async function leftBehind(volume: string): Promise<void> {
  const { uuid } = (await node.json(`${POOL}/pool.json`)) as { uuid: string };
  const copy = { volume, epoch: 2, incarnation: "inc-1", moveUID: "uid-1" };
  await new CopyStore(node.disk, POOL, uuid).makeIncoming(copy, { mode: 0o777 });
  node.put(at.volume(volume), localVolume(volume, { nodeName: "node-b", mayCreate: undefined as never }));
}

const isThere = async (volume: string) => (await node.disk.stat(`${POOL}/volumes/${volume}/2-uid-1`)) !== undefined;

test("a damaged copy does not prevent the removal of other volumes' copies", async () => {
  node.disk.prepare(`${POOL}/volumes/pvc-0/1`).put(`${POOL}/volumes/pvc-0/1/copy.json`, "{");
  await leftBehind("pvc-1");
  expect(await isThere("pvc-1")).toBe(true);
  await node.clock.advance(1.2 * HOUR_MS);
  expect(await isThere("pvc-1")).toBe(false);
});

test("neither does one that cannot be removed", async () => {
  for (const volume of ["pvc-0", "pvc-1"]) await leftBehind(volume);
  const remove = node.disk.removeDirectory.bind(node.disk);
  node.disk.removeDirectory = (path) =>
    path.includes("pvc-0") ? Promise.reject(Object.assign(new Error("a broken disk"), { code: "EIO" })) : remove(path);
  await node.clock.advance(1.2 * HOUR_MS);
  expect(await isThere("pvc-0")).toBe(true);
  expect(await isThere("pvc-1")).toBe(false);
  expect(node.eventsAbout("LocalVolume", "pvc-0")).toEqual([
    expect.stringMatching(
      /^DataNotRemoved: cannot remove \/var\/lib\/mooring\/default\/volumes\/pvc-0\/2-uid-1 of volume pvc-0 on node node-a: a broken disk \(AGENT_NOT_REMOVED\)\. If the disk has failed, mend it/,
    ),
  ]);
  expect(node.eventsAbout("LocalVolume", "pvc-1")).toEqual([]);
});
