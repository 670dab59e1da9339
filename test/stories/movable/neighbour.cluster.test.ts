/*
 * A neighbour on the target's disk that has written much, of which nothing is on the disk yet, when
 * a pod is down for its move. Each hop goes to another file system.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { StoragePool } from "../../../src/api/kinds/storage-pool.ts";
import type { Ground, PoolShape } from "../../cluster/ground.ts";
import { useNamespace } from "../support/cleanup.ts";
import { DEAF, endNow, remove, running, runsOn, type Running } from "../support/held-moves.ts";
import { toYaml } from "../support/manifest.ts";
import { agentPod, MOVABLE_NAMESPACE, useMovable } from "../support/movable.ts";
import { ended, moveNamed, poolWithClass, volumeOf } from "../support/movable-objects.ts";
import { inPhase, nothingLeftBehind, volumeMove } from "../support/moves.ts";
import { linesOf } from "../support/product.ts";
import { moreRecords } from "../support/records.ts";
import { claimOn } from "../support/workloads.ts";

const NS = "movable-neighbour";
const on = useMovable(["node-files", "pool-disks"]);
useNamespace(on, NS);
const PATH = "/var/lib/mooring/shared-disk";
const CLASS = "mooring-shared-disk";
const NEIGHBOUR_MIB = 512;

/** What the machine has still to write to its disks, in MiB. */
function dirtyMiB(): number {
  const [, kib = "0"] = /^Dirty:\s+(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8")) ?? [];
  return Math.round(Number(kib) / 1024);
}

async function makePools(ground: Ground): Promise<void> {
  const shapes: readonly PoolShape[] = (["ext4", "xfs", "btrfs"] as const).map((fs) => ({ fs, mib: 1500 }));
  for (const [index, node] of ground.nodes.entries()) {
    const shape = shapes[index];
    if (shape !== undefined) await ground.mountPool(node, PATH, shape);
  }
  await ground.apply(toYaml(...poolWithClass("shared-disk", PATH)));
  await ground.waitFor("the pool to be ready on every node", async (saw) => {
    const pool = await ground.get<StoragePool>("storagepools.mooring.dev", "shared-disk");
    saw(pool?.status);
    return pool?.status?.readyNodes === ground.nodes.length ? true : undefined;
  });
}

/** Moves the writer while a neighbour has filled the target's cache. */
async function hop(ground: Ground, writer: Running, to: string, epoch: number): Promise<Running> {
  const { from, volume } = writer;
  const name = `to-${to}`;
  await ground.apply(toYaml(volumeMove(name, [volume], from, to)));
  await inPhase(ground, name, "Fenced");
  const write = ["dd", "if=/dev/zero", `of=${PATH}/neighbour`, "bs=1M", `count=${String(NEIGHBOUR_MIB)}`];
  expect(await ground.onNode(to).exec(write)).toMatchObject({ code: 0 });
  const before = dirtyMiB();
  await endNow(ground, writer);
  const { status } = await ended(ground, name);
  const after = dirtyMiB();
  expect(status?.phase).toBe("Done");
  const { metadata } = await agentPod(ground, to);
  const passes = linesOf(await ground.logs(MOVABLE_NAMESPACE, metadata.name)).filter(
    (line) => line["volume"] === volume && line.msg === "the final pass has ended",
  );
  const pod = await runsOn(ground, writer, to, epoch);
  const downtime = (await moveNamed(ground, name))?.status?.downtime;
  console.log(`to ${to}: ${JSON.stringify({ downtime, dirtyMiB: [before, after] })}`);
  expect(passes).toEqual([expect.objectContaining({ waitedForOthers: false })]);
  const acknowledged = await moreRecords(ground, NS, "neighbour-0", 3);
  return { ...writer, acknowledged, from: to, pod };
}

test("the final pass does not wait for what a neighbour has written, on any file system", async () => {
  const { ground } = on;
  await makePools(ground);
  const [a = "", b = "", c = ""] = ground.nodes;
  await ground.apply(toYaml(claimOn(a, NS, "data-neighbour-0", CLASS)));
  await volumeOf(ground, NS, "data-neighbour-0");
  let writer = await running(ground, NS, "neighbour", DEAF, CLASS);
  expect(writer.from).toBe(a);
  for (const [index, to] of [b, c, a].entries()) writer = await hop(ground, writer, to, index + 2);
  await nothingLeftBehind(ground);
  await remove(ground, writer);
  await ground.delete("StorageClass", CLASS);
  await ground.delete("storagepools.mooring.dev", "shared-disk");
  for (const node of ground.nodes) await ground.removePool(node, PATH);
});
