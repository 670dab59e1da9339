import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { blockedBy } from "../../move/plan/status.ts";
import type { MoveExplained } from "./explanation.ts";

/** A move as its status tells it. */
export function explainMove(move: Stored<VolumeMove>): MoveExplained {
  const { from, reason } = move.spec;
  const { message, phase, progress } = move.status ?? {};
  const to = move.status?.target ?? move.spec.to;
  const blocked = blockedBy(move.status);
  return {
    name: nameOf(move),
    reason,
    phase: phase ?? "New",
    from,
    ...(to === undefined ? {} : { to }),
    ...(progress === undefined ? {} : { progress }),
    ...(message === undefined ? {} : { message }),
    ...(blocked === undefined ? {} : { blocked: { code: blocked.reason, message: blocked.message } }),
  };
}
