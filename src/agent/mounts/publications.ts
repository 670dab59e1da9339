import { isOnDevice, type Location } from "./location.ts";
import type { MountEntry } from "./mountinfo.ts";
import { rawPath, relativeTo, textOfPath, type RawPath } from "./raw-path.ts";

/**
 * One mount of a volume's copy below the kubelet's directory. Mounts stack: a target may have
 * several.
 */
export interface Publication {
  readonly volume: string;
  /** Name of the copy's directory below the volume's: the epoch, or epoch-move UID. */
  readonly epochDirectory: string;
  /** Absolute path of the mount point. */
  readonly target: string;
  readonly podUID: string;
  /**
   * `volume` is a target of NodePublishVolume. `subpath` is a bind mount that the kubelet makes
   * from such a target for one container.
   */
  readonly kind: "volume" | "subpath";
  /** Whether the directory was removed while it was mounted. */
  readonly removed: boolean;
}

/** `<pool>/volumes/<volume>/<epoch directory>/…`, relative to the pool. */
const IN_POOL = /^volumes\/([^/]+)\/([^/]+)(?:\/|$)/;
/**
 * The paths below the kubelet's directory. The kubelet writes the plugin name `kubernetes.io/csi`
 * as `kubernetes.io~csi`.
 */
const VOLUME_TARGET = /^pods\/([^/]+)\/volumes\/kubernetes\.io~csi\/[^/]+\/mount$/;
const SUBPATH_TARGET = /^pods\/([^/]+)\/volume-subpaths\/[^/]+\/[^/]+\/[^/]+$/;

/**
 * The publications of a pool's copies, from the mount table alone and never from a record of ours.
 * A mount is recognised by its device and root, which follow a rename of the data directory.
 * `entries` is the agent's own table. `kubeletDirectory` is the path at which the agent sees the
 * kubelet's root directory.
 */
export function publicationsOf(
  entries: readonly MountEntry[],
  pool: Location,
  kubeletDirectory: string,
): Publication[] {
  const kubelet = rawPath(kubeletDirectory);
  return entries.flatMap((entry) => {
    const copy = isOnDevice(entry, pool) ? match(relativeTo(entry.root, pool.path), IN_POOL) : undefined;
    const below = relativeTo(entry.mountPoint, kubelet);
    const asVolume = match(below, VOLUME_TARGET);
    const [podUID] = asVolume ?? match(below, SUBPATH_TARGET) ?? [];
    const [volume, epochDirectory] = copy ?? [];
    if (volume === undefined || epochDirectory === undefined || podUID === undefined) return [];
    return [
      {
        volume,
        epochDirectory,
        target: textOfPath(entry.mountPoint),
        podUID,
        kind: asVolume === undefined ? ("subpath" as const) : ("volume" as const),
        removed: entry.rootRemoved,
      },
    ];
  });
}

function match(path: RawPath | undefined, pattern: RegExp): string[] | undefined {
  return path === undefined ? undefined : pattern.exec(path)?.slice(1);
}
