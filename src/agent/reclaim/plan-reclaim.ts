import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { CopyOfEpoch, VolumeCopy } from "../../api/kinds/volume-copy.ts";
import type { Copy } from "../copies/copy-store.ts";

/**
 * Everything that the removal of a volume's bytes is decided from, read under the volume's lock.
 */
export interface ReclaimView {
  readonly node: string;
  /** Read uncached; undefined when there is none. */
  readonly localVolume: LocalVolume | undefined;
  /** Read uncached; undefined when there is none. */
  readonly volumeCopy: VolumeCopy | undefined;
  /** The volume's copies in the pools that can be read. */
  readonly copies: readonly Copy[];
  /** Somewhere one of them is mounted. */
  readonly mounted: boolean;
  /** UUIDs of the pools that can be read. */
  readonly readable: ReadonlySet<string>;
}

export type ReclaimPlan =
  | { readonly step: "nothing" }
  /** It goes on when the volume is unpublished, or its disk is back. */
  | { readonly step: "wait"; readonly why: "mounted" | "pool not readable" }
  /** Give the copies up. */
  | { readonly step: "trash"; readonly copies: readonly Copy[] }
  /**
   * Say so in the VolumeCopy, before the first byte goes: a copy that is gone would look missing.
   */
  | { readonly step: "record" }
  | { readonly step: "purge"; readonly copies: readonly Copy[] }
  /** No byte is left, and none will be made: say so. */
  | { readonly step: "purged" }
  /** Nobody is left who would delete the object that says so. */
  | { readonly step: "delete"; readonly volumeCopy: VolumeCopy }
  /** Somebody deleted the object that says so: let it go. */
  | { readonly step: "release"; readonly volumeCopy: VolumeCopy };

/**
 * The next step of removing what this node has of a volume. Only `spec.reclaim` of the LocalVolume
 * is an order to remove bytes: its absence is none, and neither is a deletionTimestamp of anything.
 * Where it is absent and this node has nothing of the volume, the object that said what it had can
 * go.
 */
export function planReclaim(view: ReclaimView): ReclaimPlan {
  const { copies, localVolume, mounted, node, readable, volumeCopy } = view;
  const said = volumeCopy?.status?.purged === true;
  if (said && copies.length === 0) {
    const deleted = volumeCopy.metadata?.deletionTimestamp !== undefined;
    if (deleted) return { step: "release", volumeCopy };
    return localVolume === undefined && saysNothing(volumeCopy) ? { step: "delete", volumeCopy } : { step: "nothing" };
  }
  if (localVolume === undefined && saysNothing(volumeCopy) && copies.length === 0) return { step: "purged" };
  if (localVolume?.spec.reclaim !== true) return { step: "nothing" };
  if (mounted) return { step: "wait", why: "mounted" };
  const kept = copies.filter(({ state }) => state !== "Trash");
  if (kept.length > 0) return { step: "trash", copies: kept };
  const recorded = volumeCopy?.status?.copies ?? [];
  if (copies.length > 0) {
    return copies.every((copy) => saysTrash(recorded, copy)) ? { step: "purge", copies } : { step: "record" };
  }
  if (recorded.some(({ poolUUID }) => !readable.has(poolUUID))) return { step: "wait", why: "pool not readable" };
  const mayMake = localVolume.spec.mayCreate?.nodeName === node;
  return volumeCopy !== undefined || mayMake ? { step: "purged" } : { step: "nothing" };
}

/** Whether it is there and tells of no copy. */
export function saysNothing(volumeCopy: VolumeCopy | undefined): boolean {
  return volumeCopy !== undefined && (volumeCopy.status?.copies ?? []).length === 0;
}

function saysTrash(recorded: readonly CopyOfEpoch[], copy: Copy): boolean {
  return recorded.some(({ directory, state }) => directory === copy.directory && state === "Trash");
}
