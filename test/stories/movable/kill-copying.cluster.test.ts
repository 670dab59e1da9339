/*
 * Somebody dies by SIGKILL, an agent is replaced, or the network is cut, in the middle of a live
 * pass of a drain. kill-matrix.cluster.test.ts has the boundaries before and after that, and
 * harm-copying.cluster.test.ts what happens to machines and people do in the same moment.
 *
 * Whoever it is: the pod writes on without a gap, what is left to copy still travels while it
 * writes, the drain ends well, the pod runs elsewhere with every acknowledged record and every
 * byte, and nothing is left behind.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { closeNamespace, openNamespace } from "../support/cleanup.ts";
import { ENDED_WELL, endOf, limit, uncordonAll } from "../support/drains.ts";
import {
  drainHalfway,
  FILE_BYTES,
  moveIs,
  runsWhole,
  startLarge,
  targetHasRest,
  type Halfway,
} from "../support/halfway.ts";
import { healAll } from "../support/held-moves.ts";
import { agentPod, killAgent, MOVABLE_NAMESPACE, useMovable } from "../support/movable.ts";
import { localVolume, readyOn } from "../support/movable-objects.ts";
import { followTimes, longestGapMs } from "../support/record-times.ts";
import { moreRecords } from "../support/records.ts";
import { everybodyWorks, leader, untilAgentIsBack } from "../support/victims.ts";

const on = useMovable(["node-files", "node-network", "kubectl"]);
const NS = "movable-kills-copying";
const POD = "w-0";
/**
 * The pod writes ten records a second. Each one waits for a disk that all nodes share, and a busy
 * machine may stand still for seconds. A pod that something holds for good is found all the same.
 */
const GAP_MS = 20_000;
/** So long nothing comes through. A connection survives that. */
const CUT_MS = 6_000;

const where = () => ({ ground: on.ground, namespace: NS, pod: POD });

beforeAll(async () => {
  await openNamespace(on.ground, NS);
  await startLarge(where());
});
afterEach(async () => {
  await healAll(on.ground);
  await uncordonAll(on.ground);
});
afterAll(async () => {
  await closeNamespace(on.ground, NS);
});

/** Each does harm, and resolves when that is over. */
const HARMS = {
  "the source's agent": ({ from }: Halfway) => killed(from),
  "the target's agent": ({ to }: Halfway) => killed(to),
  "the source's agent, as in an update": ({ from }: Halfway) => replaced(from),
  "the target's agent, as in an update": ({ to }: Halfway) => replaced(to),
  "the leading controller": async ({ volume }: Halfway) => {
    const { ground } = on;
    // Evictions pass while they are sent to a controller that is not there (docs/limitations.md).
    // kubectl sends one every five seconds.
    const asked = async (): Promise<string | undefined> => (await localVolume(ground, volume))?.status?.asked?.at;
    const before = await asked();
    await ground.waitFor("the next eviction", async () => ((await asked()) === before ? undefined : true), {
      everyMs: 20,
    });
    // Until another one leads, which takes many seconds, the agents go on by themselves.
    await ground.killContainers(MOVABLE_NAMESPACE, await leader(ground));
  },
  "the way between the nodes": async ({ from, to }: Halfway) => {
    await on.ground.cutNodes(from, to);
    await sleep(CUT_MS);
    await on.ground.healNodes(from, to);
  },
} satisfies Record<string, (halfway: Halfway) => Promise<void>>;

/** Resolves when the agent has a new process. */
async function killed(node: string): Promise<void> {
  await untilAgentIsBack(on.ground, node, async () => killAgent(on.ground, node));
}

/** Resolves when another pod of the agent has taken over what the old one has left. */
async function replaced(node: string): Promise<void> {
  const { ground } = on;
  const { metadata: old } = await agentPod(ground, node);
  await ground.delete("Pod", old.name, MOVABLE_NAMESPACE);
  await ground.waitFor(`another agent of ${node} to take over`, async (saw) => {
    const { metadata } = await agentPod(ground, node);
    saw(metadata.name);
    if (metadata.uid === old.uid) return undefined;
    const log = await ground.logs(MOVABLE_NAMESPACE, metadata.name).catch(() => "");
    return log.includes("live passes continue where the previous agent stopped") ? true : undefined;
  });
}

/** The bytes that the last first pass of a volume to a node has found there. */
async function keptInFirstPass(node: string, volume: string): Promise<number | undefined> {
  const { ground } = on;
  const log = await ground.logs(MOVABLE_NAMESPACE, (await agentPod(ground, node)).metadata.name);
  const lines = log.split("\n").filter((line) => line.includes("a live pass has ended"));
  const passes = lines.map((line) => JSON.parse(line) as { volume: string; passes: number; kept: number });
  return passes.findLast((pass) => pass.volume === volume && pass.passes === 1)?.kept;
}

describe("in the middle of a live pass", () => {
  test.each(Object.keys(HARMS) as (keyof typeof HARMS)[])("%s", async (victim) => {
    const { ground } = on;
    await everybodyWorks(ground);
    await leader(ground);
    const before = await readyOn(ground, NS, POD);
    await moreRecords(ground, NS, POD, 5);

    const following = followTimes(ground, NS, POD);
    const { draining, ...halfway } = await drainHalfway(where());
    const { from, name, to, volume } = halfway;

    const harmedAt = Date.now();
    await HARMS[victim](halfway);
    const backMs = Date.now() - harmedAt;
    expect((await readyOn(ground, NS, POD)).metadata.uid).toBe(before.metadata.uid);
    await moreRecords(ground, NS, POD, 5);
    await limit(ground, name, null);
    await targetHasRest(ground, halfway);

    expect(endOf(await draining)).toEqual(ENDED_WELL);
    const done = await moveIs(ground, name, "to be done", ({ phase }) => phase === "Done");
    const times = await following;
    const evictedAt = Date.parse(done.evictedAt ?? "");
    const gapMs = longestGapMs(times, harmedAt, evictedAt);
    console.log(
      `${victim}: back after ${String(backMs)} ms, longest gap ${String(gapMs)} ms, evicted after ${String(evictedAt - harmedAt)} ms`,
    );
    expect(gapMs).toBeLessThan(GAP_MS);

    if (victim.endsWith("as in an update")) {
      expect(await keptInFirstPass(to, volume)).toBeGreaterThanOrEqual(FILE_BYTES);
    }
    const acknowledged = times.slice(-1);
    const { node } = await runsWhole(where(), volume, { acknowledged, not: before.metadata.uid });
    expect(node).toBe(done.target);
    expect(node).not.toBe(from);
  });
});
