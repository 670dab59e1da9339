import { statfsSync } from "node:fs";
import { procPath } from "../../sys/change.ts";
import { syncfs } from "../../sys/data.ts";
import { whileNobodyWrites } from "../../sys/lease.ts";
import { close, O_TMPFILE, O_WRONLY, openat } from "../../sys/open.ts";
import { statDescriptor, type Stat } from "../../sys/stat.ts";

/** What a pass asks of the machine that the source's tree lies on. */
export interface Ground {
  /**
   * The change time of a file that is made now, by the file system's own clock (nanoseconds).
   * Throws when no file can be made.
   */
  markerNs(root: number): bigint;
  /** The wall clock, in nanoseconds. */
  wallNs(): bigint;
  /** Nanoseconds on a clock that never goes back. */
  monotonicNs(): bigint;
  /** Whether the change times of this file system are known to tell of every change. */
  isTrusted(root: number): boolean;
  /**
   * Waits until everything written so far is on the disk, also what was stored into mapped pages.
   */
  syncfs(root: number): Promise<void>;
  /**
   * The state of an open file at a moment at which nobody has it open for writing; undefined when
   * somebody has, or when that cannot be known.
   */
  statUnwritten(fd: number): Stat | undefined;
}

/** f_type of statfs(2): ext4 (ext2 and ext3 too), XFS, Btrfs. Of others nobody has tried it. */
const TRUSTED: ReadonlySet<number> = new Set([0xef53, 0x58465342, 0x9123683e]);

export const machineGround: Ground = {
  // Without a name: the tenant does not see it, and a crash leaves nothing.
  markerNs: (root) => {
    const fd = openat(root, ".", O_TMPFILE | O_WRONLY, 0o600);
    try {
      return statDescriptor(fd).ctimeNs;
    } finally {
      close(fd);
    }
  },
  wallNs: () => BigInt(Date.now()) * 1_000_000n,
  monotonicNs: () => process.hrtime.bigint(),
  isTrusted: (root) => TRUSTED.has(statfsSync(procPath(root)).type >>> 0),
  syncfs,
  statUnwritten: (fd) => whileNobodyWrites(fd, () => statDescriptor(fd)),
};
