/* How far what was begun ahead of a cordon is. Pure. */
import type { VolumeMove } from "../../../api/kinds/volume-move.ts";
import { AHEAD_LABEL } from "../../../api/names.ts";
import type { Stored } from "../../../kube/objects.ts";
import { isFinished } from "../../../move/drains/earlier-moves.ts";
import { moveErrors } from "../../../move/errors.ts";
import { blockedBy } from "../../../move/plan/status.ts";

export type AheadState =
  /** Something is copied or cut over. */
  | "going"
  /** All that has not ended waits for somebody to change something. */
  | "stuck"
  | "ended";

/** A move that waits for its turn waits for the others: with stuck ones before it, it is stuck. */
const IN_LINE = moveErrors.IN_LINE({ ahead: [], limit: 0, where: "" }).code;

export function aheadState(moves: readonly Stored<VolumeMove>[]): AheadState {
  const remaining = moves.filter((move) => !isFinished(move));
  if (remaining.length === 0) return "ended";
  if (remaining.some((move) => whyStuck(move) === undefined && !isInLine(move))) return "going";
  return remaining.some((move) => whyStuck(move) !== undefined) ? "stuck" : "going";
}

/**
 * Those of `moor drain` that hold nothing and cannot begin: after the cordon the controller makes
 * its own, and two for one group would only be in each other's way.
 */
export function toCallOff(moves: readonly Stored<VolumeMove>[]): readonly Stored<VolumeMove>[] {
  return moves.filter(
    (move) =>
      move.metadata.labels?.[AHEAD_LABEL] !== undefined &&
      move.metadata.deletionTimestamp === undefined &&
      move.status?.phase === "Planned" &&
      whyStuck(move) !== undefined,
  );
}

/** What holds a move up that somebody has to change; undefined when it goes on by itself. */
function whyStuck({ status }: VolumeMove): string | undefined {
  const blocked = blockedBy(status);
  return blocked?.status === "True" && blocked.reason !== IN_LINE ? blocked.reason : undefined;
}

function isInLine({ status }: VolumeMove): boolean {
  return blockedBy(status)?.reason === IN_LINE;
}
