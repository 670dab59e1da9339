import { statfs } from "node:fs/promises";
import { bytesOf, type FileShape } from "./cases.ts";

/** Source and target. */
const TREES = 2;
/** The file system's own blocks, and others who write meanwhile. */
const SPARE_BYTES = 256 * 1024 * 1024;
const SPARE_PART = 1.1;
/** A file system without a fixed number of inodes says 0. */
const UNLIMITED = 0;

/** What is free on a file system. */
export interface Free {
  readonly bytes: number;
  /** undefined: as many as one likes. */
  readonly inodes: number | undefined;
}

export async function freeAt(directory: string): Promise<Free> {
  const { bavail, bsize, ffree, files } = await statfs(directory);
  return { bytes: bavail * bsize, inodes: files === UNLIMITED ? undefined : ffree };
}

/** Why a case does not fit into what is free; undefined when it does. */
export function whyTooSmall(directory: string, files: readonly FileShape[], free: Free): string | undefined {
  const bytes = TREES * bytesOf(files) * SPARE_PART + SPARE_BYTES;
  if (free.bytes < bytes) {
    return `it needs ${mib(bytes)} below ${directory}, and ${mib(free.bytes)} are free: choose another --dir, or --shrink`;
  }
  const inodes = TREES * files.length * SPARE_PART;
  if (free.inodes !== undefined && free.inodes < inodes) {
    return `it needs ${inodes.toFixed(0)} inodes below ${directory}, and ${String(free.inodes)} are free`;
  }
  return undefined;
}

function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
}
