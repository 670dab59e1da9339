/*
 * Finds loop devices whose backing file lies in the directory. The kernel gives the backing file as
 * a path, as seen by the process that set the device up, and as device and inode. The path alone
 * proves nothing, because a pod sees other paths than the host. So a loop device whose file is on
 * the directory's file system counts as outside only in two cases: its path leads the host or the
 * agent to that very inode outside, or no file in the directory has that inode.
 */
import { closeSync, constants, openSync } from "node:fs";
import { messageOf } from "../../../observe/errors.ts";
import { hasCode, libcFunction } from "../../sys/libc.ts";
import {
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
  openat2,
} from "../../sys/open.ts";
import { readDirectory } from "../../sys/read-directory.ts";
import { statat, statDescriptor, type Device } from "../../sys/stat.ts";
import { textOfPath, type RawPath } from "../../mounts/raw-path.ts";
import type { Holder, Unreadable } from "../holders.ts";
import { isInside } from "../inside.ts";
import type { Findings } from "../prove.ts";
import type { Directory } from "./directory.ts";
import { linkOf, mountIdOf, namesIn, readProc, withTarget } from "./proc.ts";
import type { Tables } from "./tables.ts";

const LOOP_GET_STATUS64 = 0x4c05;
/** struct loop_info64: lo_device 8, lo_inode 8, … */
const LOOP_INFO_BYTES = 232;

const ioctl = libcFunction("ioctl", "int", ["int", "uint64_t", "void *"]);

interface Backing {
  readonly device: Device;
  readonly inode: bigint;
}

/** Looks at all loop devices. `devices` is the host's /dev. */
export function lookAtLoops(directory: Directory, tables: Tables, devices: string): Findings {
  const holders: Holder[] = [];
  const unreadable: Unreadable[] = [];
  for (const name of namesIn("/sys/block") ?? []) {
    const path = name.startsWith("loop")
      ? readProc(`/sys/block/${name}/loop/backing_file`)?.replace(/\n$/, "")
      : undefined;
    if (path === undefined) continue;
    try {
      const backing = backingOf(`${devices}/${name}`);
      if (backing === undefined || !isBackedInside(backing, path, directory, tables)) continue;
      holders.push({ pid: 0, command: name, how: "loop", where: textOfPath(path as RawPath) });
    } catch (error) {
      unreadable.push({ pid: 0, why: `cannot find out where the backing file of ${name} is: ${messageOf(error)}` });
    }
  }
  return { holders, unreadable };
}

/** Undefined when the loop device was detached meanwhile. */
function backingOf(device: string): Backing | undefined {
  const fd = openSync(device, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const info = Buffer.alloc(LOOP_INFO_BYTES);
    ioctl.call(device, fd, LOOP_GET_STATUS64, info);
    return { device: decodeDevice(info.readUInt32LE(0)), inode: info.readBigUInt64LE(8) };
  } catch (error) {
    if (hasCode(error, "ENXIO")) return undefined;
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** The kernel's new_encode_dev. */
function decodeDevice(encoded: number): Device {
  return { major: (encoded >>> 8) & 0xfff, minor: (encoded & 0xff) | ((encoded >>> 12) & 0xfff00) };
}

function isBackedInside(backing: Backing, path: string, directory: Directory, tables: Tables): boolean {
  // Each subvolume of Btrfs has a device number of its own, with major 0. If both have major 0,
  // different devices prove nothing.
  const { device } = directory;
  const mayDiffer = device.major === 0 && backing.device.major === 0;
  if (!mayDiffer && !isSame(device, backing.device)) return false;
  return isInsideByPath(backing, path, directory, tables) ?? hasInode(directory.fd, backing);
}

/** Decides by the path, if it leads the host or the agent to the file. Undefined: it does not. */
function isInsideByPath(backing: Backing, path: string, directory: Directory, tables: Tables): boolean | undefined {
  for (const root of ["/proc/1/root", ""]) {
    const inside = leadingTo(`${root}${textOfPath(path as RawPath)}`, (fd) => {
      const { dev, ino } = statDescriptor(fd);
      if (ino !== backing.inode || !isSame(dev, backing.device)) return undefined;
      const view = tables.view(mountIdOf(fd), "") ?? (root === "" ? directory.view : undefined);
      const link = linkOf(`/proc/self/fd/${String(fd)}`);
      return view === undefined || link === undefined ? undefined : isInside(view, link);
    });
    if (inside !== undefined) return inside;
  }
  return undefined;
}

/** Undefined also if the path cannot be opened, for whatever reason: then it proves nothing. */
function leadingTo(path: string, use: (fd: number) => boolean | undefined): boolean | undefined {
  try {
    return withTarget(path, use);
  } catch {
    return undefined;
  }
}

/** Looks for an inode in a tree, without following a symlink or crossing a mount. */
function hasInode(directory: number, wanted: Backing): boolean {
  const fd = openat2(directory, ".", O_RDONLY | O_DIRECTORY, RESOLVE_BENEATH);
  try {
    for (const name of readDirectory(fd)) {
      const found = statUnlessGone(fd, name);
      if (found === undefined) continue;
      if (found.ino === wanted.inode && isSame(found.dev, wanted.device)) return true;
      if (found.type === "directory" && isBelow(fd, name, (child) => hasInode(child, wanted))) return true;
    }
    return false;
  } finally {
    closeSync(fd);
  }
}

function statUnlessGone(fd: number, name: Buffer): ReturnType<typeof statat> | undefined {
  try {
    return statat(fd, name);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/**
 * False when the name is gone, is no directory any more, or is a mount point: a mounted file system
 * does not belong to the volume.
 */
function isBelow(fd: number, name: Buffer, look: (child: number) => boolean): boolean {
  let child: number;
  try {
    const resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
    child = openat2(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, resolve);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "ELOOP", "EXDEV")) return false;
    throw error;
  }
  try {
    return look(child);
  } finally {
    closeSync(child);
  }
}

function isSame(a: Device, b: Device): boolean {
  return a.major === b.major && a.minor === b.minor;
}
