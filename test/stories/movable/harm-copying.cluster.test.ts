/*
 * What happens to machines, and what people do, in the middle of a live pass: a machine loses its
 * power, the target is drained as well, the move is deleted, the controllers are evicted with all
 * else. kill-copying.cluster.test.ts does harm to single programs in the same moment.
 *
 * In each case the pod ends up with every acknowledged record and every byte, its volume has one
 * copy that can be published, and nothing is left behind. Where its own machine runs on, the pod
 * writes until the move itself ends it.
 */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { closeNamespace, openNamespace } from "../support/cleanup.ts";
import {
  drain,
  drainsEnded,
  ENDED_WELL,
  endOf,
  hasItsTarget,
  limit,
  movesOf,
  onlyOn,
  podsLeftOn,
  uncordonAll,
  type MoveStatus,
} from "../support/drains.ts";
import {
  drainHalfway,
  isStill,
  moveHalfway,
  moveIs,
  newMove,
  runsWhole,
  startLarge,
  WHOLE_BYTES,
} from "../support/halfway.ts";
import { controllerPods, MOVABLE_NAMESPACE, useMovable } from "../support/movable.ts";
import { localVolume, nodeNameOf, POOL, readyOn, volumeOf } from "../support/movable-objects.ts";
import { moveGone, nodeBut } from "../support/moves.ts";
import { cordon, labelsOf } from "../support/nodes.ts";
import { followTimes, longestGapMs, timesOf, type Timed } from "../support/record-times.ts";
import { followAcknowledged, lastAcknowledged, moreRecords } from "../support/records.ts";
import { becomesSilent, everybodyWorks, leader, untilAgentIsBack } from "../support/victims.ts";

const on = useMovable(["node-files", "node-kill", "kubectl"]);
const NS = "movable-harm-copying";
const POD = "w-0";
/**
 * The pod writes ten records a second. While a machine starts, all of them are busy. A pod that
 * something holds for good is found all the same.
 */
const GAP_MS = 20_000;
/** A move at this speed does not end by itself while a story looks at it. */
const CRAWL = "256Ki";

const where = () => ({ ground: on.ground, namespace: NS, pod: POD });

beforeAll(async () => {
  await openNamespace(on.ground, NS);
  await startLarge(where());
});
afterEach(async () => {
  await uncordonAll(on.ground);
  // The drain of a story that has failed must not disturb the next one.
  await drainsEnded();
});
afterAll(async () => {
  await closeNamespace(on.ground, NS);
});

/**
 * Both controllers run on this node, and one of them leads. The pod stays where a drain has just
 * brought it: its node is only cordoned meanwhile.
 */
async function controllersOn(node: string): Promise<void> {
  const { ground } = on;
  await everybodyWorks(ground);
  const elsewhere = (await controllerPods(ground)).filter((pod) => nodeNameOf(pod) !== node);
  if (elsewhere.length > 0) {
    await onlyOn(ground, node, async () => {
      for (const { metadata } of elsewhere) await ground.delete("Pod", metadata.name, MOVABLE_NAMESPACE);
      await ground.waitFor(`both controllers to run on ${node}, and no other`, async (saw) => {
        const nodes = (await controllerPods(ground)).map(({ spec }) => spec.nodeName);
        saw(nodes);
        return nodes.length === 2 && nodes.every((one) => one === node) ? true : undefined;
      });
      await everybodyWorks(ground);
    });
  }
  await leader(ground);
}

/** The pod wrote all the time, from here until the move has sent the first eviction. */
async function wroteUntilEvicted(times: readonly Timed[], sinceMs: number, name: string): Promise<void> {
  const { evictedAt } = await moveIs(on.ground, name, "to be done", ({ phase }) => phase === "Done");
  const gapMs = longestGapMs(times, sinceMs, Date.parse(evictedAt ?? ""));
  console.log(`${expect.getState().currentTestName ?? ""}: the longest gap was ${String(gapMs)} ms`);
  expect(gapMs, "the longest time without a record, in ms").toBeLessThan(GAP_MS);
}

test("the source loses its power: the move says so, and continues when it is back", async () => {
  const { ground } = on;
  const before = await readyOn(ground, NS, POD);
  await controllersOn(nodeBut(ground, nodeNameOf(before)));
  const { draining, from, name, volume } = await drainHalfway(where());
  await limit(ground, name, CRAWL);
  await moreRecords(ground, NS, POD, 5);
  const stored = await localVolume(ground, volume);

  await ground.killNode(from);
  const diedAt = Date.now();
  try {
    await becomesSilent(ground, from);
    const { message, phase } = await moveIs(ground, name, "to say that its source is silent", ({ conditions = [] }) =>
      conditions.some(({ reason, status, type }) => {
        return type === "Blocked" && status === "True" && reason === "MOVE_SOURCE_SILENT";
      }),
    );
    console.log(`said in ${String(phase)} after ${String(Date.now() - diedAt)} ms: ${String(message)}`);
    expect(message).toMatch(new RegExp(`node ${from}\\b.*its mooring agent was last seen at`));
    const { epoch, fence, nodeName } = (await localVolume(ground, volume))?.spec ?? {};
    expect({ epoch, fence, nodeName }).toEqual({ epoch: stored?.spec.epoch, fence: undefined, nodeName: from });
  } finally {
    await untilAgentIsBack(ground, from, async () => ground.startNode(from));
  }
  // The same pod, in another container.
  await moreRecords(ground, NS, POD, 5);
  await isStill(where(), before);
  const first = await ground.kubectl(["logs", "--previous", `--namespace=${NS}`, POD]);
  const acknowledged = lastAcknowledged(first.stdout);
  expect(acknowledged.record).toBeGreaterThan(5);
  const following = await followAcknowledged(ground, NS, POD);
  await limit(ground, name, null);

  expect(endOf(await draining)).toEqual(ENDED_WELL);
  const last = await following.last;
  expect(last.record).toBeGreaterThan(acknowledged.record);
  const { node } = await runsWhole(where(), volume, { acknowledged: [acknowledged, last], not: before.metadata.uid });
  expect(node).not.toBe(from);
});

test("the target loses its power and comes back: the pod continues to write, and the drain ends well", async () => {
  const { ground } = on;
  const before = await readyOn(ground, NS, POD);
  const from = nodeNameOf(before);
  const third = nodeBut(ground, from);
  // An eviction that is sent to a controller that has died passes (docs/limitations.md).
  await controllersOn(third);
  const following = followTimes(ground, NS, POD);
  const { draining, name, to, volume } = await drainHalfway(where(), [third]);
  await cordon(ground, third, false);
  await limit(ground, name, CRAWL);

  const diedAt = Date.now();
  await ground.killNode(to);
  await untilAgentIsBack(ground, to, async () => ground.startNode(to));
  console.log(`the target's agent was away for ${String(Date.now() - diedAt)} ms`);
  await moreRecords(ground, NS, POD, 5);
  await isStill(where(), before);
  await limit(ground, name, null);

  expect(endOf(await draining)).toEqual(ENDED_WELL);
  const times = await following;
  await wroteUntilEvicted(times, diedAt, name);
  const acknowledged = times.slice(-1);
  const { node } = await runsWhole(where(), volume, { acknowledged, not: before.metadata.uid });
  expect(node).not.toBe(from);
});

test("the target is drained as well: the third node takes the volume, and both drains end well", async () => {
  const { ground } = on;
  await everybodyWorks(ground);
  const before = await readyOn(ground, NS, POD);
  const following = followTimes(ground, NS, POD);
  const { draining, from, name, to, volume } = await drainHalfway(where());
  const third = nodeBut(ground, from, to);

  const drainedAt = Date.now();
  const other = drain(ground, to);
  const isTurned = ({ target }: MoveStatus): boolean => target === third;
  const turned = await moveIs(ground, name, `to go to ${third}, as ${to} is drained`, isTurned, hasItsTarget);
  const { failedTargets = [] } = turned;
  expect(failedTargets).toEqual([]);
  await limit(ground, name, null);

  expect((await Promise.all([draining, other])).map((end) => endOf(end))).toEqual([ENDED_WELL, ENDED_WELL]);
  for (const node of [from, to]) expect(await podsLeftOn(ground, node)).toEqual([]);
  const times = await following;
  await wroteUntilEvicted(times, drainedAt, name);
  const acknowledged = times.slice(-1);
  const { node } = await runsWhole(where(), volume, { acknowledged, not: before.metadata.uid });
  expect(node).toBe(third);
});

test("the target is drained as well and no other node is open: the move says so, and waits for one", async () => {
  const { ground } = on;
  const before = await readyOn(ground, NS, POD);
  const third = nodeBut(ground, nodeNameOf(before));
  await controllersOn(third);
  const following = followTimes(ground, NS, POD);
  const { draining, from, name, to, volume } = await drainHalfway(where(), [third]);

  const drainedAt = Date.now();
  const other = drain(ground, to);
  const { message } = await moveIs(ground, name, "to have no target", ({ conditions = [], phase }) => {
    return (
      phase === "Planned" && conditions.some(({ reason, status }) => status === "True" && reason === "MOVE_NO_TARGET")
    );
  });
  expect(message).toContain(`${to}: it is cordoned`);
  expect(message).toContain(`${third}: it is cordoned`);
  expect(endOf(await other)).toEqual(ENDED_WELL);
  await moreRecords(ground, NS, POD, 5);
  await isStill(where(), before);
  await limit(ground, name, null);
  await cordon(ground, third, false);

  expect(endOf(await draining)).toEqual(ENDED_WELL);
  const times = await following;
  await wroteUntilEvicted(times, drainedAt, name);
  const acknowledged = times.slice(-1);
  const { node } = await runsWhole(where(), volume, { acknowledged, not: before.metadata.uid });
  expect([from, to]).not.toContain(node);
});

test("the VolumeMove is deleted: the copy ends, and the pod has noticed nothing", async () => {
  const { ground } = on;
  await everybodyWorks(ground);
  await leader(ground);
  const before = await readyOn(ground, NS, POD);
  const volume = await volumeOf(ground, NS, `data-${POD}`);
  const { epoch, nodeName } = (await localVolume(ground, volume))?.spec ?? {};
  const beganAt = Date.now();
  const { name, to, uid } = await moveHalfway(where(), "harm-deleted");
  /** The bytes of the part of the copy: that stays for an hour, and grows while it is sent. */
  const arrived = async (): Promise<number> => {
    const incoming = `${POOL}/volumes/${volume}/${String((epoch ?? 0) + 1)}-${uid ?? ""}`;
    const { code, stderr, stdout } = await ground.onNode(to).exec(["du", "--summarize", "--bytes", incoming]);
    expect(code, stderr).toBe(0);
    return Number.parseInt(stdout, 10);
  };
  await ground.delete("volumemoves.mooring.dev", name);
  await moveGone(ground, name);
  await ground.waitFor("the copy to have ended", async (saw) => {
    const [one, wrote, other] = [await arrived(), await moreRecords(ground, NS, POD, 10), await arrived()];
    saw({ one, wrote, other });
    return one === other ? true : undefined;
  });
  expect(await arrived(), "bytes that have arrived, although the move was deleted").toBeLessThan(WHOLE_BYTES);
  const { pod } = await runsWhole(where(), volume);
  expect([pod.metadata.uid, nodeNameOf(pod)]).toEqual([before.metadata.uid, nodeName]);
  expect((await localVolume(ground, volume))?.spec).toMatchObject({ epoch, nodeName });
  const times = timesOf((await ground.kubectl(["logs", "--timestamps", `--namespace=${NS}`, POD])).stdout);
  expect(longestGapMs(times, beganAt, times.at(-1)?.atMs ?? 0)).toBeLessThan(GAP_MS);
});

test("the VolumeMove of a drain is deleted: the drain makes another one, and the pod writes until that one ends it", async () => {
  const { ground } = on;
  await everybodyWorks(ground);
  await leader(ground);
  const before = await readyOn(ground, NS, POD);
  const following = followTimes(ground, NS, POD);
  const { draining, from, name, volume } = await drainHalfway(where());

  const old = await movesOf(ground, volume);
  const deletedAt = Date.now();
  await ground.delete("volumemoves.mooring.dev", name);
  await moveGone(ground, name);
  const next = await newMove(ground, volume, old);
  console.log(`the drain has made another move after ${String(Date.now() - deletedAt)} ms`);

  expect(endOf(await draining)).toEqual(ENDED_WELL);
  const times = await following;
  await wroteUntilEvicted(times, deletedAt, next.metadata?.name ?? "");
  const acknowledged = times.slice(-1);
  const { node } = await runsWhole(where(), volume, { acknowledged, not: before.metadata.uid });
  expect(node).not.toBe(from);
});

test("three drains, one right after the other, move a volume back to its first node", async () => {
  const { ground } = on;
  await everybodyWorks(ground);
  let pod = await readyOn(ground, NS, POD);
  const volume = await volumeOf(ground, NS, `data-${POD}`);
  const home = nodeNameOf(pod);
  const second = nodeBut(ground, home);
  const third = nodeBut(ground, home, second);
  const labels = async () => Promise.all(ground.nodes.map((node) => labelsOf(ground, node, volume)));
  const [before, epoch] = [await labels(), (await localVolume(ground, volume))?.spec.epoch ?? 0];
  for (const [from, to] of [
    [home, second],
    [second, third],
    [third, home],
  ] as const) {
    const following = await followAcknowledged(ground, NS, POD);
    await moreRecords(ground, NS, POD, 5);
    await cordon(ground, nodeBut(ground, from, to));
    expect(endOf(await drain(ground, from))).toEqual(ENDED_WELL);
    await uncordonAll(ground);
    const acknowledged = [await following.last];
    const arrived = await runsWhole(where(), volume, { acknowledged, not: pod.metadata.uid });
    expect(arrived.node).toBe(to);
    pod = arrived.pod;
  }
  expect((await localVolume(ground, volume))?.spec.epoch).toBe(epoch + 3);
  expect(await labels()).toEqual(before);
});

test("both controllers are evicted with the pod: its eviction is held until its data is on another node", async () => {
  const { ground } = on;
  const before = await readyOn(ground, NS, POD);
  await controllersOn(nodeNameOf(before));
  const following = followTimes(ground, NS, POD);
  const beganAt = Date.now();
  const { draining, from, name, volume } = await drainHalfway(where());
  await limit(ground, name, CRAWL);
  await ground.waitFor("both controllers to run elsewhere", async (saw) => {
    const nodes = (await controllerPods(ground)).map(({ metadata, spec }) => [metadata.name, spec.nodeName]);
    saw(nodes);
    return nodes.length === 2 && nodes.every(([, node]) => node !== undefined && node !== from) ? true : undefined;
  });
  await everybodyWorks(ground);
  await isStill(where(), before);
  await limit(ground, name, null);

  expect(endOf(await draining)).toEqual(ENDED_WELL);
  expect(await podsLeftOn(ground, from)).toEqual([]);
  const times = await following;
  await wroteUntilEvicted(times, beganAt, name);
  const acknowledged = times.slice(-1);
  const { node } = await runsWhole(where(), volume, { acknowledged, not: before.metadata.uid });
  expect(node).not.toBe(from);
});
