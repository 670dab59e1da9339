/*
 * A disruption budget that allows nothing holds a move in Prepared, while its pod writes. A live
 * pass brings that, so that the final pass has little to send when the budget is gone. Whatever
 * happens in the middle of such a pass, no byte is lost.
 *
 * The first pass comes after half a minute: two stories wait for theirs at a time. An agent that
 * one of them kills has no part in the other's move.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { LivePassReport } from "../../../src/api/kinds/volume-copy.ts";
import { limit, moveWhere, onlyOn, useDrains } from "../support/drains.ts";
import { toYaml } from "../support/manifest.ts";
import { agentPod, killAgent, MOVABLE_CLASS, MOVABLE_NAMESPACE } from "../support/movable.ts";
import {
  copiesOf,
  ended,
  localVolume,
  nodeNameOf,
  openCopiesOf,
  readyOn,
  volumeOf,
} from "../support/movable-objects.ts";
import { inPhase, nothingLeftBehind, volumeMove } from "../support/moves.ts";
import { linesOf, type LogLine } from "../support/product.ts";
import { type Acknowledged, checkRecords, followAcknowledged, moreRecords, recordWriter } from "../support/records.ts";
import { budget } from "../support/workloads.ts";

const NS = "movable-kept-small";
const on = useDrains(NS, ["node-files", "kubectl"]);
const MIB = 1024 ** 2;
const FILES = 4;
const FILE_MIB = 50;
const WRITTEN = FILES * FILE_MIB * MIB;
/** The first pass comes after half a minute, the next one a minute after its end. */
const PASS_MS = 500_000;

const fill = `cd /data && for i in $(seq ${String(FILES)}); do
  dd if=/dev/urandom of=large-$i bs=1M count=${String(FILE_MIB)} || exit 1; done
  md5sum large-* >sums && sync`;

interface Waiting {
  readonly name: string;
  readonly pod: string;
  readonly uid: string;
  readonly volume: string;
  readonly from: string;
  readonly to: string;
}

/** Starts the writer of a story on a node. */
async function placed(name: string, node: string): Promise<void> {
  await onlyOn(on.ground, node, async () => {
    await on.ground.apply(toYaml(recordWriter(NS, name, MOVABLE_CLASS)));
    expect(nodeNameOf(await readyOn(on.ground, NS, `${name}-0`))).toBe(node);
  });
}

/** A move of a writer that has started, which waits for its pod's budget. */
async function waiting(name: string, to: string): Promise<Waiting> {
  const { ground } = on;
  const pod = `${name}-0`;
  const before = await readyOn(ground, NS, pod);
  const volume = await volumeOf(ground, NS, `data-${pod}`);
  await ground.apply(toYaml(budget(NS, name, name, { maxUnavailable: 0 })));
  const from = nodeNameOf(before);
  await ground.apply(toYaml(volumeMove(name, [volume], from, to)));
  await inPhase(ground, name, "Prepared", (move) => /budget/.test(move.status?.message ?? ""));
  return { name, pod, uid: before.metadata.uid, volume, from, to };
}

async function write({ pod }: Waiting): Promise<void> {
  const filled = await on.ground.exec(NS, pod, ["sh", "-c", fill]);
  expect(filled, filled.stderr).toMatchObject({ code: 0 });
}

async function freed({ name }: Waiting): Promise<void> {
  await on.ground.delete("PodDisruptionBudget", name, NS);
}

async function linesAbout(node: string, volume: string): Promise<readonly LogLine[]> {
  const { metadata } = await agentPod(on.ground, node);
  const lines = linesOf(await on.ground.logs(MOVABLE_NAMESPACE, metadata.name));
  return lines.filter((line) => line.volume === volume);
}

/** The move ends well: the pod runs on the target with every acknowledged byte. */
async function endsWell({ name, pod, uid, volume, to }: Waiting, acknowledged: Acknowledged): Promise<void> {
  const { ground } = on;
  const { status } = await ended(ground, name);
  expect(status?.phase, status?.message).toBe("Done");
  const after = await readyOn(ground, NS, pod, uid);
  expect(nodeNameOf(after)).toBe(to);
  expect((await checkRecords(ground, NS, pod, acknowledged)).faults).toEqual([]);
  const { stderr, stdout } = await ground.exec(NS, pod, ["sh", "-c", "cd /data && md5sum -c sums"]);
  expect(stdout.trim().split("\n"), stderr).toEqual(
    Array.from({ length: FILES }, (_, index) => `large-${String(index + 1)}: OK`),
  );
  await nothingLeftBehind(ground);
  expect(await openCopiesOf(ground, volume)).toEqual([[to, (await localVolume(ground, volume))?.spec.epoch]]);
}

/** What a pod writes while its move waits is copied before the pod ends. */
async function keptSmall(): Promise<void> {
  const { ground } = on;
  const move = await waiting("kept", nodeAt(1));
  const following = await followAcknowledged(ground, NS, move.pod);
  const report = async () =>
    (await copiesOf(ground, move.volume)).find(({ spec }) => spec.nodeName === move.to)?.status?.move;
  const before = (await report())?.livePass?.number ?? 0;
  const passes = new Map<number, LivePassReport>();
  const brought = ground.waitFor(
    "live passes to have brought what was written",
    async (saw) => {
      const now = await report();
      saw(now);
      expect(now?.state).toBe("Precopied");
      if (now?.livePass !== undefined && now.livePass.number > before) passes.set(now.livePass.number, now.livePass);
      return [...passes.values()].reduce((sum, { sent }) => sum + sent, 0) >= WRITTEN ? true : undefined;
    },
    { timeoutMs: PASS_MS },
  );
  // Together: on a busy machine one pass may end, and the next begin, while the pod still writes.
  await Promise.all([write(move), brought]);
  // The pod has noticed nothing.
  expect((await readyOn(ground, NS, move.pod)).metadata.uid).toBe(move.uid);
  await freed(move);
  const acknowledged = await following.last;
  await endsWell(move, acknowledged);
  const lines = await linesAbout(move.to, move.volume);
  const [final] = lines.filter(({ msg }) => msg === "the final pass has ended");
  console.log(`200 MiB written in Prepared: ${JSON.stringify({ passes: [...passes.values()], final: final?.bytes })}`);
  expect(Number(final?.bytes)).toBeLessThan(16 * MIB);
}

/** In the middle of a pass that `spec.bandwidth` holds up. Each resolves when the harm is done. */
const HARMS = {
  "the fence comes": async (move: Waiting) => {
    await freed(move);
    await moveWhere(on.ground, move.volume, "to wait no more", ({ fencedAt }) => fencedAt !== undefined);
  },
  "the source's agent dies": ({ from }: Waiting) => killAgent(on.ground, from),
  "the target's agent dies": ({ to }: Waiting) => killAgent(on.ground, to),
} satisfies Record<string, (move: Waiting) => Promise<void>>;

/** No byte is lost when this happens in the middle of a pass. */
async function unharmed(harm: keyof typeof HARMS, name: string, to: string): Promise<void> {
  const { ground } = on;
  const move = await waiting(name, to);
  const following = await followAcknowledged(ground, NS, move.pod);
  const sent = async (): Promise<number> =>
    (await linesAbout(move.from, move.volume)).filter(({ live, msg }) => msg === "sending a volume" && live === true)
      .length;
  const before = await sent();
  // What is written takes 40 s.
  await limit(ground, move.name, "5Mi");
  await write(move);
  await ground.waitFor("a pass in Prepared to begin", async () => ((await sent()) > before ? true : undefined), {
    timeoutMs: PASS_MS,
  });
  await moreRecords(ground, NS, move.pod, 20);
  await HARMS[harm](move);
  await limit(ground, move.name, null);
  if (harm !== "the fence comes") {
    expect((await moveWhere(ground, move.volume, "to wait", () => true)).status?.phase).toBe("Prepared");
    await freed(move);
  }
  await endsWell(move, await following.last);
}

function nodeAt(index: number): string {
  const node = on.ground.nodes[index];
  if (node === undefined) throw new Error(`the ground has no node ${String(index)}`);
  return node;
}

/** Writers with the node on which each starts. */
function useWriters(writers: Readonly<Record<string, number>>): void {
  beforeAll(async () => {
    for (const [name, index] of Object.entries(writers)) await placed(name, nodeAt(index));
  });
}

describe("while both agents live", () => {
  useWriters({ kept: 0, "kept-fenced": 0 });

  test.concurrent("what a pod writes while its move waits for a budget is copied before the pod ends", keptSmall);

  test.concurrent("no byte is lost when the fence comes in the middle of such a pass", async () => {
    await unharmed("the fence comes", "kept-fenced", nodeAt(2));
  });
});

describe("while one of two agents dies", () => {
  useWriters({ "kept-source": 0, "kept-target": 1 });

  test.concurrent("no byte is lost when in the middle of such a pass the source's agent dies", async () => {
    await unharmed("the source's agent dies", "kept-source", nodeAt(1));
  });

  test.concurrent("no byte is lost when in the middle of such a pass the target's agent dies", async () => {
    await unharmed("the target's agent dies", "kept-target", nodeAt(2));
  });
});
