import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";

/**
 * Whether a LocalVolume or VolumeCopy says that this node has, or had, volumes of this pool. A
 * VolumeCopy does not name its pool: its LocalVolume does. If the LocalVolume is gone, the
 * VolumeCopy counts for this pool, unless its UUIDs show that all its copies are in other pools of
 * this node.
 */
export function isPoolNamed(
  pool: string,
  node: string,
  volumes: readonly LocalVolume[],
  copies: readonly VolumeCopy[],
  otherPools: ReadonlySet<string>,
): boolean {
  const poolOf = new Map(volumes.map((volume) => [volume.metadata?.name, volume.spec.pool]));
  const byVolume = volumes.some(
    ({ spec }) => spec.pool === pool && (spec.nodeName === node || spec.mayCreate?.nodeName === node),
  );
  return (
    byVolume ||
    copies.some(({ spec, status }) => {
      if (spec.nodeName !== node) return false;
      const known = poolOf.get(spec.volume);
      if (known !== undefined) return known === pool;
      const uuids = (status?.copies ?? []).map(({ poolUUID }) => poolUUID);
      return uuids.length === 0 || uuids.some((uuid) => !otherPools.has(uuid));
    })
  );
}
