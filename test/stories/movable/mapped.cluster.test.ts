/*
 * A pod that stores into a mapped file and never syncs it. The kernel tells of a store by the
 * file's times only if it is the first one since the page was written back
 * (test/cluster/mapped-page.cluster.test.ts). In a slow pass that is long ago. Each node has a disk
 * of its own here, as in the field: a `syncfs` of the target would write back the source's pages.
 */
import { expect, test } from "vitest";
import { limit } from "../support/drains.ts";
import { useNamespace } from "../support/cleanup.ts";
import { toYaml } from "../support/manifest.ts";
import { foundSlots, mappedWriter, missingStores, SLOTS } from "../support/mapped-writer.ts";
import { agentPod, MOVABLE_NAMESPACE, useMovable } from "../support/movable.ts";
import { ended, goneFrom, nodeNameOf, readyOn, volumeOf } from "../support/movable-objects.ts";
import { copiedLive, nodeBut, volumeMove } from "../support/moves.ts";
import { linesOf } from "../support/product.ts";
import { makePoolDisks, removePoolDisks } from "../support/pool-disks.ts";
import { followAcknowledged, moreRecords } from "../support/records.ts";

const NS = "movable-mapped";
const POOL = { name: "mapped", path: "/var/lib/mooring/mapped" };
const CLASS = "mooring-mapped";
const MIB = 1024 ** 2;
/**
 * So little that one live pass is enough. So the seal comes right after it, and no later pass reads
 * the mapped file.
 */
const FILLER_MIB = 13;
/** So the pass takes more than 20 s, and comes to the mapped file after them. */
const SLOW = "640Ki";
const SLOW_MS = 20_000;

const on = useMovable(["isolation", "kubectl", "pool-disks"]);
useNamespace(on, NS);

test("every store into a mapped file arrives, although it is never synced", async () => {
  const { ground } = on;
  await makePoolDisks(ground, POOL, () => ({ mib: 200 }));
  const image = await ground.loadProductImage();
  await ground.apply(toYaml(mappedWriter(NS, "mapped", CLASS, { image, fillerBytes: FILLER_MIB * MIB })));
  const before = await readyOn(ground, NS, "mapped-0");
  const volume = await volumeOf(ground, NS, "data-mapped-0");
  const [from, to] = [nodeNameOf(before), nodeBut(ground, nodeNameOf(before))];
  await moreRecords(ground, NS, "mapped-0", SLOTS);
  const following = await followAcknowledged(ground, NS, "mapped-0");

  await ground.apply(toYaml(volumeMove("mapped", [volume], from, to, { bandwidth: SLOW })));
  await copiedLive(ground, "mapped");
  await limit(ground, "mapped", null);
  const { status } = await ended(ground, "mapped");
  expect(status?.phase).toBe("Done");
  const { record: acknowledged } = await following.last;
  const after = await readyOn(ground, NS, "mapped-0", before.metadata.uid);
  expect(nodeNameOf(after)).toBe(to);
  await moreRecords(ground, NS, "mapped-0", 3);

  const { metadata } = await agentPod(ground, to);
  const passes = linesOf(await ground.logs(MOVABLE_NAMESPACE, metadata.name))
    .filter((line) => line["volume"] === volume && line.msg === "a live pass has ended")
    .map(({ bytes, tookMs }) => ({ bytes, tookMs: Number(tookMs) }));
  const slots = await foundSlots(ground, NS, "mapped-0");
  console.log(`mapped: ${JSON.stringify({ passes, acknowledged, found: Math.max(...slots), ...status?.downtime })}`);
  expect(Math.max(...passes.map(({ tookMs }) => tookMs))).toBeGreaterThan(SLOW_MS);
  expect(acknowledged).toBeGreaterThan(SLOTS);
  expect(missingStores(slots, acknowledged)).toEqual([]);
  await ground.delete("StatefulSet", "mapped", NS);
  await ground.delete("PersistentVolumeClaim", "data-mapped-0", NS);
  await goneFrom(ground, volume, to);
  await goneFrom(ground, volume, from);
  await removePoolDisks(ground, POOL);
});
