import { MOVE_FINALIZER } from "../../../api/names.ts";
import type { VolumeMoveStatus } from "../../../api/kinds/volume-move.ts";
import { copyAt, existing, recordedOf } from "../parts.ts";
import type { MoveSnapshot } from "../snapshot.ts";
import type { MoveStep } from "../step.ts";
import { DOWNTIME_WATCH_MS, msOf } from "../timing.ts";

/** Done and Cancelled. The move holds nothing any more, so the object may be deleted. */
export function planFinished(s: MoveSnapshot, now: number): MoveStep {
  if (s.move.metadata.finalizers?.includes(MOVE_FINALIZER) === true) {
    return { step: "remove-finalizer", move: s.move };
  }
  const status = s.move.status ?? {};
  if (status.phase !== "Done" || status.downtime !== undefined || (status.pods ?? []).length === 0) return nothing;
  if (s.move.metadata.deletionTimestamp !== undefined) return nothing;
  if (now - (msOf(status.finishedAt) ?? 0) > DOWNTIME_WATCH_MS || !isPublished(s)) return nothing;
  return { step: "set-status", move: s.move, status: { ...status, downtime: downtimeOf(s, status, now) } };
}

const nothing: MoveStep = { step: "nothing", why: "the move has ended" };

function isPublished(s: MoveSnapshot): boolean {
  return existing(s).some(({ name, targetCopy }) => {
    const epoch = (recordedOf(s, name)?.epoch ?? 0) + 1;
    return (copyAt(targetCopy, epoch)?.publishedTo ?? []).length > 0;
  });
}

/**
 * `ours`: from the last unpublish until the last volume has its new node. `kubelets`: from there to
 * the publish that is seen now.
 */
function downtimeOf(s: MoveSnapshot, status: VolumeMoveStatus, now: number): { ours: string; kubelets: string } {
  const closedAt = msOf(status.closedAt) ?? msOf(status.sealedAt) ?? now;
  const movedAt = Math.max(...existing(s).map(({ volume }) => msOf(volume.status?.movedAt) ?? now), closedAt);
  return { ours: seconds(movedAt - closedAt), kubelets: seconds(Math.max(0, now - movedAt)) };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)}s`;
}
