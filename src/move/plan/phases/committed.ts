import type { LocalVolume } from "../../../api/kinds/local-volume.ts";
import { moveErrors } from "../../errors.ts";
import { silentAt, whySilent } from "../target/agents.ts";
import { place, release } from "../change-volume.ts";
import { copyAt, currentReport, existing, isFenced, isMine, readFirst, recordedOf } from "../parts.ts";
import type { MoveSnapshot, VolumeView } from "../snapshot.ts";
import { enter, NO_WAY_BACK, waiting } from "../status.ts";
import type { MoveStep } from "../step.ts";
import type { Stored } from "../stored.ts";
import { MOVED_AT_FRESH_MS, msOf, timeOf, TRASH_PATIENCE_MS } from "../timing.ts";

type Present = VolumeView & { readonly volume: Stored<LocalVolume> };

/**
 * Committed. The move can only go forward: every volume gets its new node, then its copy there must
 * be usable, then the move releases the volume. A volume that does not exist any more, was made
 * again, or has moved again is skipped.
 */
export function planCommitted(s: MoveSnapshot, now: number): MoveStep {
  if (s.volumes.some(({ volume }) => volume === undefined)) {
    const read = readFirst(s, ["volumes"]);
    if (read !== undefined) return read;
  }
  const mine = existing(s).filter((view) => recordedOf(s, view.name)?.incarnation === view.volume.spec.incarnation);
  let torn: Present | undefined;
  for (const view of mine) {
    if (isPlaced(s, view)) continue;
    if (view.volume.spec.reclaim) {
      if (isMine(s, view.volume) || isFenced(s, view.volume)) return release(s, view.volume);
      continue;
    }
    if (isFenced(s, view.volume) && isMine(s, view.volume)) return placeNext(s, now, view);
    torn ??= view;
  }
  const held = mine.filter(({ volume }) => isMine(s, volume));
  for (const view of held) {
    const { volume, targetCopy, name } = view;
    const made = volume.spec.mayCreate !== undefined || copyAt(targetCopy, volume.spec.epoch)?.state === "Active";
    if (!made) return waitForTarget(s, now, name);
    if (view.labelsPending !== undefined) {
      return waiting(s, now, {
        message: `Moved. Waiting for the labels of the nodes: ${view.labelsPending}. ${NO_WAY_BACK}`,
      });
    }
  }
  const next = held[0];
  if (next !== undefined) return release(s, next.volume);
  if (torn !== undefined) {
    const why = moveErrors.FENCE_GONE({ volume: torn.name, move: s.move.metadata.name });
    return (
      readFirst(s, ["volumes"]) ?? waiting(s, now, { message: `${why.message}. ${why.advice} ${NO_WAY_BACK}`, why })
    );
  }
  const remaining = mine.find((view) => isPlaced(s, view) && sourceIsOpen(s, view));
  const message = `The volumes are on node ${s.move.status?.target ?? ""}.`;
  if (remaining === undefined || !s.source.exists || whySilent(s.source, now) !== undefined) {
    return enter(s, "Done", { finishedAt: timeOf(now), message });
  }
  const patience = (msOf(s.move.status?.committedAt) ?? now) + TRASH_PATIENCE_MS;
  if (now < patience) {
    const until = Math.min(patience, silentAt(s.source) ?? patience);
    const wait = `Moved. Waiting for node ${s.source.name} to put its copy of ${remaining.name} into the trash. ${NO_WAY_BACK}`;
    return waiting(s, now, { message: wait, until });
  }
  // Nothing depends on the trash: the old copy is of an earlier epoch, so it is never opened. Its
  // agent tries again by itself, whatever the move does.
  const late = `Node ${s.source.name} has not put its old copy of ${remaining.name} into the trash yet. Check its disk. Its agent tries again by itself.`;
  return readFirst(s, ["copies"]) ?? enter(s, "Done", { finishedAt: timeOf(now), message: `${message} ${late}` });
}

function isPlaced(s: MoveSnapshot, { name, volume }: Present): boolean {
  return volume.spec.epoch > (recordedOf(s, name)?.epoch ?? 0);
}

/**
 * Gives one volume its new node. Its fence and activeMove must belong to this move. Without them
 * the source may have been unsealed and written to, so that the copy would not be the volume any
 * more.
 */
function placeNext(s: MoveSnapshot, now: number, { name, volume, sourceCopy }: Present): MoveStep {
  let tombstone = false;
  // A volume with mayCreate was perhaps never published. Only the report of its source tells that.
  if (volume.spec.mayCreate !== undefined) {
    const report = currentReport(s, sourceCopy, "Source");
    if (report?.state !== "Sealed") {
      const why = moveErrors.TOMBSTONE_UNKNOWN({ volume: name, node: s.source.name });
      return readFirst(s, ["copies"]) ?? waiting(s, now, { message: `Waiting: ${why.message}. ${NO_WAY_BACK}`, why });
    }
    tombstone = report.tombstone === true;
  }
  if (!isFresh(s, now, msOf(volume.status?.movedAt))) return { step: "set-moved-at", volume, at: timeOf(now) };
  return place(volume, s.move.status?.target ?? s.move.spec.from, tombstone);
}

/**
 * Whether this move has just written movedAt. If movedAt is from before the fence, the previous
 * move has written it, which may have ended a few seconds ago. If our clock is behind the time of
 * the fence, the two moves cannot be told apart. Then movedAt counts as written by this move.
 */
function isFresh(s: MoveSnapshot, now: number, movedAt: number | undefined): boolean {
  if (movedAt === undefined || Math.abs(now - movedAt) > MOVED_AT_FRESH_MS) return false;
  const fencedAt = msOf(s.move.status?.fencedAt) ?? movedAt;
  return movedAt >= fencedAt || fencedAt > now;
}

function waitForTarget(s: MoveSnapshot, now: number, name: string): MoveStep {
  const target = s.target?.name ?? "";
  const silent = s.target === undefined ? undefined : whySilent(s.target, now);
  const message = `Moved. Waiting for node ${target} to open its copy of ${name}${silent === undefined ? "" : `: ${silent}`}. ${NO_WAY_BACK}`;
  return waiting(s, now, { message, until: s.target === undefined ? undefined : silentAt(s.target) });
}

/** Whether the source still reports its copy as sealed, and not as trash yet. */
function sourceIsOpen(s: MoveSnapshot, { name, sourceCopy }: VolumeView): boolean {
  const epoch = recordedOf(s, name)?.epoch;
  const copy = epoch === undefined ? undefined : copyAt(sourceCopy, epoch);
  return copy !== undefined && copy.tombstone !== true && copy.state !== "Trash";
}
