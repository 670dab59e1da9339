/*
 * A drain whose first target lies on an old ext4, with inodes of 128 bytes: it has no room for
 * times between whole seconds, which every file has.
 */
import { expect, test } from "vitest";
import type { PoolShape } from "../../cluster/ground.ts";
import { drain, ENDED_WELL, endOf, moveWhere, endedMovesOf, useDrains } from "../support/drains.ts";
import { running, runsOn } from "../support/held-moves.ts";
import { toYaml } from "../support/manifest.ts";
import { localVolume, nodeNameOf, readyOn, volumeOf } from "../support/movable-objects.ts";
import { nothingLeftBehind } from "../support/moves.ts";
import { cordon } from "../support/nodes.ts";
import { drainFromPoolDisks } from "../support/pool-disks.ts";
import { moreRecords } from "../support/records.ts";
import { claimOn } from "../support/workloads.ts";

const NS = "movable-cannot-hold";
const on = useDrains(NS, ["node-files", "pool-disks", "kubectl", "drain"]);
const POOL = { name: "old-disk", path: "/var/lib/mooring/old-disk" };
const CLASS = "mooring-old-disk";

test("a target whose file system cannot hold the data is given up with the reason, and the pod runs on until another takes it", async () => {
  const { ground } = on;
  const [a = "", b = "", c = ""] = ground.nodes;
  const shapeOf = (index: number): PoolShape => ({ mib: 200, made: ["-I", ground.nodes[index] === b ? "128" : "256"] });
  await drainFromPoolDisks(ground, { pool: POOL, shapeOf, namespace: NS, set: "old" }, async () => {
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
    const moves = await endedMovesOf(ground, volume);
    expect(moves.map(({ status }) => [status?.phase, status?.target])).toEqual([["Done", c]]);
    await nothingLeftBehind(ground);
  });
});
