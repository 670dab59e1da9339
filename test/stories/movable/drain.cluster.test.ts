import { expect, test } from "vitest";
import { drain, ENDED_WELL, endOf, useDrains } from "../support/drains.ts";
import { toYaml } from "../support/manifest.ts";
import { MOVABLE_CLASS } from "../support/movable.ts";
import { localVolume, nodeNameOf, readyOn, volumeOf } from "../support/movable-objects.ts";
import { checkRecords, followAcknowledged, moreRecords, recordWriter } from "../support/records.ts";

const NS = "movable-drain-deletes";
const on = useDrains(NS, ["node-files", "kubectl"]);

test("--disable-eviction waits for the data as well", async () => {
  const { ground } = on;
  await ground.apply(toYaml(recordWriter(NS, "deleted", MOVABLE_CLASS)));
  const before = await readyOn(ground, NS, "deleted-0");
  const from = nodeNameOf(before);
  const volume = await volumeOf(ground, NS, "data-deleted-0");
  await moreRecords(ground, NS, "deleted-0");
  const following = await followAcknowledged(ground, NS, "deleted-0");
  expect(endOf(await drain(ground, from, "--disable-eviction"))).toEqual(ENDED_WELL);
  expect((await localVolume(ground, volume))?.spec.nodeName).not.toBe(from);
  const acknowledged = await following.last;
  await readyOn(ground, NS, "deleted-0", before.metadata.uid);
  expect((await checkRecords(ground, NS, "deleted-0", acknowledged)).faults).toEqual([]);
});
