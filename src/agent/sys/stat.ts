/*
 * The state of an object: statx and inode flags. Sizes and times are bigint, because a number is
 * not exact for all of them.
 */
import { statfsSync } from "node:fs";
import { procPath } from "./change.ts";
import { cString, libcFunction, systemCall } from "./libc.ts";

export type FileType = "file" | "directory" | "symlink" | "fifo" | "socket" | "block" | "character";

/** The device number of a file system or of a device node. */
export interface Device {
  readonly major: number;
  readonly minor: number;
}

/** The result of statx. */
export interface Stat {
  readonly type: FileType;
  /** Permission bits, with setuid, setgid and sticky, without the type's bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: bigint;
  /** Allocated blocks of 512 bytes. */
  readonly blocks: bigint;
  readonly nlink: number;
  readonly ino: bigint;
  /** The device of the file system that holds the object. */
  readonly dev: Device;
  /** The device that a device node stands for. */
  readonly rdev: Device;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  /**
   * The id of the mount through which the object was reached. Two bind mounts of one file system
   * differ.
   */
  readonly mntId: bigint;
  /** The STATX_ATTR_ bits that are set. */
  readonly attributes: bigint;
}

const STATX_ATTR_IMMUTABLE = 0x10n;
const STATX_ATTR_APPEND = 0x20n;
const STATX_ATTR_ENCRYPTED = 0x800n;
const STATX_ATTR_MOUNT_ROOT = 0x2000n;
const STATX_ATTR_VERITY = 0x100000n;

/** The attributes of statx that the agent uses, by name. */
export const ATTRIBUTES = {
  immutable: STATX_ATTR_IMMUTABLE,
  append: STATX_ATTR_APPEND,
  encrypted: STATX_ATTR_ENCRYPTED,
  mountRoot: STATX_ATTR_MOUNT_ROOT,
  verity: STATX_ATTR_VERITY,
} as const;

/** Inode flags of FS_IOC_GETFLAGS (`man 2 ioctl_iflags`), which lsattr shows. */
export const FS_IMMUTABLE_FL = 0x10;
export const FS_APPEND_FL = 0x20;
export const FS_NODUMP_FL = 0x40;
export const FS_CASEFOLD_FL = 0x4000_0000;

/** The type's bits in st_mode. */
export const TYPE_BITS: Readonly<Record<FileType, number>> = {
  fifo: 0o010000,
  character: 0o020000,
  directory: 0o040000,
  block: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
};
const TYPE_OF_BITS = new Map(Object.entries(TYPE_BITS).map(([type, bits]) => [bits, type as FileType]));

/** The unit of `blocks`. */
const BLOCK_BYTES = 512n;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_NO_AUTOMOUNT = 0x800;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
const STATX_MNT_ID = 0x1000;
const STATX_BYTES = 256;
const FS_IOC_GETFLAGS = 0x8008_6601;
const FS_IOC_SETFLAGS = 0x4008_6602;

const calls = {
  statx: systemCall("statx", { x64: 332, arm64: 291 }, ["int", "void *", "int", "uint32_t", "void *"]),
  ioctl: libcFunction("ioctl", "int", ["int", "uint64_t", "void *"]),
};

/** The state of `name` in `dirfd`. Does not follow a symlink. */
export function statat(dirfd: number, name: Buffer | string): Stat {
  return statx(dirfd, name, AT_SYMLINK_NOFOLLOW);
}

/** The state of an open object. An O_PATH descriptor is enough. */
export function statDescriptor(fd: number): Stat {
  return statx(fd, "", AT_EMPTY_PATH);
}

/** Bytes of a file without its holes, by its blocks. */
export function dataBytes({ blocks, size }: Pick<Stat, "blocks" | "size">): number {
  const allocated = blocks * BLOCK_BYTES;
  return Number(allocated < size ? allocated : size);
}

/**
 * One buffer for all calls: the kernel fills it, and it is read before the next call, because the
 * calls are synchronous.
 */
const OUT = Buffer.alloc(STATX_BYTES);
/** The same bytes as numbers of 32 and 64 bits, in the machine's order (little-endian). */
const HALVES = new Uint32Array(OUT.buffer, OUT.byteOffset, STATX_BYTES / 4);
const WORDS = new BigInt64Array(OUT.buffer, OUT.byteOffset, STATX_BYTES / 8);

function statx(dirfd: number, name: Buffer | string, flags: number): Stat {
  const mask = STATX_BASIC_STATS | STATX_MNT_ID;
  calls.statx.call(name, dirfd, cString(name), flags | AT_NO_AUTOMOUNT, mask, OUT);
  const bits = half(28) & 0xffff;
  const type = TYPE_OF_BITS.get(bits & 0o170000);
  if (type === undefined) throw new Error(`an object of the unknown type ${(bits & 0o170000).toString(8)}`);
  return {
    type,
    mode: bits & 0o7777,
    attributes: word(8),
    nlink: half(16),
    uid: half(20),
    gid: half(24),
    ino: BigInt.asUintN(64, word(32)),
    size: word(40),
    blocks: word(48),
    atimeNs: timeNs(64),
    ctimeNs: timeNs(96),
    mtimeNs: timeNs(112),
    rdev: device(128),
    dev: device(136),
    mntId: BigInt.asUintN(64, word(144)),
  };
}

function half(offset: number): number {
  return HALVES[offset / 4] ?? 0;
}

function word(offset: number): bigint {
  return WORDS[offset / 8] ?? 0n;
}

function timeNs(offset: number): bigint {
  return word(offset) * 1_000_000_000n + BigInt(half(offset + 8));
}

function device(offset: number): Device {
  return { major: half(offset), minor: half(offset + 4) };
}

/**
 * The inode flags of an open file or directory. Throws ENOTTY or EOPNOTSUPP if the file system has
 * no inode flags.
 */
export function inodeFlags(fd: number): number {
  const flags = Buffer.alloc(8);
  calls.ioctl.call("", fd, FS_IOC_GETFLAGS, flags);
  return flags.readUInt32LE(0);
}

/** Sets the inode flags of an open file or directory. */
export function setInodeFlags(fd: number, flags: number): void {
  const value = Buffer.alloc(8);
  value.writeUInt32LE(flags, 0);
  calls.ioctl.call("", fd, FS_IOC_SETFLAGS, value);
}

/** The f_type by statfs(2). That of ext4 is also that of ext2 and ext3. */
const TRIED: ReadonlyMap<number, "ext4" | "xfs" | "btrfs"> = new Map([
  [0xef53, "ext4"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
]);

const TMPFS = 0x0102_1994;

/** The file system of an open file or directory. Undefined: the engine was not tried on it. */
export function triedFileSystem(fd: number): "ext4" | "xfs" | "btrfs" | undefined {
  return TRIED.get(typeOf(fd));
}

/**
 * Whether an open file or directory is on a file system that the engine was tried on: its change
 * times show every change, and a read past the page cache returns what the cache has.
 */
export function isTriedFileSystem(fd: number): boolean {
  return triedFileSystem(fd) !== undefined;
}

/**
 * Whether SEEK_DATA and SEEK_HOLE can be relied on for an open file: only on the file systems that
 * the engine was tried with, and tmpfs. Overlayfs passes on the answer of the one below it.
 */
export function reportsHoles(fd: number): boolean {
  const type = typeOf(fd);
  return type === TMPFS || TRIED.has(type);
}

function typeOf(fd: number): number {
  return statfsSync(procPath(fd)).type >>> 0;
}
