/*
 * Reads the mount tables of other mount namespaces.
 *
 * `/proc/<pid>/mountinfo` shows only what lies below the root directory of that process, so a
 * container whose processes all run in a chroot would hide the rest of its mounts. Therefore this
 * thread enters the namespace, where its root is the namespace's own root, opens its own mountinfo
 * there, and goes back. Only a separate thread may do that, and it must first stop sharing root and
 * working directory with the other threads. If it cannot go back, it must end.
 */
import { closeSync, openSync } from "node:fs";
import { parseMountinfo, type MountEntry } from "../../mounts/mountinfo.ts";
import { libcFunction } from "../../sys/libc.ts";
import { AT_FDCWD, O_DIRECTORY, O_PATH, O_RDONLY, openat } from "../../sys/open.ts";
import { readAll } from "./proc.ts";

const CLONE_FS = 0x200;
const CLONE_NEWNS = 0x2_0000;

const calls = {
  unshare: libcFunction("unshare", "int", ["int"]),
  setns: libcFunction("setns", "int", ["int", "int"]),
  fchdir: libcFunction("fchdir", "int", ["int"]),
  chroot: libcFunction("chroot", "int", ["void *"]),
};

/** This thread is in a foreign mount namespace and cannot leave it. */
export class Lost extends Error {
  override readonly name = "Lost";
}

/**
 * Reads the mount table of a namespace. The argument is the path of a file that stands for the
 * namespace (`/proc/<pid>/ns/mnt`).
 */
export type ReadTable = (namespace: string) => MountEntry[];

/**
 * Prepares this thread for entering namespaces. Call it once, in a thread that does nothing else.
 * Needs CAP_SYS_ADMIN and CAP_SYS_CHROOT.
 */
export function enterNamespaces(): ReadTable {
  calls.unshare.call("", CLONE_FS);
  const own = openSync("/proc/thread-self/ns/mnt", "r");
  const root = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
  const self = openat(AT_FDCWD, "/proc/thread-self", O_PATH | O_DIRECTORY);
  return (path) => {
    const namespace = openSync(path, "r");
    try {
      calls.setns.call(path, namespace, CLONE_NEWNS);
    } finally {
      closeSync(namespace);
    }
    let table: number | undefined;
    try {
      // An open mountinfo keeps the namespace and the root that the thread had when it opened the
      // file.
      table = openat(self, "mountinfo", O_RDONLY);
    } finally {
      goBack(own, root);
    }
    try {
      return parseMountinfo(Buffer.from(readAll(table), "latin1"));
    } finally {
      closeSync(table);
    }
  };
}

function goBack(own: number, root: number): void {
  try {
    calls.setns.call("own mount namespace", own, CLONE_NEWNS);
    calls.fchdir.call("own root directory", root);
    calls.chroot.call("own root directory", Buffer.from(".\0"));
  } catch (error) {
    throw new Lost("this thread cannot go back to its own mount namespace", { cause: error });
  }
}
