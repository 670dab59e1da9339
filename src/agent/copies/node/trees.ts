import { basename, dirname } from "node:path";
import { AT_FDCWD, close, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY, openat } from "../../sys/open.ts";
import { purge } from "../../transfer/purge.ts";
import { usage } from "../../transfer/usage.ts";
import type { Trees } from "../trees.ts";

/**
 * Trees on this machine's disks. The parent of a tree is closed to all but root, so it may be
 * opened by its path.
 */
export function systemTrees(): Trees {
  return {
    remove: (path, signal) =>
      withDescriptor(dirname(path), O_PATH | O_DIRECTORY, (fd) => purge(fd, basename(path), signal)),
    usage: (path, signal) =>
      withDescriptor(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, async (fd) => {
        const { bytes, inodes } = await usage(fd, signal);
        return { bytes, files: inodes };
      }),
  };
}

async function withDescriptor<T>(path: string, flags: number, work: (fd: number) => Promise<T>): Promise<T> {
  const fd = openat(AT_FDCWD, path, flags);
  try {
    return await work(fd);
  } finally {
    close(fd);
  }
}
