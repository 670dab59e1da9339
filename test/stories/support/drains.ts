import { afterEach } from "vitest";
import type { VolumeMove } from "../../../src/api/kinds/volume-move.ts";
import type { Capability, Ground } from "../../cluster/ground.ts";
import type { RunResult } from "../../cluster/run.ts";
import { GiveUp } from "../../cluster/wait.ts";
import { useNamespace } from "./cleanup.ts";
import { useMovable } from "./movable.ts";
import { nodeNameOf } from "./movable-objects.ts";
import { cordon } from "./nodes.ts";
import type { Pod } from "./objects.ts";
import type { StoryGround } from "./shared-ground.ts";

/** useMovable() for stories that drain: in this namespace, and after each all nodes take pods. */
export function useDrains(namespace: string, needed: readonly Capability[]): StoryGround {
  const on = useMovable(needed);
  useNamespace(on, namespace);
  afterEach(async () => {
    await uncordonAll(on.ground);
  });
  return on;
}

const inProgress = new Set<Promise<RunResult>>();

/** Runs `kubectl drain` with the usual flags, and waits for its end. */
export async function drain(ground: Ground, node: string, ...flags: string[]): Promise<RunResult> {
  const timeout = flags.some((flag) => flag.startsWith("--timeout")) ? [] : ["--timeout=240s"];
  const ended = ground.drain(node, ...timeout, ...flags);
  inProgress.add(ended);
  try {
    return await ended;
  } finally {
    inProgress.delete(ended);
  }
}

/** Waits until the drains that have begun are over, also those of a story that has failed. */
export async function drainsEnded(): Promise<void> {
  await Promise.allSettled(inProgress);
}

export const ENDED_WELL = "exit code 0";

/** A sentence to compare with `ENDED_WELL`: what kubectl said only if it failed. */
export function endOf({ code, stderr }: Pick<RunResult, "code" | "stderr">): string {
  return code === 0 ? ENDED_WELL : `exit code ${String(code)}: ${stderr}`;
}

export async function uncordonAll(ground: Ground): Promise<void> {
  for (const node of ground.nodes) await cordon(ground, node, false);
}

/**
 * Starts a drain that copies these volumes of the node with so many bytes per second: at full speed
 * it may be over before a story has done anything. No other node takes pods until the moves have
 * their limit, so nothing is copied before that.
 */
export async function drainSlowly(
  ground: Ground,
  node: string,
  volumes: readonly string[],
  bandwidth: string,
  ...flags: string[]
): Promise<SlowDrain> {
  return slowly(ground, node, volumes, bandwidth, () => drain(ground, node, ...flags));
}

/** A drain that was begun so. */
interface SlowDrain {
  readonly ended: Promise<RunResult>;
  /** Names of the moves, as their volumes were given. */
  readonly moves: readonly string[];
}

/** The same, for a drain that `begin` starts. */
export async function slowly(
  ground: Ground,
  node: string,
  volumes: readonly string[],
  bandwidth: string,
  begin: () => Promise<RunResult>,
): Promise<SlowDrain> {
  return onlyOn(ground, node, async () => {
    const ended = begin();
    const moves: string[] = [];
    for (const volume of volumes) {
      const { metadata } = await moveWhere(ground, volume, "to be planned", ({ phase }) => phase === "Planned");
      moves.push(metadata?.name ?? "");
      await limit(ground, metadata?.name ?? "", bandwidth);
    }
    return { ended, moves };
  });
}

/** Sets the bandwidth of a move, or takes it away. */
export async function limit(ground: Ground, move: string, bandwidth: string | null): Promise<void> {
  await ground.patch("volumemoves.mooring.dev", move, { spec: { bandwidth } });
}

/** Runs the work while all other nodes are cordoned; `closed` stay so after it. */
export async function onlyOn<T>(
  ground: Ground,
  node: string,
  work: () => Promise<T>,
  closed: readonly string[] = [],
): Promise<T> {
  const others = ground.nodes.filter((name) => name !== node);
  for (const other of others) await cordon(ground, other);
  try {
    return await work();
  } finally {
    for (const other of others) if (!closed.includes(other)) await cordon(ground, other, false);
  }
}

type OwnedPod = Pod & {
  metadata: { labels?: Record<string, string>; ownerReferences?: readonly { kind: string }[] };
};

/**
 * All pods on a node that do not belong to a DaemonSet, after a drain of it. Keepers are waited
 * for: when the webhook answers too late, the API server lets a keeper's eviction through, and a
 * new keeper stands beside the one that is ending. The drain does not know that new one, and
 * Mooring deletes it a moment after the drain.
 */
export async function podsLeftOn(ground: Ground, node: string): Promise<string[]> {
  return ground.waitFor(`the keepers of ${node} to be gone`, async (saw) => {
    const left = (await ground.list<OwnedPod>("pods", { fieldSelector: `spec.nodeName=${node}` })).filter(
      ({ metadata }) => metadata.ownerReferences?.[0]?.kind !== "DaemonSet",
    );
    saw(left.map(({ metadata }) => metadata.name));
    const others = left.filter(({ metadata }) => metadata.labels?.["app.kubernetes.io/component"] !== "keeper");
    return others.length > 0 || left.length === 0 ? others.map(({ metadata }) => metadata.name) : undefined;
  });
}

/** Waits until pods are Ready, in whatever order; the nodes they are on. */
export async function allReady(
  ground: Ground,
  namespace: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  return ground.waitFor(`${String(names.length)} pods of ${namespace} to be Ready`, async (saw) => {
    const pods = (await ground.list<Pod>("pods", { namespace })).filter(({ metadata }) =>
      names.includes(metadata.name),
    );
    const ready = pods.filter(
      ({ metadata, status }) =>
        metadata.deletionTimestamp === undefined &&
        status.conditions?.some((one) => one.type === "Ready" && one.status === "True") === true,
    );
    saw(pods.map(({ metadata, status }) => [metadata.name, status]));
    if (ready.length < names.length) return undefined;
    return new Map(ready.map((pod) => [pod.metadata.name, nodeNameOf(pod)]));
  });
}

/** The VolumeMoves that have this volume, oldest first. One without a status is the newest. */
export async function movesOf(ground: Ground, volume: string): Promise<VolumeMove[]> {
  const moves = await ground.list<VolumeMove>("volumemoves.mooring.dev");
  return moves
    .filter(({ spec }) => spec.volumes.some(({ name }) => name === volume))
    .toSorted((a, b) => ((a.status?.startedAt ?? "~") < (b.status?.startedAt ?? "~") ? -1 : 1));
}

/** The same, when all of them have ended: a pod may be Ready a moment before its move is Done. */
export async function endedMovesOf(ground: Ground, volume: string): Promise<VolumeMove[]> {
  return ground.waitFor(`the moves of ${volume} to end`, async (saw) => {
    const moves = await movesOf(ground, volume);
    saw(moves.map(({ metadata, status }) => [metadata?.name, status?.phase, status?.message]));
    return moves.every(({ status }) => ENDED_PHASES.includes(status?.phase ?? "")) ? moves : undefined;
  });
}
const ENDED_PHASES: readonly string[] = ["Done", "Cancelled"];

export type MoveStatus = NonNullable<VolumeMove["status"]>;

/**
 * Waits until the newest VolumeMove of a volume is so. Fails at once when it is `tooLate` for that.
 */
export async function moveWhere(
  ground: Ground,
  volume: string,
  what: string,
  is: (status: MoveStatus) => boolean,
  tooLate?: (status: MoveStatus) => boolean,
): Promise<VolumeMove> {
  const wanted = `a move of ${volume} ${what}`;
  return ground.waitFor(wanted, async (saw) => {
    const move = (await movesOf(ground, volume)).at(-1);
    saw(move?.status);
    if (move?.status === undefined) return undefined;
    if (is(move.status)) return move;
    if (tooLate?.(move.status) === true) giveUp(wanted, move.status);
    return undefined;
  });
}

/** Ends a wait for a move that can no longer come to what is waited for. */
export function giveUp(wanted: string, { message = "", phase = "Planned", target = "no node" }: MoveStatus): never {
  throw new GiveUp(`waited for ${wanted}, but the move is in ${phase} already, to ${target}: ${message}`);
}

/** Whether a move makes no live passes any more. */
export function isPastCopying({ phase }: MoveStatus): boolean {
  return phase !== undefined && phase !== "Planned" && phase !== "Copying";
}

/** Whether a move keeps the target that it has. In Prepared it can still get another one. */
export function hasItsTarget(status: MoveStatus): boolean {
  return isPastCopying(status) && status.phase !== "Prepared";
}
