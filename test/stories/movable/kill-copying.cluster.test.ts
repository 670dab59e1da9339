/*
 * Somebody dies by SIGKILL, an agent is replaced, or the network is cut, in the middle of a live
 * pass of a drain. At full
 * speed a copy that a test can wait for is over before it can be hit: `spec.bandwidth` holds it up
 * until the victim is back. All other nodes are cordoned until the move has its bandwidth.
 * kill-matrix.cluster.test.ts has the boundaries before and after that.
 *
 * Whoever it is: the pod writes on without a gap, what is left to copy still travels while it
 * writes, the drain ends well, the pod runs elsewhere with every acknowledged record and every
 * byte, and nothing is left behind.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { VolumeMove } from "../../../src/api/kinds/volume-move.ts";
import { closeNamespace, openNamespace } from "../support/cleanup.ts";
import { drain, ENDED_WELL, endOf, limit, movesOf, onlyOn, uncordonAll } from "../support/drains.ts";
import { healAll } from "../support/held-moves.ts";
import { toYaml } from "../support/manifest.ts";
import { agentPod, killAgent, MOVABLE_CLASS, MOVABLE_NAMESPACE, useMovable } from "../support/movable.ts";
import { copiesOf, localVolume, nodeNameOf, openCopiesOf, readyOn, volumeOf } from "../support/movable-objects.ts";
import { nothingLeftBehind } from "../support/moves.ts";
import { followTimes, longestGapMs } from "../support/record-times.ts";
import { checkRecords, moreRecords, recordWriter } from "../support/records.ts";
import { everybodyWorks, leader } from "../support/victims.ts";

const on = useMovable(["node-files", "node-network", "kubectl"]);
const NS = "movable-kills-copying";
const WRITER = "w";
const POD = `${WRITER}-0`;
const MIB = 1024 ** 2;
const FILE_MIB = 4;
const FILES = 25;
const WHOLE_MIB = FILES * FILE_MIB;
/** So the copy takes 20 s: longer than a victim needs to come back. */
const SLOW = "5Mi";
/** The pod writes ten records a second; each one waits for a disk that all nodes share. */
const GAP_MS = 2_000;
/** So long nothing comes through. A connection survives that. */
const CUT_MS = 6_000;

beforeAll(async () => {
  const { ground } = on;
  await openNamespace(ground, NS);
  await ground.apply(toYaml(recordWriter(NS, WRITER, MOVABLE_CLASS, { pause: 0.1 })));
  await readyOn(ground, NS, POD);
  const one = `dd if=/dev/urandom of=large-$i bs=1M count=${String(FILE_MIB)}`;
  const fill = `cd /data && for i in $(seq ${String(FILES)}); do ${one}; done && md5sum large-* >sums && sync`;
  const filled = await ground.exec(NS, POD, ["sh", "-c", fill]);
  expect(filled, filled.stderr).toMatchObject({ code: 0 });
});
afterEach(async () => {
  await healAll(on.ground);
  await uncordonAll(on.ground);
});
afterAll(async () => {
  await closeNamespace(on.ground, NS);
});

/** A drain's move of the writer's volume, in the middle of a live pass. */
interface Halfway {
  readonly volume: string;
  readonly from: string;
  readonly to: string;
}

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
  const { ground } = on;
  const restarts = async (): Promise<number | undefined> => {
    const { status } = (await agentPod(ground, node)) as {
      status: { containerStatuses?: readonly { readonly restartCount: number; readonly ready: boolean }[] };
    };
    return status.containerStatuses?.find(({ ready }) => ready)?.restartCount;
  };
  const before = await restarts();
  await killAgent(ground, node);
  await ground.waitFor(`the agent of ${node} to be back`, async (saw) => {
    const now = await restarts();
    saw(now);
    return now !== undefined && now !== before ? true : undefined;
  });
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
    return log.includes("live passes go on where the agent before has ended") ? true : undefined;
  });
}

/** The move that is not one of these, once it is made. */
async function newMove(volume: string, old: readonly VolumeMove[]): Promise<VolumeMove> {
  return on.ground.waitFor(
    `a new move of ${volume}`,
    async () => {
      const moves = await movesOf(on.ground, volume);
      return moves.find(({ metadata }) => old.every((one) => one.metadata?.uid !== metadata?.uid));
    },
    { everyMs: 20 },
  );
}

/** The status of a move once it is so. */
async function moveIs(
  name: string,
  what: string,
  is: (status: NonNullable<VolumeMove["status"]>) => boolean,
): Promise<NonNullable<VolumeMove["status"]>> {
  return on.ground.waitFor(
    `VolumeMove ${name} ${what}`,
    async (saw) => {
      const status = (await on.ground.get<VolumeMove>("volumemoves.mooring.dev", name))?.status;
      saw(status);
      return status !== undefined && is(status) ? status : undefined;
    },
    { everyMs: 50 },
  );
}

const inTheMiddle = ({ bytesDone = 0, bytesTotal = 0, phase }: NonNullable<VolumeMove["status"]>): boolean =>
  phase === "Copying" && bytesDone > 2 * FILE_MIB * MIB && bytesDone < bytesTotal;

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
    const from = nodeNameOf(before);
    const volume = await volumeOf(ground, NS, `data-${POD}`);
    await moreRecords(ground, NS, POD, 5);
    const old = await movesOf(ground, volume);

    const following = followTimes(ground, NS, POD);
    const { draining, metadata } = await onlyOn(ground, from, async () => {
      const begun = drain(ground, from);
      const made = await newMove(volume, old);
      await limit(ground, made.metadata?.name ?? "", SLOW);
      return { draining: begun, metadata: made.metadata };
    });
    const name = metadata?.name ?? "";
    const status = await moveIs(name, "to be in the middle of a live pass", inTheMiddle);
    expect(status.bytesTotal).toBeGreaterThanOrEqual(WHOLE_MIB * MIB);

    const harmedAt = Date.now();
    await HARMS[victim]({ volume, from, to: status.target ?? "" });
    const backMs = Date.now() - harmedAt;
    expect((await readyOn(ground, NS, POD)).metadata.uid).toBe(before.metadata.uid);
    await moreRecords(ground, NS, POD, 5);
    await limit(ground, name, null);
    await ground.waitFor(
      "the target to have the rest while the pod writes",
      async (saw) => {
        const report = (await copiesOf(ground, volume)).find(({ spec }) => spec.nodeName === status.target)?.status
          ?.move;
        saw(report);
        return report?.moveUID === metadata?.uid && report?.state === "Precopied" ? true : undefined;
      },
      { everyMs: 20, timeoutMs: 60_000 },
    );

    expect(endOf(await draining)).toEqual(ENDED_WELL);
    const done = await moveIs(name, "to be done", ({ phase }) => phase === "Done");
    const times = await following;
    const evictedAt = Date.parse(done.evictedAt ?? "");
    const gapMs = longestGapMs(times, harmedAt, evictedAt);
    console.log(
      `${victim}: back after ${String(backMs)} ms, longest gap ${String(gapMs)} ms, evicted after ${String(evictedAt - harmedAt)} ms`,
    );
    expect(gapMs).toBeLessThan(GAP_MS);

    if (victim.endsWith("as in an update")) {
      expect(await keptInFirstPass(status.target ?? "", volume)).toBeGreaterThanOrEqual(FILE_MIB * MIB);
    }
    const after = await readyOn(ground, NS, POD, before.metadata.uid);
    expect(nodeNameOf(after)).toBe(done.target);
    expect(nodeNameOf(after)).not.toBe(from);
    expect((await checkRecords(ground, NS, POD, times.at(-1)?.record)).faults).toEqual([]);
    const sums = (await ground.exec(NS, POD, ["sh", "-c", "cd /data && md5sum -c sums"])).stdout.trim().split("\n");
    expect(sums.filter((line) => line.endsWith(": OK"))).toHaveLength(FILES);
    await nothingLeftBehind(ground);
    const epoch = (await localVolume(ground, volume))?.spec.epoch;
    expect(await openCopiesOf(ground, volume)).toEqual([[nodeNameOf(after), epoch]]);
  });
});
