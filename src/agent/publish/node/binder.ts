import type { Mounts } from "../../mounts/mounts.ts";
import {
  AT_FDCWD,
  close,
  O_DIRECTORY,
  O_PATH,
  openat,
  openat2,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from "../../sys/open.ts";
import type { Binder } from "../binder.ts";

const FLAGS = O_PATH | O_DIRECTORY;
/** A mount is not crossed either, because a copy is on the pool's own disk. */
const RULES = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;

/**
 * Opens the directory with openat2, which follows no symlink and crosses no mount in any component,
 * and mounts the descriptor.
 */
export function systemBinder(mounts: Mounts): Binder {
  return {
    bind: async (pool, inside, target, options) => {
      const poolFd = openat(AT_FDCWD, pool, FLAGS);
      try {
        const fd = openat2(poolFd, inside, FLAGS, RULES);
        try {
          await mounts.bind(fd, target, options);
        } finally {
          close(fd);
        }
      } finally {
        close(poolFd);
      }
    },
  };
}
