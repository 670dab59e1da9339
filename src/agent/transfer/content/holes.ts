/*
 * Where a file has data. Only ext2, ext3, ext4, XFS, Btrfs and tmpfs are asked. Others may report a
 * hole where there is data: OpenZFS before 2.1.14 and 2.2.2 did so for files that were written a
 * moment before. There the whole file is data, and its blocks of zeros are left out after they were
 * read.
 */
import { seekData, seekHole } from "../../sys/data.ts";
import { hasCode } from "../../sys/libc.ts";
import { reportsHoles } from "../../sys/stat.ts";
import { BLOCK, type Range } from "./blocks.ts";

/** What the kernel reports about the holes of an open file. */
export interface Holes {
  /** Whether the file system is one whose answers are right. */
  readonly areReported: (fd: number) => boolean;
  readonly seekData: typeof seekData;
  readonly seekHole: typeof seekHole;
}

export const machineHoles: Holes = { areReported: reportsHoles, seekData, seekHole };

/**
 * The next range that holds data, widened to whole blocks, because file systems report holes in
 * units of their own.
 */
export function nextData(fd: number, at: number, size: number, holes: Holes): Range | undefined {
  try {
    const data = holes.seekData(fd, at);
    if (data === undefined || data >= size) return undefined;
    const hole = holes.seekHole(fd, data);
    return { start: data - (data % BLOCK), end: Math.min(size, Math.ceil(hole / BLOCK) * BLOCK) };
  } catch (error) {
    // A file system without holes.
    if (hasCode(error, "EINVAL")) return { start: at, end: size };
    // The file has been cut off before `data` meanwhile.
    if (hasCode(error, "ENXIO")) return undefined;
    throw error;
  }
}
