/**
 * Small files and directories on a disk. State that must survive a crash is written through this
 * interface. Paths are absolute. Errors are Node's own, with a `code` such as ENOENT.
 *
 * Nothing is durable before it is synced: `write` syncs a file's bytes, and `syncDirectory` syncs
 * the names in a directory.
 */
export interface Disk {
  /** The whole file as UTF-8 text. ENOENT when it is not there. */
  readText(path: string): Promise<string>;
  /**
   * Writes the whole file and syncs it, unless told otherwise. Makes it (mode 0600) or replaces its
   * content in place.
   */
  write(path: string, text: string, options?: { readonly sync?: boolean }): Promise<void>;
  /**
   * Renames within one file system. Replaces a file; ENOTEMPTY for a directory that is not empty.
   */
  rename(from: string, to: string): Promise<void>;
  /** Makes the names in a directory durable. */
  syncDirectory(path: string): Promise<void>;
  /**
   * Makes a directory with exactly this mode and owner, whatever the umask. EEXIST when it is
   * there.
   */
  makeDirectory(path: string, attributes: DirectoryAttributes): Promise<void>;
  /** Removes an empty directory. */
  removeDirectory(path: string): Promise<void>;
  /** Removes a file. */
  removeFile(path: string): Promise<void>;
  /** Names in a directory, sorted. */
  list(path: string): Promise<readonly string[]>;
  /** What the path is, without following a symlink; undefined when it does not exist. */
  stat(path: string): Promise<DiskStat | undefined>;
  /**
   * Throws when nothing in a directory can be changed: EROFS where its file system is read-only, as
   * ext4 is after an error of its disk. Writes the directory's times again, rounded to
   * milliseconds, and syncs: only a write tells. On newer kernels (seen with 6.18) access(2) and
   * the mount table still call such an ext4 writable. Needs no room on the disk.
   */
  expectWritable(path: string): Promise<void>;
  /** Figures of the file system that holds the path. */
  room(path: string): Promise<DiskRoom>;
}

export interface DirectoryAttributes {
  readonly mode: number;
  /** @default the owner of the process */
  readonly uid?: number;
  readonly gid?: number;
}

export interface DiskStat {
  readonly kind: "file" | "directory" | "symlink" | "other";
  readonly inode: bigint;
  readonly device: bigint;
}

export interface DiskRoom {
  /** Bytes for files: the used ones and those available to every user (not only to root). */
  readonly capacityBytes: number;
  readonly availableBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
}
