import type { CodedError } from "../../../observe/errors.ts";
import { moveErrors } from "../../errors.ts";
import { isMine, recordedOf } from "../parts.ts";
import type { MoveSnapshot } from "../snapshot.ts";

/**
 * Why the move must be undone: someone deleted it, or the volumes that it took do not exist any
 * more. Used only before the commit.
 */
export function whyCancel(s: MoveSnapshot): CodedError | undefined {
  const { move } = s;
  if (move.metadata.deletionTimestamp !== undefined) return moveErrors.MOVE_DELETED({ move: move.metadata.name });
  for (const { name, volume } of s.volumes) {
    if (volume === undefined) return moveErrors.VOLUME_MISSING({ volume: name });
    // One that was only deleted waits for its finalizer, and its data stays: it moves like any.
    if (volume.spec.reclaim) return moveErrors.VOLUME_UNWANTED({ volume: name });
    const recorded = recordedOf(s, name);
    if (recorded === undefined) continue;
    const { epoch, incarnation, nodeName } = volume.spec;
    const same = epoch === recorded.epoch && incarnation === recorded.incarnation && nodeName === move.spec.from;
    if (!same || !isMine(s, volume)) return moveErrors.VOLUME_CHANGED({ volume: name });
  }
  return undefined;
}

/** Set when the drain of this move was cancelled. Used only before Fenced. */
export function whyCalledOff(s: MoveSnapshot): CodedError | undefined {
  const { source, move } = s;
  if (move.spec.reason !== "Drain" || !source.exists || source.leaving !== undefined) return undefined;
  return moveErrors.NODE_STAYS({ node: source.name });
}

/** An error in the VolumeMove itself. It is permanent, because the spec cannot be changed. */
export function whyImpossible(s: MoveSnapshot): CodedError | undefined {
  const { volumes, from, to } = s.move.spec;
  const rebuilt = volumes.filter(({ mode }) => mode === "Rebuild").map(({ name }) => name);
  if (rebuilt.length > 0) return moveErrors.REBUILD_UNSUPPORTED({ volumes: rebuilt });
  const seen = new Set<string>();
  for (const { name } of volumes) {
    if (seen.has(name)) return moveErrors.VOLUME_TWICE({ volume: name });
    seen.add(name);
  }
  if (to === from) return moveErrors.TARGET_IS_SOURCE({ node: from });
  for (const { name, volume } of s.volumes) {
    if (volume === undefined) return moveErrors.VOLUME_MISSING({ volume: name });
    const { nodeName } = volume.spec;
    if (nodeName !== from) return moveErrors.VOLUME_ELSEWHERE({ volume: name, node: nodeName, from });
  }
  return undefined;
}
