/* Two nodes that leave at once, each by a `kubectl drain` of its own. The third takes both. */
import { expect, test } from "vitest";
import type { Ground } from "../../cluster/ground.ts";
import { removeWorkload } from "../support/cleanup.ts";
import {
  drain,
  ENDED_WELL,
  endOf,
  hasItsTarget,
  limit,
  endedMovesOf,
  moveWhere,
  onlyOn,
  podsLeftOn,
  useDrains,
  type MoveStatus,
} from "../support/drains.ts";
import { toYaml } from "../support/manifest.ts";
import { MOVABLE_CLASS } from "../support/movable.ts";
import { copyDirectory, localVolume, nodeNameOf, readyOn, volumeOf } from "../support/movable-objects.ts";
import { cordon } from "../support/nodes.ts";
import {
  type Acknowledged,
  checkRecords,
  type Followed,
  followAcknowledged,
  moreRecords,
  recordWriter,
} from "../support/records.ts";

const NS = "movable-drain-two";
const on = useDrains(NS, ["node-files", "drain"]);
/** A copy of 96 s at that speed. Nothing waits for its end: the limit is taken away. */
const BULK_BYTES = 24 * 1024 ** 2;
const SLOW = "256Ki";

/** The nodes that are drained, and the one that remains. */
function nodes({ nodes: [a = "", b = "", c = ""] }: Ground): {
  readonly leaving: readonly string[];
  readonly c: string;
} {
  return { leaving: [a, b], c };
}

interface Writer {
  readonly name: string;
  readonly pod: string;
  readonly uid: string;
  readonly volume: string;
  readonly from: string;
}

/** A writer of records on this node, which has written something. */
async function writerOn(from: string, name: string): Promise<Writer> {
  const { ground } = on;
  const pod = `${name}-0`;
  return onlyOn(ground, from, async () => {
    await ground.apply(toYaml(recordWriter(NS, name, MOVABLE_CLASS)));
    const { metadata } = await readyOn(ground, NS, pod);
    await moreRecords(ground, NS, pod);
    return { name, pod, uid: metadata.uid, volume: await volumeOf(ground, NS, `data-${pod}`), from };
  });
}

/** The pod runs on the node with every acknowledged record, and its volume came there directly. */
async function cameTo(node: string, { pod, uid, volume }: Writer, acknowledged: Acknowledged): Promise<void> {
  const { ground } = on;
  expect(nodeNameOf(await readyOn(ground, NS, pod, uid))).toBe(node);
  await moreRecords(ground, NS, pod);
  expect((await checkRecords(ground, NS, pod, acknowledged)).faults).toEqual([]);
  const committed = (await endedMovesOf(ground, volume)).filter(({ status }) => status?.committed === true);
  const moved = committed.map(({ status }) => [status?.phase, status?.target]);
  expect(moved, `all moves of the volume of ${pod}, in order`).toEqual([["Done", node]]);
  // One more for each node on which it was the volume.
  expect((await localVolume(ground, volume))?.spec).toMatchObject({ nodeName: node, epoch: 2 });
}

async function followAll(writers: readonly Writer[]): Promise<readonly (Followed & { readonly writer: Writer })[]> {
  return Promise.all(
    writers.map(async (writer) => ({ writer, ...(await followAcknowledged(on.ground, NS, writer.pod)) })),
  );
}

async function remove(writers: readonly Writer[]): Promise<void> {
  for (const { name, pod } of writers) {
    await removeWorkload(on.ground, NS, ["StatefulSet", name], [`data-${pod}`]);
  }
}

test("two drains begun at once end well, and both volumes go to the third node by no detour", async () => {
  const { ground } = on;
  const { leaving, c } = nodes(ground);
  const writers = [await writerOn(leaving[0] ?? "", "one"), await writerOn(leaving[1] ?? "", "other")];
  try {
    const following = await followAll(writers);
    const ends = await Promise.all(leaving.map((node) => drain(ground, node)));
    expect(ends.map((end) => endOf(end))).toEqual([ENDED_WELL, ENDED_WELL]);
    for (const node of leaving) expect(await podsLeftOn(ground, node)).toEqual([]);
    for (const { writer, last } of following) await cameTo(c, writer, await last);
  } finally {
    await remove(writers);
  }
});

test("a drain of the node to which a drained volume is being copied turns that volume to the third node", async () => {
  const { ground } = on;
  const { leaving, c } = nodes(ground);
  const [a = "", b = ""] = leaving;
  const writers = [await writerOn(a, "copied"), await writerOn(b, "there")] as const;
  const [{ volume }] = writers;
  try {
    await ground.onNode(a).writeFile(`${copyDirectory(volume, 1)}/data/bulk`, "x".repeat(BULK_BYTES));
    const following = await followAll(writers);
    // Nothing is copied before the move has its limit, and then node b is the only one to take it.
    for (const node of [b, c]) await cordon(ground, node);
    const first = drain(ground, a);
    const { metadata } = await moveWhere(ground, volume, "to be planned", ({ phase }) => phase === "Planned");
    const move = metadata?.name ?? "";
    await limit(ground, move, SLOW);
    await cordon(ground, b, false);
    const copying = await moveWhere(ground, volume, "to copy", ({ bytesDone = 0, phase }) => {
      return phase === "Copying" && bytesDone > 0;
    });
    expect(copying.status?.target).toBe(b);
    await cordon(ground, c, false);
    const second = drain(ground, b);
    const isTurned = ({ target }: MoveStatus): boolean => target === c;
    const turned = await moveWhere(ground, volume, `to go to ${c}, as ${b} is drained`, isTurned, hasItsTarget);
    expect(turned.metadata?.name).toBe(move);
    await limit(ground, move, null);
    expect((await Promise.all([first, second])).map((end) => endOf(end))).toEqual([ENDED_WELL, ENDED_WELL]);
    for (const node of leaving) expect(await podsLeftOn(ground, node)).toEqual([]);
    for (const { writer, last } of following) await cameTo(c, writer, await last);
  } finally {
    await remove(writers);
  }
});
