/*
 * A neighbour on the target's disk that has written much, of which nothing is on the disk yet, when
 * a pod is down for its move. Each hop goes to another file system.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Ground } from "../../cluster/ground.ts";
import { useNamespace } from "../support/cleanup.ts";
import { DEAF, endNow, remove, running, runsOn, type Running } from "../support/held-moves.ts";
import { toYaml } from "../support/manifest.ts";
import { agentPod, MOVABLE_NAMESPACE, useMovable } from "../support/movable.ts";
import { ended, moveNamed, volumeOf } from "../support/movable-objects.ts";
import { inPhase, nothingLeftBehind, volumeMove } from "../support/moves.ts";
import { makePoolDisks, removePoolDisks } from "../support/pool-disks.ts";
import { linesOf } from "../support/product.ts";
import { moreRecords } from "../support/records.ts";
import { claimOn } from "../support/workloads.ts";

const NS = "movable-neighbour";
const on = useMovable(["node-files", "pool-disks"]);
useNamespace(on, NS);
const POOL = { name: "shared-disk", path: "/var/lib/mooring/shared-disk" };
const CLASS = "mooring-shared-disk";
const FILE_SYSTEMS = ["ext4", "xfs", "btrfs"] as const;
const NEIGHBOUR_MIB = 512;

/** What the machine has still to write to its disks, in MiB. */
function dirtyMiB(): number {
  const [, kib = "0"] = /^Dirty:\s+(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8")) ?? [];
  return Math.round(Number(kib) / 1024);
}

/** Moves the writer while a neighbour has filled the target's cache. */
async function hop(ground: Ground, writer: Running, to: string, epoch: number): Promise<Running> {
  const { from, volume } = writer;
  const name = `to-${to}`;
  await ground.apply(toYaml(volumeMove(name, [volume], from, to)));
  await inPhase(ground, name, "Fenced");
  const write = ["dd", "if=/dev/zero", `of=${POOL.path}/neighbour`, "bs=1M", `count=${String(NEIGHBOUR_MIB)}`];
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

test("the final pass does not wait for a neighbour's data, on any file system", async () => {
  const { ground } = on;
  await makePoolDisks(ground, POOL, (index) => ({ fs: FILE_SYSTEMS[index] ?? "ext4", mib: 1500 }));
  const [a = "", b = "", c = ""] = ground.nodes;
  await ground.apply(toYaml(claimOn(a, NS, "data-neighbour-0", CLASS)));
  await volumeOf(ground, NS, "data-neighbour-0");
  let writer = await running(ground, NS, "neighbour", DEAF, CLASS);
  expect(writer.from).toBe(a);
  for (const [index, to] of [b, c, a].entries()) writer = await hop(ground, writer, to, index + 2);
  await nothingLeftBehind(ground);
  await remove(ground, writer);
  await removePoolDisks(ground, POOL);
});
