/*
 * Finds the old copies of a volume on this node that are not needed any more.
 *
 *   Trash      the copy that was the volume before a move took it away. It is kept for a day after
 *              the move, and until the copy that is the volume now is in use, on a node that lives
 *              and has the disk. Until then an administrator can go back to the old copy by hand:
 *              of a node that has died with its disk this may be the last copy.
 *   Incoming   the copy of a move that was cancelled. It is kept for an hour, so that the next move
 *              to the same node need not begin from nothing.
 *
 * Neither is the volume in the epoch that the LocalVolume names. So the rule compares epochs: a
 * copy of the volume's node and epoch is never removed here, and neither is one of another
 * incarnation. Only the reclaim loop removes the volume itself.
 *
 * A missing LocalVolume is no order to remove anything. Only a partial copy is removed then: it can
 * never become the volume, and its source has every byte of it. After a reclaim a node can still
 * have one, if the agent died before it could report the directory that it had just made.
 */
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { StorageNode } from "../../api/kinds/storage-node.ts";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";
import type { Copy } from "../copies/copy-store.ts";

export interface TrashView {
  readonly node: string;
  /** Read uncached. */
  readonly localVolume: LocalVolume | undefined;
  /** The VolumeCopy of the volume's node, read uncached. */
  readonly currentCopy: VolumeCopy | undefined;
  /** The StorageNode of the volume's node, read uncached. */
  readonly currentNode: StorageNode | undefined;
  /** The copies of the volume on this node. */
  readonly copies: readonly Copy[];
  /** Names of directories that are mounted somewhere. */
  readonly mounted: ReadonlySet<string>;
  /** Since when an Incoming directory belongs to no move, by its name (milliseconds, monotonic). */
  readonly unclaimedSince: ReadonlyMap<string, number>;
  /** Both in milliseconds: the wall clock, and the monotonic clock. */
  readonly now: number;
  readonly monotonic: number;
}

export type TrashPlan =
  | { readonly step: "nothing" }
  /** Move the copy of a cancelled move to the Trash. */
  | { readonly step: "give-up"; readonly copy: Copy }
  | { readonly step: "purge"; readonly copy: Copy };

/** An agent renews its StorageNode every minute. After this time it is taken for dead. */
const SILENT_MS = 90_000;
export const TRASH_KEPT_MS = 24 * 3600 * 1000;
export const INCOMING_KEPT_MS = 3600 * 1000;

export function planTrash(view: TrashView): TrashPlan {
  const { copies, localVolume, mounted } = view;
  // The reclaim loop removes the copies of such a volume.
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
 * Whether an Incoming copy belongs to no move any more: it is not the volume, and the volume's
 * active move is not the one that fills it. Without a LocalVolume: whether it is a partial copy.
 */
export function isUnclaimed(localVolume: LocalVolume | undefined, node: string, copy: Copy): boolean {
  const { epoch, moveUID, state } = copy;
  if (state !== "Incoming") return false;
  if (localVolume === undefined) return isPart(copy);
  const { activeMove, epoch: current, nodeName } = localVolume.spec;
  const isTheVolume = nodeName === node && current === epoch;
  return !isTheVolume && activeMove?.uid !== moveUID;
}

/** Whether the copy was made by a move and is not complete. */
function isPart({ moveUID, whole }: Copy): boolean {
  return moveUID !== undefined && whole === undefined;
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
  // What a move has brought that was given up. It was never the volume, whoever moves it now: its
  // own move may come back, and needs the name.
  if (copy.moveUID !== undefined && isNever(view, localVolume, copy)) return true;
  if (activeMove !== undefined || fence !== undefined) return false;
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
      (one.publishedTo ?? []).length > 0 &&
      isAtHand(view, one.poolUUID),
  );
}

/**
 * Whether the agent of the volume's node has just said that it has this pool. Only that agent
 * writes the VolumeCopy, so after the node's end it stays as it was.
 */
function isAtHand({ currentNode, now }: TrashView, poolUUID: string): boolean {
  const { pools = [], renewedAt = "" } = currentNode?.status ?? {};
  const isHeard = Math.abs(now - Date.parse(renewedAt)) <= SILENT_MS;
  return isHeard && pools.some(({ ready, uuid }) => ready && uuid === poolUUID);
}

function isNever({ node }: TrashView, { spec }: LocalVolume, { epoch }: Copy): boolean {
  return !(spec.nodeName === node && spec.epoch === epoch);
}
