import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { CopyOfEpoch, VolumeCopy } from "../../api/kinds/volume-copy.ts";

/** A copy in a later epoch than the LocalVolume's. */
export interface Ahead {
  readonly node: string;
  /** Its epoch. */
  readonly found: number;
}

/**
 * Another node that has the volume in a later epoch than the LocalVolume says: the node with the
 * latest. `everywhere` are the VolumeCopies of the volume on all nodes, read uncached.
 */
export function aheadElsewhere(
  everywhere: readonly VolumeCopy[],
  node: string,
  localVolume: LocalVolume,
): Ahead | undefined {
  return ahead(
    everywhere.filter(({ spec }) => spec.nodeName !== node),
    localVolume,
  );
}

/**
 * The latest copy in a later epoch than the LocalVolume's, on any node. The volume has moved there
 * since the state of the cluster: etcd was restored from a backup.
 */
export function ahead(copies: readonly VolumeCopy[], { spec: { epoch, incarnation } }: LocalVolume): Ahead | undefined {
  return copies
    .flatMap(({ spec, status }) =>
      (status?.copies ?? [])
        .filter((one) => one.incarnation === incarnation && wasOpened(one) && !one.missing)
        .map((one) => ({ node: spec.nodeName, found: one.epoch })),
    )
    .filter(({ found }) => found > epoch)
    .toSorted((a, b) => b.found - a.found)[0];
}

/**
 * Whether the copy has been the volume at some time. What a move brings is called `<epoch>-<UID of
 * the move>` until then, and keeps that name in the Trash when the move is undone.
 */
function wasOpened({ directory, epoch, state }: CopyOfEpoch): boolean {
  return state !== "Incoming" && directory === String(epoch);
}
