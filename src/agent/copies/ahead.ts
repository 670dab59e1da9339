import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";

/**
 * Another node that has the volume in a later epoch than the LocalVolume says. The volume has moved
 * there since the state of the cluster: etcd was restored from a backup. `everywhere` are the
 * VolumeCopies of the volume on all nodes, read uncached.
 */
export function aheadElsewhere(
  everywhere: readonly VolumeCopy[],
  node: string,
  { spec: { epoch, incarnation } }: LocalVolume,
): { readonly node: string; readonly found: number } | undefined {
  for (const { spec, status } of everywhere) {
    const found = status?.copies?.find(
      (one) => one.incarnation === incarnation && one.epoch > epoch && one.state !== "Incoming" && !one.missing,
    );
    if (spec.nodeName !== node && found !== undefined) return { node: spec.nodeName, found: found.epoch };
  }
  return undefined;
}
