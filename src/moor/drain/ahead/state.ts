/* The state of the moves that were begun before a cordon. Pure. */
import type { VolumeMove } from "../../../api/kinds/volume-move.ts";
import { AHEAD_LABEL } from "../../../api/names.ts";
import type { Stored } from "../../../kube/objects.ts";
import { isFinished } from "../../../move/drains/earlier-moves.ts";
import { moveErrors } from "../../../move/errors.ts";
import { blockedBy } from "../../../move/plan/status.ts";

export type AheadState =
  /** At least one move makes progress. */
  | "moving"
  /** All moves that have not ended wait until somebody changes something. */
  | "stuck"
  | "ended";

/** A move that waits for its turn waits for the moves before it. If those are stuck, it is, too. */
const IN_LINE = moveErrors.IN_LINE({ ahead: [], limit: 0, where: "" }).code;

export function aheadState(moves: readonly Stored<VolumeMove>[]): AheadState {
  const remaining = moves.filter((move) => !isFinished(move));
  if (remaining.length === 0) return "ended";
  if (remaining.some((move) => whyStuck(move) === undefined && !isInLine(move))) return "moving";
  return remaining.some((move) => whyStuck(move) !== undefined) ? "stuck" : "moving";
}

/**
 * The moves of `moor drain` that hold nothing and cannot begin. They are deleted before the cordon:
 * after it the controller makes its own move for the group, and two would block each other.
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

/** What blocks a move until somebody changes something. Undefined: it continues by itself. */
function whyStuck({ status }: VolumeMove): string | undefined {
  const blocked = blockedBy(status);
  return blocked?.status === "True" && blocked.reason !== IN_LINE ? blocked.reason : undefined;
}

function isInLine({ status }: VolumeMove): boolean {
  return blockedBy(status)?.reason === IN_LINE;
}
