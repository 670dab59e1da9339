import { volumeMoves, type MovePhase, type VolumeMove } from "../api/kinds/volume-move.ts";
import type { Stored } from "../kube/objects.ts";
import { apiVersionOf } from "../kube/resource.ts";
import type { AboutObject, EventContent } from "../provision/events.ts";

export function aboutMove(move: Stored<VolumeMove>): AboutObject {
  const { name, uid } = move.metadata;
  return { apiVersion: apiVersionOf(volumeMoves), kind: volumeMoves.kind, name, uid };
}

/** A move has gone on, or back. */
export const entered = (phase: MovePhase, message: string): EventContent => ({
  type: phase === "Undoing" || phase === "Cancelled" ? "Warning" : "Normal",
  reason: `Move${phase}`,
  message,
});
