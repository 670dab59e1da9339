import type { VolumeStats, VolumeStatsRequest } from "../../api/csi.ts";
import type { Copy } from "../copies/copy-store.ts";
import type { OnDisk } from "../copies/on-disk.ts";
import type { TreeUsage } from "../copies/trees.ts";
import type { Disk } from "../../effects/disk.ts";

export interface StatsDeps {
  readonly disk: Disk;
  readonly onDisk: OnDisk;
  /** The last count. Undefined before the first one. */
  readonly usageOf: (copy: Copy) => TreeUsage | undefined;
}

/**
 * The figures of a published volume: the bytes and inodes that it uses, and those that its pool
 * has. Undefined when it is not published at the path.
 */
export async function statsOf(
  { disk, onDisk, usageOf }: StatsDeps,
  { volumeId, volumePath }: VolumeStatsRequest,
): Promise<VolumeStats | undefined> {
  const publication = onDisk.publications().find(({ target, volume }) => target === volumePath && volume === volumeId);
  if (publication === undefined) return undefined;
  const { copies } = await onDisk.find(volumeId);
  const copy = copies.find(({ directory }) => directory === publication.epochDirectory);
  if (copy === undefined) return undefined;
  const room = await disk.room(copy.path);
  const used = usageOf(copy);
  return {
    bytes: { total: room.capacityBytes, available: room.availableBytes, used: used?.bytes },
    inodes: { total: room.inodes, available: room.inodesFree, used: used?.files },
  };
}
