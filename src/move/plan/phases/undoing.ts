import type { LocalVolume } from "../../../api/kinds/local-volume.ts";
import { silentAt, whySilent } from "../target/agents.ts";
import { release } from "../change-volume.ts";
import { copyAt, existing, isFenced, isMine, readFirst, reportOf } from "../parts.ts";
import type { MoveSnapshot, VolumeView } from "../snapshot.ts";
import { enter, undoneBecause, waiting } from "../status.ts";
import type { MoveStep } from "../step.ts";
import type { Stored } from "../stored.ts";
import { timeOf } from "../timing.ts";

/**
 * Undoing. The source unseals first, then one write per volume removes fence and activeMove. In
 * this order no new pod is sent to a node that refuses it. Safety does not depend on the order. If
 * a seal comes after the release, the agent opens it again, because the LocalVolume names its copy
 * and has neither fence nor activeMove of that move.
 */
export function planUndoing(s: MoveSnapshot, now: number): MoveStep {
  const held = existing(s).filter(({ volume }) => isMine(s, volume) || isFenced(s, volume));
  const sealed = held.filter((view) => isSealed(s, view));
  const why = undoneBecause(s.move.status ?? {}) ?? "";
  if (sealed.length > 0 && s.source.exists && whySilent(s.source, now) === undefined) {
    const names = sealed.map(({ name }) => name).join(", ");
    const message = `Undoing the move. Waiting for node ${s.source.name} to open ${names} again. The undo ends by itself. ${why}`;
    return waiting(s, now, { message, until: silentAt(s.source) });
  }
  const next = held[0];
  if (next !== undefined) return release(s, next.volume);
  if (s.volumes.length > 0) {
    const read = readFirst(s, ["volumes"]);
    if (read !== undefined) return read;
  }
  return enter(s, "Cancelled", { finishedAt: timeOf(now), message: `Cancelled. ${why}` });
}

/** Whether the source's copy may be sealed for this move, and its agent can still open it. */
function isSealed(s: MoveSnapshot, { volume, sourceCopy }: VolumeView & { readonly volume: Stored<LocalVolume> }) {
  if ((s.move.status?.sealing ?? 0) === 0 || volume.spec.reclaim || volume.spec.nodeName !== s.source.name)
    return false;
  if (reportOf(s, sourceCopy, "Source")?.state === "Unsealed") return false;
  const copy = copyAt(sourceCopy, volume.spec.epoch);
  return copy !== undefined && (copy.state === "Sealed" || copy.state === "Sealing");
}
