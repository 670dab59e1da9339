/*
 * How earlier moves of a volume delay the next move that a drain makes.
 *
 * A move that was undone is not repeated at once, because its cause (a file that cannot be copied,
 * a disk that fails) probably still exists, and each try may end the pods. So the volume rests
 * after it, for 5 s, 10 s … 5 min. A move that was cancelled together with its drain does not
 * count: the next drain begins without a delay.
 *
 * A blocked move that was not made by a drain, and holds no volume, does not delay a drain. When it
 * continues later, only one of the two moves gets the volumes, by their `activeMove`.
 */
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { AHEAD_LABEL } from "../../api/names.ts";
import { moveErrors } from "../errors.ts";
import { blockedBy } from "../plan/status.ts";
import { backoffMs, msOf } from "../plan/timing.ts";

/** The reason code of moves that are undone because their drain was cancelled. */
const CALLED_OFF = moveErrors.NODE_STAYS({ node: "" }).code;

/**
 * How long a finished move of a drain is kept: for people to look at, and for `moor undo`, which
 * finds the way back in it. The old copy on its node is kept as long.
 */
const KEPT_MS = 24 * 3600 * 1000;

/** Volumes that a move holds or is about to take. */
export function volumesMoving(moves: readonly VolumeMove[]): ReadonlySet<string> {
  return new Set(moves.filter((move) => !isFinished(move) && !isIdle(move)).flatMap((move) => namesOf(move)));
}

/** How long a volume rests, and what its last move said when it was undone. */
export interface Rest {
  /** Milliseconds since 1970. */
  readonly until: number;
  readonly why: string;
}

/** The rest of each volume of the node after moves that were undone. It may be over. */
export function restsOf(moves: readonly VolumeMove[], from: string): ReadonlyMap<string, Rest> {
  const undone = new Map<string, { count: number; last: number; why: string }>();
  for (const move of moves) {
    const finishedAt = msOf(move.status?.finishedAt);
    if (move.spec.from !== from || move.spec.reason !== "Drain" || finishedAt === undefined) continue;
    if (move.status?.phase !== "Cancelled" || wasCalledOff(move)) continue;
    for (const name of namesOf(move)) {
      const { count, last, why } = undone.get(name) ?? { count: 0, last: 0, why: "" };
      const isLast = finishedAt >= last;
      undone.set(name, {
        count: count + 1,
        last: isLast ? finishedAt : last,
        why: isLast ? (move.status.message ?? "") : why,
      });
    }
  }
  return new Map([...undone].map(([name, { count, last, why }]) => [name, { until: last + backoffMs(count), why }]));
}

/**
 * The time (milliseconds) at which a finished move of a drain is to be deleted: one that the
 * controller made, or that `moor drain` made before the cordon. Undefined: it stays, because a
 * person made it, or it is being deleted.
 */
export function keptUntil(move: VolumeMove): number | undefined {
  const { deletionTimestamp, labels } = move.metadata ?? {};
  const isOfDrain = move.spec.reason === "Drain" || labels?.[AHEAD_LABEL] !== undefined;
  const finishedAt = msOf(move.status?.finishedAt);
  if (!isOfDrain || !isFinished(move) || finishedAt === undefined || deletionTimestamp !== undefined) return undefined;
  return finishedAt + KEPT_MS;
}

export function isFinished({ status }: VolumeMove): boolean {
  return status?.phase === "Done" || status?.phase === "Cancelled";
}

function isIdle({ spec, status }: VolumeMove): boolean {
  const blocked = blockedBy(status)?.status === "True";
  return spec.reason !== "Drain" && status?.phase === "Planned" && blocked;
}

function wasCalledOff({ status }: VolumeMove): boolean {
  return status?.conditions?.some(({ reason }) => reason === CALLED_OFF) === true;
}

function namesOf({ spec }: VolumeMove): readonly string[] {
  return spec.volumes.map(({ name }) => name);
}
