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
   * `volume` is a target of NodePublishVolume, `subpath` a bind mount that the kubelet makes of it
   * for one container.
   */
  readonly kind: "volume" | "subpath";
  /** The directory was removed while it was mounted. */
  readonly removed: boolean;
}

/** `<pool>/volumes/<volume>/<epoch directory>/…`, relative to the pool. */
const IN_POOL = /^volumes\/([^/]+)\/([^/]+)(?:\/|$)/;
/**
 * Below the kubelet's directory. The kubelet escapes the driver's name in it as
 * `kubernetes.io~csi`.
 */
const VOLUME_TARGET = /^pods\/([^/]+)\/volumes\/kubernetes\.io~csi\/[^/]+\/mount$/;
const SUBPATH_TARGET = /^pods\/([^/]+)\/volume-subpaths\/[^/]+\/[^/]+\/[^/]+$/;

/**
 * What of a pool is published at which pods, as the mount table says it: by device and root, which
 * follow a rename of the data directory, and never by a record of ours. `entries` is the agent's
 * own table; `kubeletDirectory` is where it sees the kubelet's root directory.
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
