import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { isMissing } from "../../../effects/files.ts";
import { lockAlone } from "../../sys/open.ts";
import { purge } from "../../transfer/purge.ts";
import { usage } from "../../transfer/usage.ts";
import type { Trees } from "../trees.ts";

/** An open directory that only root can have put there. */
export interface OpenDirectory {
  readonly fd: number;
  /** Takes the directory's lock (`flock`) until it is closed. False: another descriptor has it. */
  lock(): boolean;
  close(): Promise<void>;
}

/**
 * Opens the data directory of a copy. Its parents belong to root, and only root can pass them, so a
 * tenant cannot have put something else in its place.
 */
export async function openDirectory(path: string): Promise<OpenDirectory> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  return { fd: handle.fd, lock: () => lockAlone(handle.fd), close: () => handle.close() };
}

/** The trees of this machine. */
export function systemTrees(): Trees {
  return {
    remove: async (path, signal) => {
      const parent = await openDirectory(dirname(path));
      try {
        await purge(parent.fd, basename(path), signal);
      } finally {
        await parent.close();
      }
    },
    usage: async (path, signal) => {
      const directory = await openDirectory(path).catch((error: unknown) => {
        if (isMissing(error)) return undefined;
        throw error;
      });
      if (directory === undefined) return { bytes: 0, files: 0 };
      try {
        const { bytes, inodes } = await usage(directory.fd, signal);
        return { bytes, files: inodes };
      } finally {
        await directory.close();
      }
    },
  };
}
