/*
 * The mounts of this machine, as the agent sees and changes them. The kernel's table is the only
 * record of what is mounted.
 *
 * bind: after a crash in the middle the mount exists, but may still be writable although a
 * read-only one was wanted. A publish looks at the table first, so a second try does not stack a
 * second mount on the first one without knowing it.
 *
 * unmountAll: removes one mount after another at the target, newest first, until the table shows
 * none. A crash in between leaves fewer mounts, and the next call goes on. It never unmounts
 * lazily: then processes that have the volume open could still write to it, while the path already
 * shows the directory below, which a caller may remove.
 */
import type { Location } from "./location.ts";
import type { MountEntry } from "./mountinfo.ts";

export interface Mounts {
  /** The agent's own mount table, as it is now. */
  list(): readonly MountEntry[];
  /**
   * The location of a directory that this process can open. Throws MOUNT_NOT_LOCATED, or Node's
   * error when the directory cannot be opened.
   */
  locate(path: string): Location;
  /**
   * Bind-mounts a directory (a path, or a descriptor of it) at `target`, without the mounts below
   * it. With `readOnly` nobody can write through this mount; if it cannot be made read-only, it is
   * unmounted again. Throws MOUNT_BIND_FAILED.
   */
  bind(source: string | number, target: string, options: { readonly readOnly: boolean }): Promise<void>;
  /**
   * Unmounts `target` until nothing is mounted there, and gives the number of removed mounts; 0
   * when there was none. The directory stays: the caller removes it with rmdir. Throws MOUNT_BUSY,
   * MOUNT_UNMOUNT_FAILED or MOUNT_STILL_MOUNTED.
   */
  unmountAll(target: string): Promise<number>;
}
