import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { without } from "./change-volume.ts";
import { copyAt } from "./parts.ts";
import type { MoveStep } from "./step.ts";
import type { Stored } from "./stored.ts";

/** A volume that a move holds, and the related objects. */
export interface HeldVolume {
  readonly volume: Stored<LocalVolume>;
  /**
   * The VolumeMoves that its fence and its activeMove name, by UID, read uncached. A move that is
   * missing here does not exist.
   */
  readonly moves: ReadonlyMap<string, VolumeMove>;
  /** Its VolumeCopy on the volume's node. */
  readonly copy: VolumeCopy | undefined;
}

/**
 * Repairs a volume whose fence or activeMove names a move that has ended or is gone. Someone
 * removed the finalizer by force, or a controller that did not lead any more took the volume at the
 * last moment.
 *
 * With a fence, the volume has no new node yet, because one write sets the node and removes the
 * fence. So the source is still the volume, and both fence and activeMove are removed; the agent of
 * the source unseals by itself. A late write of the new node fails, because the resourceVersion of
 * the volume has changed by then.
 *
 * Without a fence, the volume may be on its new node with a copy that is not open yet. The target's
 * agent needs activeMove to know which copy to open, so activeMove stays until the copy is Active.
 */
export function planRepair({ volume, moves, copy }: HeldVolume): MoveStep {
  const { fence, activeMove, mayCreate, epoch } = volume.spec;
  if (fence !== undefined && hasEnded(moves.get(fence))) {
    return { step: "change-volume", change: "release", volume, spec: without(volume.spec, fence) };
  }
  if (fence === undefined && activeMove !== undefined && hasEnded(moves.get(activeMove.uid))) {
    if (mayCreate === undefined && copyAt(copy, epoch) === undefined) return { step: "wait", until: undefined };
    return { step: "change-volume", change: "release", volume, spec: without(volume.spec, activeMove.uid) };
  }
  return { step: "nothing", why: "its move is there and has not ended" };
}

function hasEnded(move: VolumeMove | undefined): boolean {
  const phase = move?.status?.phase;
  return move === undefined || phase === "Done" || phase === "Cancelled";
}
