/*
 * What of a volume on this node is not needed any more, although the volume is.
 *
 *   Trash      the copy of an earlier stay. It is kept for a day after the move, and until the copy
 *              that is the volume now is in use: an administrator can go back to it by hand.
 *   Incoming   what a move brought that was then cancelled. It is kept for an hour, for the next
 *              move to the same node, which then need not begin anew.
 *
 * Neither was ever the volume at the epoch that the LocalVolume names, and that is what is
 * compared: a copy whose epoch is the LocalVolume's is never removed here, nor one of another
 * incarnation. Removing a volume itself is the reclaim loop's business.
 *
 * A LocalVolume that is missing is no order to remove anything. Only a part of a copy goes then: it
 * can never become the volume, and its source has every byte of it. A node has one of a volume that
 * is reclaimed where the agent died before it could tell of the directory that it had just made.
 */
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";
import type { Copy } from "../copies/copy-store.ts";

export interface TrashView {
  readonly node: string;
  /** Read uncached. */
  readonly localVolume: LocalVolume | undefined;
  /** What the volume's node has of it, read uncached. */
  readonly currentCopy: VolumeCopy | undefined;
  /** This node's copies. */
  readonly copies: readonly Copy[];
  /** Names of directories that are mounted somewhere. */
  readonly mounted: ReadonlySet<string>;
  /** Since when an Incoming directory belongs to no move, by its name (milliseconds, monotonic). */
  readonly unclaimedSince: ReadonlyMap<string, number>;
  /** Milliseconds: the wall clock, and one that never goes back. */
  readonly now: number;
  readonly monotonic: number;
}

export type TrashPlan =
  | { readonly step: "nothing" }
  /** Give up what a cancelled move brought. */
  | { readonly step: "give-up"; readonly copy: Copy }
  | { readonly step: "purge"; readonly copy: Copy };

export const TRASH_KEPT_MS = 24 * 3600 * 1000;
export const INCOMING_KEPT_MS = 3600 * 1000;

export function planTrash(view: TrashView): TrashPlan {
  const { copies, localVolume, mounted } = view;
  // Of a volume that is removed the reclaim loop takes care.
  if (localVolume?.spec.reclaim === true) return { step: "nothing" };
  for (const copy of copies) {
    if (localVolume === undefined) {
      if (!isPart(copy) || mounted.has(copy.directory)) continue;
      if (copy.state === "Trash") return { step: "purge", copy };
      if (isOld(view, copy)) return { step: "give-up", copy };
      continue;
    }
    if (copy.incarnation !== localVolume.spec.incarnation || mounted.has(copy.directory)) continue;
    if (copy.state === "Incoming" && isForgotten(view, localVolume, copy)) return { step: "give-up", copy };
    if (copy.state === "Trash" && isUnneeded(view, localVolume, copy)) return { step: "purge", copy };
  }
  return { step: "nothing" };
}

/**
 * Incoming directories that no move can still want: those whose epoch the volume cannot reach from
 * here.
 */
export function isUnclaimed(localVolume: LocalVolume | undefined, node: string, copy: Copy): boolean {
  const { epoch, moveUID, state } = copy;
  if (state !== "Incoming") return false;
  if (localVolume === undefined) return isPart(copy);
  const { activeMove, epoch: current, nodeName } = localVolume.spec;
  const isTheVolume = nodeName === node && current === epoch;
  return !isTheVolume && activeMove?.uid !== moveUID;
}

/** What a move brought, and not all of it. */
function isPart({ moveUID, whole }: Copy): boolean {
  return moveUID !== undefined && whole !== true;
}

function isOld(view: TrashView, copy: Copy): boolean {
  const since = view.unclaimedSince.get(copy.directory);
  return since !== undefined && view.monotonic - since >= INCOMING_KEPT_MS;
}

function isForgotten(view: TrashView, localVolume: LocalVolume, copy: Copy): boolean {
  return isOld(view, copy) && isUnclaimed(localVolume, view.node, copy);
}

function isUnneeded(view: TrashView, localVolume: LocalVolume, copy: Copy): boolean {
  const { activeMove, epoch, fence, nodeName } = localVolume.spec;
  if (activeMove !== undefined || fence !== undefined) return false;
  // What a cancelled move brought: it was never the volume.
  if (copy.moveUID !== undefined && isNever(view, localVolume, copy)) return true;
  if (copy.epoch >= epoch) return false;
  const movedAt = Date.parse(localVolume.status?.movedAt ?? "");
  if (Number.isNaN(movedAt) || view.now - movedAt < TRASH_KEPT_MS) return false;
  const current = view.currentCopy;
  if (current?.spec.nodeName !== nodeName) return false;
  return (current.status?.copies ?? []).some(
    (one) =>
      one.epoch === epoch &&
      one.state === "Active" &&
      one.incarnation === localVolume.spec.incarnation &&
      one.missing !== true &&
      (one.publishedTo ?? []).length > 0,
  );
}

function isNever({ node }: TrashView, { spec }: LocalVolume, { epoch }: Copy): boolean {
  return !(spec.nodeName === node && spec.epoch === epoch);
}
