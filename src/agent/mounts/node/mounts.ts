import { closeSync, constants, openSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { messageOf } from "../../../observe/errors.ts";
import { hasCode } from "../../sys/libc.ts";
import { MS_BIND, MS_NODEV, MS_NOSUID, MS_RDONLY, MS_REMOUNT, mount, unmount } from "../../sys/mount.ts";
import { O_PATH } from "../../sys/open.ts";
import { mountErrors } from "../errors.ts";
import { locationOf, type Location } from "../location.ts";
import { parseMountinfo, type MountEntry } from "../mountinfo.ts";
import type { Mounts } from "../mounts.ts";
import { rawPath, textOfPath } from "../raw-path.ts";

/**
 * The users of a mount, in words for a message: "postgres (pid 4711)". The list may be empty. It is
 * only for the message; nothing is decided by it.
 */
export type UsersOfMount = (entry: MountEntry) => Promise<readonly string[]>;

/** More mounts than this at one target are not a stack: some program keeps mounting there. */
const MOST_UNMOUNTS = 64;

/** The options that a remount would clear, with their flags for mount(2). */
const KEPT_FLAGS: Readonly<Record<string, number>> = {
  nosuid: MS_NOSUID,
  nodev: MS_NODEV,
  noexec: 0x8,
  noatime: 0x400,
  nodiratime: 0x800,
  relatime: 0x20_0000,
};

/**
 * The machine's mounts, in the mount namespace of this process. Needs CAP_SYS_ADMIN to change them.
 */
export function systemMounts(usersOf: UsersOfMount = () => Promise.resolve([])): Mounts {
  return { list, locate, bind, unmountAll: (target) => unmountAll(target, usersOf) };
}

function list(): MountEntry[] {
  return parseMountinfo(readFileSync("/proc/self/mountinfo"));
}

function locate(path: string): Location {
  const fd = openSync(path, O_PATH | constants.O_DIRECTORY);
  try {
    const where = rawPath(readlinkSync(`/proc/self/fd/${String(fd)}`, { encoding: "buffer" }));
    const location = locationOf(list(), mountIdOf(fd), where);
    if (location === undefined) throw mountErrors.NOT_LOCATED({ path });
    return location;
  } finally {
    closeSync(fd);
  }
}

/** The id of the mount through which a descriptor of this process was opened. */
function mountIdOf(fd: number): number {
  const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${String(fd)}`, "latin1"))?.[1];
  if (id === undefined) throw new Error("/proc/self/fdinfo has no mnt_id: this needs Linux 3.15 or later");
  return Number(id);
}

async function bind(source: string | number, target: string, options: { readonly readOnly: boolean }): Promise<void> {
  const from = typeof source === "number" ? `/proc/self/fd/${String(source)}` : source;
  const fail = (error: unknown): Error =>
    mountErrors.BIND_FAILED({ source: nameOf(source), target, why: messageOf(error) }, { cause: error });
  try {
    await mount(from, target, "", MS_BIND);
  } catch (error) {
    throw fail(error);
  }
  if (!options.readOnly) return;
  try {
    // This needs a second call: the kernel ignores MS_RDONLY in the call that makes a bind mount.
    await mount("", target, "", MS_REMOUNT | MS_BIND | MS_RDONLY | keptFlags(target));
  } catch (error) {
    await unmount(target);
    throw fail(error);
  }
}

function nameOf(source: string | number): string {
  return typeof source === "string" ? source : readlinkSync(`/proc/self/fd/${String(source)}`);
}

function keptFlags(target: string): number {
  const top = topmost(list(), canonical(target));
  return (top?.options ?? []).reduce((flags, option) => flags | (KEPT_FLAGS[option] ?? 0), 0);
}

/**
 * The path under which the mount table shows `target`. Symlinks are resolved in all components but
 * the last, because umount2 follows none there.
 */
function canonical(target: string): string {
  return join(realpathSync(dirname(target)), basename(target));
}

async function unmountAll(target: string, usersOf: UsersOfMount): Promise<number> {
  let path: string;
  try {
    path = canonical(target);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return 0;
    throw mountErrors.UNMOUNT_FAILED({ target, why: messageOf(error) }, { cause: error });
  }
  for (let done = 0; done < MOST_UNMOUNTS; done++) {
    const top = topmost(list(), path);
    if (top === undefined) return done;
    await unmountOnce(path, top, usersOf);
  }
  throw mountErrors.STILL_MOUNTED({ target, rounds: MOST_UNMOUNTS });
}

async function unmountOnce(target: string, top: MountEntry, usersOf: UsersOfMount): Promise<void> {
  try {
    await unmount(target);
  } catch (error) {
    if (hasCode(error, "EBUSY")) {
      const below = list().filter((entry) => entry.parentId === top.id);
      const users = below.map((entry) => `the mount ${textOfPath(entry.mountPoint)}`);
      throw mountErrors.BUSY({ target, users: [...users, ...(await usersOf(top))] }, { cause: error });
    }
    // Another program (the kubelet's own cleanup) has unmounted it first. The next look at the
    // table shows the rest.
    if (hasCode(error, "EINVAL", "ENOENT") && !list().some((entry) => entry.id === top.id)) return;
    throw mountErrors.UNMOUNT_FAILED({ target, why: messageOf(error) }, { cause: error });
  }
}

/**
 * The mount that is visible at a path. In a stack it is the mount on which no other one of the
 * stack is mounted.
 */
function topmost(entries: readonly MountEntry[], path: string): MountEntry | undefined {
  const raw = rawPath(path);
  const stack = entries.filter((entry) => entry.mountPoint === raw);
  return stack.find((entry) => !stack.some((other) => other.parentId === entry.id)) ?? stack.at(-1);
}
