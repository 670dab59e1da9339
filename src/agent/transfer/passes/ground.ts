import { syncfs } from "../../sys/data.ts";
import { whileNobodyWrites } from "../../sys/lease.ts";
import { close, O_TMPFILE, O_WRONLY, openat } from "../../sys/open.ts";
import { isTriedFileSystem, statDescriptor, type Stat } from "../../sys/stat.ts";

/** What a pass needs from the machine on which the source's tree lies. */
export interface Ground {
  /**
   * The change time of a file that is made now, in nanoseconds. It shows the file system's own
   * clock. Throws when no file can be made.
   */
  markerNs(root: number): bigint;
  /** The wall clock, in nanoseconds. */
  wallNs(): bigint;
  /** Nanoseconds on a clock that never goes back. */
  monotonicNs(): bigint;
  /** Whether the change times of this file system are known to show every change. */
  isTrusted(root: number): boolean;
  /**
   * Waits until everything that was written so far is on the disk, also stores into mapped pages.
   */
  syncfs(root: number): Promise<void>;
  /**
   * The state of an open file at a moment when nobody has it open for writing. Undefined: somebody
   * has, or that cannot be known.
   */
  statUnwritten(fd: number): Stat | undefined;
}

export const machineGround: Ground = {
  // The file has no name, so the tenant does not see it, and a crash leaves nothing.
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
  isTrusted: isTriedFileSystem,
  syncfs,
  statUnwritten: (fd) => whileNobodyWrites(fd, () => statDescriptor(fd)),
};
