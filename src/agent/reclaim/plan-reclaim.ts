import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { CopyOfEpoch, VolumeCopy } from "../../api/kinds/volume-copy.ts";
import type { Copy } from "../copies/copy-store.ts";

/** The input of the decision to remove a volume's bytes, read under the volume's lock. */
export interface ReclaimView {
  readonly node: string;
  /** Read uncached; undefined when there is none. */
  readonly localVolume: LocalVolume | undefined;
  /** Read uncached; undefined when there is none. */
  readonly volumeCopy: VolumeCopy | undefined;
  /** The volume's copies in the pools that can be read. */
  readonly copies: readonly Copy[];
  /** Whether one of the copies is mounted anywhere. */
  readonly mounted: boolean;
  /** UUIDs of the pools that can be read. */
  readonly readable: ReadonlySet<string>;
}

export type ReclaimPlan =
  | { readonly step: "nothing" }
  /** Wait until the volume is unpublished, or until its disk is back. */
  | { readonly step: "wait"; readonly why: "mounted" | "pool not readable" }
  /** Move the copies to the Trash. */
  | { readonly step: "trash"; readonly copies: readonly Copy[] }
  /**
   * Write the state Trash into the VolumeCopy before the first byte is removed. Otherwise a removed
   * copy would look like a missing one.
   */
  | { readonly step: "record" }
  | { readonly step: "purge"; readonly copies: readonly Copy[] }
  /** No byte remains, and none will be made: write `purged` into the VolumeCopy. */
  | { readonly step: "purged" }
  /** Delete the VolumeCopy that says `purged`: its LocalVolume is gone, so nobody else will. */
  | { readonly step: "delete"; readonly volumeCopy: VolumeCopy }
  /** Remove our finalizer from the VolumeCopy that says `purged`: it was deleted. */
  | { readonly step: "release"; readonly volumeCopy: VolumeCopy };

/**
 * The next step of removing this node's copies of a volume. Only `spec.reclaim` of the LocalVolume
 * is an order to remove bytes. A missing LocalVolume is no order, and a deletionTimestamp of any
 * object is none either. If the LocalVolume is missing and this node has nothing of the volume, the
 * VolumeCopy can go.
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

/** Whether the VolumeCopy exists and has no copy in its status. */
export function saysNothing(volumeCopy: VolumeCopy | undefined): boolean {
  return volumeCopy !== undefined && (volumeCopy.status?.copies ?? []).length === 0;
}

function saysTrash(recorded: readonly CopyOfEpoch[], copy: Copy): boolean {
  return recorded.some(({ directory, state }) => directory === copy.directory && state === "Trash");
}
