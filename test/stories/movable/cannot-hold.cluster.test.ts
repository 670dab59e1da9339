/*
 * A drain whose first target lies on an old ext4, with inodes of 128 bytes: it has no room for
 * times between whole seconds, which every file has.
 */
import { expect, test } from "vitest";
import type { StoragePool } from "../../../src/api/kinds/storage-pool.ts";
import { drain, ENDED_WELL, endOf, moveWhere, movesOf, useDrains } from "../support/drains.ts";
import { remove, running, runsOn } from "../support/held-moves.ts";
import { toYaml } from "../support/manifest.ts";
import { localVolume, nodeNameOf, poolWithClass, readyOn, volumeOf } from "../support/movable-objects.ts";
import { nothingLeftBehind } from "../support/moves.ts";
import { cordon } from "../support/nodes.ts";
import { moreRecords } from "../support/records.ts";
import { claimOn } from "../support/workloads.ts";

const NS = "movable-cannot-hold";
const on = useDrains(NS, ["node-files", "pool-disks", "kubectl", "drain"]);
const PATH = "/var/lib/mooring/old-disk";
const CLASS = "mooring-old-disk";

test("a target whose file system cannot hold the data is given up with the reason, and the pod runs on until another takes it", async () => {
  const { ground } = on;
  const [a = "", b = "", c = ""] = ground.nodes;
  for (const node of [a, c]) await ground.mountPool(node, PATH, { mib: 200, made: ["-I", "256"] });
  await ground.mountPool(b, PATH, { mib: 200, made: ["-I", "128"] });
  await ground.apply(toYaml(...poolWithClass("old-disk", PATH)));
  await ground.waitFor("the pool to be ready on every node", async (saw) => {
    const pool = await ground.get<StoragePool>("storagepools.mooring.dev", "old-disk");
    saw(pool?.status);
    return pool?.status?.readyNodes === ground.nodes.length ? true : undefined;
  });
  await ground.apply(toYaml(claimOn(a, NS, "data-old-0", CLASS)));
  const volume = await volumeOf(ground, NS, "data-old-0");
  const writer = await running(ground, NS, "old", {}, CLASS);
  expect(writer.from).toBe(a);

  await cordon(ground, c);
  const draining = drain(ground, a);
  const move = await moveWhere(ground, volume, `to give ${b} up`, ({ failedTargets = [], phase }) => {
    return phase === "Planned" && failedTargets.some(({ node }) => node === b);
  });
  expect(move.status?.failedTargets).toMatchObject([
    {
      node: b,
      message: expect.stringMatching(/file system of the target cannot hold .*: its time \d+\.\d+ s becomes/),
    },
  ]);
  expect(move.status?.message).toMatch(/cannot hold/);
  // The source does not notice anything: the pod is the same, and writes.
  const pod = await readyOn(ground, NS, "old-0");
  expect([pod.metadata.uid, nodeNameOf(pod)]).toEqual([writer.pod.metadata.uid, a]);
  const acknowledged = await moreRecords(ground, NS, "old-0", 3);
  expect((await localVolume(ground, volume))?.spec).toMatchObject({ nodeName: a, epoch: 1 });

  await cordon(ground, c, false);
  expect(endOf(await draining)).toEqual(ENDED_WELL);
  await runsOn(ground, { ...writer, acknowledged }, c, 2);
  const moves = await movesOf(ground, volume);
  expect(moves.map(({ status }) => [status?.phase, status?.target])).toEqual([["Done", c]]);
  await nothingLeftBehind(ground);
  await remove(ground, writer);
  await ground.delete("StorageClass", CLASS);
  await ground.delete("storagepools.mooring.dev", "old-disk");
  for (const node of ground.nodes) await ground.removePool(node, PATH);
});
