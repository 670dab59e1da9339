/*
 * A move in the middle of a live pass, of a volume with 100 MiB. At full speed a copy that a test
 * can wait for is over before it can be hit: `spec.bandwidth` holds it up until a story takes that
 * away. All other nodes are cordoned until the move of a drain has its bandwidth.
 */
import { expect } from "vitest";
import type { VolumeMove } from "../../../src/api/kinds/volume-move.ts";
import type { Ground } from "../../cluster/ground.ts";
import type { RunResult } from "../../cluster/run.ts";
import { drain, giveUp, isPastCopying, limit, movesOf, onlyOn, type MoveStatus } from "./drains.ts";
import { toYaml } from "./manifest.ts";
import { MOVABLE_CLASS } from "./movable.ts";
import { eventMatching, localVolume, nodeNameOf, openCopiesOf, readyOn, volumeOf } from "./movable-objects.ts";
import { nodeBut, nothingLeftBehind, volumeMove } from "./moves.ts";
import type { Pod } from "./objects.ts";
import { type Acknowledged, checkRecords, recordWriter } from "./records.ts";

const MIB = 1024 ** 2;
export const FILE_BYTES = 4 * MIB;
const FILES = 25;
export const WHOLE_BYTES = FILES * FILE_BYTES;
/** So the copy takes 50 s: longer than a program needs to come back, also on a busy machine. */
const SLOW = "2Mi";

/** A pod `<name>-0` of this namespace. */
export interface Where {
  readonly ground: Ground;
  readonly namespace: string;
  readonly pod: string;
}

/** Starts a writer of ten records per second, with 100 MiB of data and their sums. */
export async function startLarge({ ground, namespace, pod }: Where): Promise<void> {
  const name = pod.replace(/-0$/, "");
  await ground.apply(toYaml(recordWriter(namespace, name, MOVABLE_CLASS, { pause: 0.1 })));
  await readyOn(ground, namespace, pod);
  const one = `dd if=/dev/urandom of=large-$i bs=${String(FILE_BYTES)} count=1`;
  const fill = `cd /data && for i in $(seq ${String(FILES)}); do ${one}; done && md5sum large-* >sums && sync`;
  const filled = await ground.exec(namespace, pod, ["sh", "-c", fill]);
  expect(filled, filled.stderr).toMatchObject({ code: 0 });
}

/** A move in the middle of a live pass. */
export interface Halfway {
  readonly volume: string;
  readonly from: string;
  readonly to: string;
  /** Of the VolumeMove. */
  readonly name: string;
  readonly uid: string | undefined;
}

/**
 * Starts a drain of the pod's node, and waits until its move is in the middle of a live pass. The
 * nodes `closed` are cordoned from then on.
 */
export async function drainHalfway(
  where: Where,
  closed: readonly string[] = [],
): Promise<Halfway & { readonly draining: Promise<RunResult> }> {
  const { ground, namespace, pod } = where;
  const before = await readyOn(ground, namespace, pod);
  const from = nodeNameOf(before);
  const volume = await volumeOf(ground, namespace, `data-${pod}`);
  const old = await movesOf(ground, volume);
  const begin = async () => {
    // Some stories start a node meanwhile.
    const draining = drain(ground, from, "--timeout=600s");
    const { metadata } = await newMove(ground, volume, old);
    await limit(ground, metadata?.name ?? "", SLOW);
    return { draining, metadata };
  };
  const { draining, metadata } = await onlyOn(ground, from, begin, closed);
  const name = metadata?.name ?? "";
  return { draining, from, name, to: await untilHalfway(where, before, name), uid: metadata?.uid, volume };
}

/** The same with a VolumeMove that a person has made. */
export async function moveHalfway(where: Where, name: string): Promise<Halfway> {
  const { ground, namespace, pod } = where;
  const before = await readyOn(ground, namespace, pod);
  const from = nodeNameOf(before);
  const volume = await volumeOf(ground, namespace, `data-${pod}`);
  await ground.apply(toYaml(volumeMove(name, [volume], from, nodeBut(ground, from), { bandwidth: SLOW })));
  const to = await untilHalfway(where, before, name);
  const move = await ground.get<VolumeMove>("volumemoves.mooring.dev", name);
  return { from, name, to, uid: move?.metadata?.uid, volume };
}

async function untilHalfway(where: Where, before: Pod, name: string): Promise<string> {
  const isHalfway = ({ bytesDone = 0, bytesTotal = 0, phase }: MoveStatus): boolean =>
    phase === "Copying" && bytesDone > 2 * FILE_BYTES && bytesDone < bytesTotal;
  const status = await moveIs(where.ground, name, "to be in the middle of a live pass, or past it", (now) => {
    return isHalfway(now) || isPastCopying(now);
  });
  if (isPastCopying(status)) throw new Error(await whyPast(where, before, name, status));
  expect(status.bytesTotal).toBeGreaterThanOrEqual(WHOLE_BYTES);
  return status.target ?? "";
}

/** A move whose pods were evicted by others makes no live pass; another may have been too fast. */
async function whyPast(
  { ground, namespace, pod }: Where,
  before: Pod,
  name: string,
  { evictedAt, message = "", phase = "Planned" }: MoveStatus,
): Promise<string> {
  const uid = (await ground.get<Pod>("Pod", pod, namespace))?.metadata.uid;
  const is = uid === before.metadata.uid ? "the same pod" : "not the same pod any more";
  const evicted = evictedAt === undefined ? "has not evicted any pod" : `has begun to evict pods at ${evictedAt}`;
  return `VolumeMove ${name} is past its live passes, in ${phase} (${message}), and ${evicted}; ${pod} is ${is}`;
}

/** No eviction of the pod has passed: it is the one that it was. */
export async function isStill({ ground, namespace, pod }: Where, before: Pod): Promise<void> {
  // Without waiting: a new one may be Pending for as long as the move takes.
  const { metadata } = (await ground.get<Pod>("Pod", pod, namespace)) ?? {};
  const is = { uid: metadata?.uid, deletionTimestamp: metadata?.deletionTimestamp };
  const same = { uid: before.metadata.uid, deletionTimestamp: undefined };
  expect(is, `pod ${pod} was evicted before its data had left`).toEqual(same);
}

/** The move of the volume that is not one of these, once it is made. */
export async function newMove(ground: Ground, volume: string, old: readonly VolumeMove[]): Promise<VolumeMove> {
  return ground.waitFor(
    `a new move of ${volume}`,
    async () => {
      const moves = await movesOf(ground, volume);
      return moves.find(({ metadata }) => old.every((one) => one.metadata?.uid !== metadata?.uid));
    },
    { everyMs: 20 },
  );
}

/** The status of a move once it is so. Fails at once when it is `tooLate` for that. */
export async function moveIs(
  ground: Ground,
  name: string,
  what: string,
  is: (status: MoveStatus) => boolean,
  tooLate?: (status: MoveStatus) => boolean,
): Promise<MoveStatus> {
  const wanted = `VolumeMove ${name} ${what}`;
  return ground.waitFor(
    wanted,
    async (saw) => {
      const status = (await ground.get<VolumeMove>("volumemoves.mooring.dev", name))?.status;
      saw(status);
      if (status === undefined) return undefined;
      if (is(status)) return status;
      if (tooLate?.(status) === true) giveUp(wanted, status);
      return undefined;
    },
    { everyMs: 50 },
  );
}

/**
 * The pod runs with every acknowledged record and every byte, on the node where the only open copy
 * of its volume is, and nothing is left behind. Gives that node.
 */
export async function runsWhole(
  { ground, namespace, pod }: Where,
  volume: string,
  { acknowledged = [], not }: { readonly acknowledged?: readonly Acknowledged[]; readonly not?: string } = {},
): Promise<{ readonly pod: Pod; readonly node: string }> {
  const found = await readyOn(ground, namespace, pod, not);
  const node = nodeNameOf(found);
  expect((await checkRecords(ground, namespace, pod, ...acknowledged)).faults).toEqual([]);
  const sums = await ground.exec(namespace, pod, ["sh", "-c", "cd /data && md5sum -c sums"]);
  const lines = sums.stdout.trim().split("\n");
  expect(lines.filter((line) => !line.endsWith(": OK"))).toEqual([]);
  expect(lines, sums.stderr).toHaveLength(FILES);
  await nothingLeftBehind(ground);
  const epoch = (await localVolume(ground, volume))?.spec.epoch;
  expect(await openCopiesOf(ground, volume)).toEqual([[node, epoch]]);
  return { pod: found, node };
}

/**
 * Waits until the first live pass has ended. The target's report of it lasts for a moment only, the
 * event stays.
 */
export async function targetHasRest(ground: Ground, { name }: Halfway): Promise<void> {
  await eventMatching(ground, { kind: "VolumeMove", name }, /^LivePassEnded: /);
}
