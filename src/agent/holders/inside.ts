import { isOnDevice, type Location } from "../mounts/location.ts";
import type { MountEntry } from "../mounts/mountinfo.ts";
import { isAtOrBelow, relativeTo } from "../mounts/raw-path.ts";

/**
 * What is known of a file from the mount through which it was opened:
 *   - outside: nothing in this mount lies in the directory;
 *   - inside: everything in this mount does;
 *   - perhaps: the mount shows the directory and more. The file lies inside when its path holds
 *     `needle`.
 */
export type View = { readonly kind: "outside" | "inside" } | { readonly kind: "perhaps"; readonly needle: string };

const OUTSIDE: View = { kind: "outside" };
const INSIDE: View = { kind: "inside" };

/** What a mount shows of a directory. */
export function viewOf(mount: MountEntry, directory: Location): View {
  if (!isOnDevice(mount, directory)) return OUTSIDE;
  if (isAtOrBelow(mount.root, directory.path)) return INSIDE;
  const relative = relativeTo(directory.path, mount.root);
  return relative === undefined ? OUTSIDE : { kind: "perhaps", needle: `/${relative}/` };
}

/**
 * Whether a file lies inside, by the mount's view and the path that the kernel gives for it (one
 * character per byte). The kernel writes all names between the root of the mount and the file,
 * whatever it puts before them, so a file inside always holds the needle. A file outside holds it
 * only when a tree outside repeats the whole path: then it counts, to be safe.
 */
export function isInside(view: View, path: string): boolean {
  return view.kind === "perhaps" ? `${path}/`.includes(view.needle) : view.kind === "inside";
}
