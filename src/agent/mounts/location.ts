import type { MountEntry } from "./mountinfo.ts";
import { isAtOrBelow, joinPath, relativeTo, type RawPath } from "./raw-path.ts";

/**
 * Where a directory lies, independent of any mount: the device of the file system's superblock, and
 * the path from the file system's own root. Two mounts that show the same directory have the same
 * location, also in different namespaces.
 */
export interface Location {
  readonly major: number;
  readonly minor: number;
  readonly path: RawPath;
}

/**
 * The location of the directory at `path` in the mount `mountId`. The id comes from
 * `/proc/self/fdinfo/<fd>`, which names the right mount even if several are stacked. Undefined when
 * the table does not have that mount, or the path is not below it.
 */
export function locationOf(entries: readonly MountEntry[], mountId: number, path: RawPath): Location | undefined {
  const mount = entries.find((entry) => entry.id === mountId);
  if (mount === undefined || mount.rootRemoved) return undefined;
  const relative = relativeTo(path, mount.mountPoint);
  if (relative === undefined) return undefined;
  return { major: mount.major, minor: mount.minor, path: joinPath(mount.root, relative) };
}

/** Whether a mount belongs to the file system of `location`. */
export function isOnDevice(entry: Pick<MountEntry, "major" | "minor">, location: Location): boolean {
  return entry.major === location.major && entry.minor === location.minor;
}

/** Whether a mount shows the directory at `location`, or something below it, as its root. */
export function showsInside(entry: MountEntry, location: Location): boolean {
  return isOnDevice(entry, location) && isAtOrBelow(entry.root, location.path);
}
