import type { BigIntStats } from "node:fs";
import { constants, lstat, mkdir, open, readdir, readFile, rename, rmdir, statfs, unlink } from "node:fs/promises";
import type { Disk, DiskStat } from "../disk.ts";
import { isMissing } from "../files.ts";

const { O_CREAT, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;

/** The machine's disks. */
export function systemDisk(): Disk {
  return {
    readText: (path) => readFile(path, "utf8"),
    write: async (path, text, { sync = true } = {}) => {
      // Do not truncate first: on a full disk another writer could take the blocks it frees.
      const file = await open(path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0o600);
      try {
        await file.writeFile(text);
        await file.truncate(Buffer.byteLength(text));
        if (sync) await file.sync();
      } finally {
        await file.close();
      }
    },
    rename,
    syncDirectory: async (path) => {
      const directory = await open(path, O_RDONLY | O_DIRECTORY);
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
    },
    makeDirectory: async (path, { mode, uid, gid }) => {
      await mkdir(path, 0o700);
      const directory = await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      try {
        if (uid !== undefined || gid !== undefined) await directory.chown(uid ?? -1, gid ?? -1);
        // After chown, because chown clears setuid and setgid.
        await directory.chmod(mode);
      } finally {
        await directory.close();
      }
    },
    removeDirectory: rmdir,
    removeFile: unlink,
    list: async (path) => (await readdir(path)).sort(),
    stat: async (path) => {
      try {
        const stat = await lstat(path, { bigint: true });
        return { kind: kindOf(stat), inode: stat.ino, device: stat.dev };
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },
    expectWritable: async (path) => {
      const directory = await open(path, O_RDONLY | O_DIRECTORY);
      try {
        const { atime, mtime } = await directory.stat();
        await directory.utimes(atime, mtime);
        await directory.sync();
      } finally {
        await directory.close();
      }
    },
    room: async (path) => {
      const { bsize, blocks, bfree, bavail, files, ffree } = await statfs(path, { bigint: true });
      return {
        // Without the blocks that are reserved for root.
        capacityBytes: Number((blocks - (bfree - bavail)) * bsize),
        availableBytes: Number(bavail * bsize),
        inodes: Number(files),
        inodesFree: Number(ffree),
      };
    },
  };
}

function kindOf(stat: BigIntStats): DiskStat["kind"] {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "directory";
  return stat.isSymbolicLink() ? "symlink" : "other";
}
