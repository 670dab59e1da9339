/*
 * Loop devices whose backing file lies in the directory. The kernel gives their backing file as a
 * path, as seen by whoever set the device up, and as device and inode. The path proves nothing: a
 * pod sees other paths. So a device on the directory's file system is cleared only when its path
 * leads the host to that very inode outside, or when no file in the directory has it.
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

/** Undefined when the device was taken down meanwhile. */
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
  // Subvolumes of Btrfs have devices without a disk (major 0) of their own: only on others a device
  // tells.
  const { device } = directory;
  const mayDiffer = device.major === 0 && backing.device.major === 0;
  if (!mayDiffer && !isSame(device, backing.device)) return false;
  return isInsideByPath(backing, path, directory, tables) ?? hasInode(directory.fd, backing);
}

/** By the path, where it leads the host or us to the file. */
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

/** A path that leads nowhere, for whatever reason, says nothing. */
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
 * False when the name is gone, became something else, or is a mount point: what is mounted there is
 * not the volume's.
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
