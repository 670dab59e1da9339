import { copyOfPath, copyPath } from "./layout.ts";
import { isOnDevice, type Location } from "../mounts/location.ts";
import type { MountEntry } from "../mounts/mountinfo.ts";
import { relativeTo, textOfPath } from "../mounts/raw-path.ts";

/** A pool's directory, and its location. */
export interface LocatedPool {
  readonly path: string;
  readonly location: Location;
}

/** The volume and the copy that a mount shows, at any mount point. Undefined for other mounts. */
export function copyAtMount(
  entry: MountEntry,
  pools: readonly LocatedPool[],
): { readonly volume: string; readonly copyPath: string } | undefined {
  for (const { location, path } of pools) {
    const below = isOnDevice(entry, location) ? relativeTo(entry.root, location.path) : undefined;
    const copy = below === undefined ? undefined : copyOfPath(textOfPath(below));
    if (copy !== undefined) return { volume: copy.volume, copyPath: copyPath(path, copy.volume, copy.directory) };
  }
  return undefined;
}
