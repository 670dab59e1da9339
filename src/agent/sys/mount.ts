/* Mounts and unmounts. These calls wait for disks, so they run on a thread of libuv's pool. */
import { cString, libcFunction } from "./libc.ts";

export const MS_RDONLY = 0x1;
export const MS_NOSUID = 0x2;
export const MS_NODEV = 0x4;
export const MS_REMOUNT = 0x20;
export const MS_BIND = 0x1000;

/**
 * umount2 must not follow a symlink. MNT_DETACH is missing here on purpose: a lazily unmounted
 * volume stays writable for the processes that have it open, while its path already shows another
 * directory.
 */
const UMOUNT_NOFOLLOW = 0x8;

const calls = {
  mount: libcFunction("mount", "int", ["void *", "void *", "void *", "uint64_t", "void *"]),
  umount2: libcFunction("umount2", "int", ["void *", "int"]),
};

/** Calls mount(2). Arguments that do not apply (type and source of a remount) may be empty. */
export async function mount(
  source: string,
  target: string,
  type: string,
  flags: number,
  options?: string,
): Promise<void> {
  const data = options === undefined ? null : cString(options);
  await calls.mount.callAsync(target, cString(source), cString(target), cString(type), flags, data);
}

/**
 * Removes the topmost mount at `target`. Throws EBUSY while it is in use, and EINVAL when nothing
 * is mounted there.
 */
export async function unmount(target: string): Promise<void> {
  await calls.umount2.callAsync(target, cString(target), UMOUNT_NOFOLLOW);
}
