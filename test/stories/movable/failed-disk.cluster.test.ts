/*
 * A disk that takes no more writes, as a kernel leaves it after an error: on the source before a
 * drain, and on the target in the middle of a copy. The pod runs on where it is.
 */
import { expect, test } from "vitest";
import { messageOf } from "../../../src/observe/errors.ts";
import { drain, drainSlowly, ENDED_WELL, endedMovesOf, endOf, limit, moveWhere, useDrains } from "../support/drains.ts";
import { running, runsOn } from "../support/held-moves.ts";
import { toYaml } from "../support/manifest.ts";
import { localVolume, nodeNameOf, readyOn, volumeOf } from "../support/movable-objects.ts";
import { nodeBut, nothingLeftBehind } from "../support/moves.ts";
import { drainFromPoolDisks } from "../support/pool-disks.ts";
import type { Pod } from "../support/objects.ts";
import { checkRecords, followAcknowledged, moreRecords } from "../support/records.ts";
import { claimOn } from "../support/workloads.ts";

const NS = "movable-failed-disk";
const on = useDrains(NS, ["node-files", "pool-disks", "kubectl", "drain"]);
/** Of a pool whose disk was taken away the agents wait for that disk, so each story has its own. */
const poolOf = (name: string) => ({ name, path: `/var/lib/mooring/${name}` });
const SHAPE = { mib: 160, fs: "ext4" } as const;

/** Does to the disk of a pool what the kernel does after an error that it cannot get over. */
async function fail(node: string, path: string): Promise<void> {
  const { code, stderr } = await on.ground.onNode(node).exec(["mount", "-o", "remount,abort", path]);
  const touched = await on.ground.onNode(node).exec(["touch", `${path}/can-be-written`]);
  expect([code, stderr, touched.stderr]).toEqual([0, "", expect.stringContaining("Read-only file system")]);
}

/** Mounts the disk again, once nothing uses it. Does nothing to a disk that can be written to. */
async function mend(node: string, path: string): Promise<void> {
  const { ground } = on;
  const touched = await ground.onNode(node).exec(["touch", `${path}/can-be-written`]);
  if (touched.code === 0) return;
  await ground.waitFor("the failed disk to be unmounted", async () => {
    await ground.unmountPool(node, path);
    return true;
  });
  await ground.remountPool(node, path);
}

test("a target whose disk fails in the middle of a copy is given up, and another takes the volume", async () => {
  const { ground } = on;
  const [a = ""] = ground.nodes;
  const [pool, storageClass] = [poolOf("fails-target"), "mooring-fails-target"];
  await drainFromPoolDisks(ground, { pool, shapeOf: () => SHAPE, namespace: NS, set: "target" }, async () => {
    await ground.apply(toYaml(claimOn(a, NS, "data-target-0", storageClass)));
    const volume = await volumeOf(ground, NS, "data-target-0");
    const writer = await running(ground, NS, "target", { gracePeriodSeconds: 1 }, storageClass);
    const make = "for n in $(seq 32); do dd if=/dev/urandom of=/data/$n bs=1M count=1 2>/dev/null; done; sync";
    await ground.exec(NS, "target-0", ["sh", "-c", make]);

    const { ended: draining, moves } = await drainSlowly(ground, a, [volume], "256Ki");
    const first = await moveWhere(ground, volume, "to copy", ({ phase }) => phase === "Copying");
    const failed = first.status?.target ?? "";
    const other = nodeBut(ground, a, failed);
    await fail(failed, pool.path);
    const second = await moveWhere(ground, volume, `to go to ${other}`, ({ phase, target }) => {
      return phase === "Copying" && target === other;
    });
    expect(second.metadata?.uid).toBe(first.metadata?.uid);
    for (const { message, node } of second.status?.failedTargets ?? []) {
      expect([node, message]).toEqual([failed, expect.stringMatching(/TRANSFER_TARGET_FAILED|not ready/)]);
    }
    // The source does not notice anything: the pod is the same, and writes.
    const pod = await readyOn(ground, NS, "target-0");
    expect([pod.metadata.uid, nodeNameOf(pod)]).toEqual([writer.pod.metadata.uid, a]);
    const acknowledged = await moreRecords(ground, NS, "target-0", 3);

    for (const move of moves) await limit(ground, move, null);
    expect(endOf(await draining)).toEqual(ENDED_WELL);
    await runsOn(ground, { ...writer, acknowledged }, other, 2);
    const ended = await endedMovesOf(ground, volume);
    expect(ended.map(({ status }) => [status?.phase, status?.target])).toEqual([["Done", other]]);
    await nothingLeftBehind(ground);
  });
});

test("a source whose disk has failed keeps its pod, the drain says why, and goes on once the disk is mended", async () => {
  const { ground } = on;
  const [a = ""] = ground.nodes;
  const [pool, storageClass] = [poolOf("fails-source"), "mooring-fails-source"];
  await drainFromPoolDisks(ground, { pool, shapeOf: () => SHAPE, namespace: NS, set: "source" }, async () => {
    await ground.apply(toYaml(claimOn(a, NS, "data-source-0", storageClass)));
    const volume = await volumeOf(ground, NS, "data-source-0");
    const writer = await running(ground, NS, "source", {}, storageClass);
    const following = await followAcknowledged(ground, NS, "source-0");
    try {
      await fail(a, pool.path);
      const draining = drain(ground, a);
      const why = `the disk of node ${a} has failed: EROFS`;
      const move = await moveWhere(ground, volume, "to be refused", ({ message = "" }) => message.includes(why));
      expect(move.status?.fencedAt).toBeUndefined();
      await ground.waitFor("an eviction to be refused with the reason", async (saw) => {
        const refusal = await ground.evict(NS, "source-0").then(() => "it was evicted", messageOf);
        saw(refusal);
        return refusal.includes(why) ? true : undefined;
      });
      const pod = await ground.get<Pod>("Pod", "source-0", NS);
      expect([pod?.metadata.uid, pod?.metadata.deletionTimestamp]).toEqual([writer.pod.metadata.uid, undefined]);
      expect((await localVolume(ground, volume))?.spec).toMatchObject({ nodeName: a, epoch: 1 });

      // What an operator does: the pod ends, the disk is mounted again. Its journal is replayed.
      await ground.delete("Pod", "source-0", NS);
      await ground.waitFor("the pod to be gone, and its mount with it", async (saw) => {
        const next = await ground.get<Pod>("Pod", "source-0", NS);
        saw(next?.status);
        return next?.metadata.uid === writer.pod.metadata.uid ? undefined : true;
      });
      await mend(a, pool.path);
      expect(endOf(await draining)).toEqual(ENDED_WELL);
      const { metadata, spec } = await readyOn(ground, NS, "source-0", writer.pod.metadata.uid);
      expect([metadata.uid, spec.nodeName]).not.toContain(a);
      await moreRecords(ground, NS, "source-0", 3);
      expect((await checkRecords(ground, NS, "source-0", writer.acknowledged, await following.last)).faults).toEqual(
        [],
      );
      await nothingLeftBehind(ground);
    } finally {
      await mend(a, pool.path);
    }
  });
});
