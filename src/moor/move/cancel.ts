/* The plan of `moor cancel`. Pure. docs/moves.md says how a move can be undone. */
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { nodeState } from "../cluster/node-state.ts";
import { moveOf, type ClaimName } from "../cluster/volumes.ts";
import { moorErrors } from "../errors.ts";
import { movableVolumeOf } from "./request.ts";

/**
 * The move to delete. Throws when there is none, when it cannot be undone any more, and when it
 * belongs to a drain, which would only make another one.
 */
export function planCancel(cluster: Cluster, asked: ClaimName): Stored<VolumeMove> {
  const move = moveOf(cluster, movableVolumeOf(cluster, asked));
  if (move === undefined) throw moorErrors.NO_MOVE({ claim: asked.name });
  const { from, reason } = move.spec;
  const { committed, phase, target } = move.status ?? {};
  if (committed === true || phase === "Committed" || phase === "Done") {
    throw moorErrors.MOVE_COMMITTED({ move: nameOf(move), to: target ?? "unknown" });
  }
  const { leaving } = nodeState(cluster, from);
  if (reason === "Drain" && leaving !== undefined) {
    throw moorErrors.DRAIN_ASKS({ move: nameOf(move), node: from, why: leaving });
  }
  return move;
}
