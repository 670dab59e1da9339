/*
 * Makes the objects of the target's tree, without owner, mode and attributes: these are set when an
 * object is closed. Until then only the agent can read it.
 */
import {
  close,
  linkThroughProc,
  mkdirat,
  mknodat,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_WRONLY,
  openat,
  symlinkat,
} from "../../sys/open.ts";
import { statDescriptor, TYPE_BITS } from "../../sys/stat.ts";
import { transferErrors } from "../errors.ts";
import type { Head } from "../tree/entry.ts";
import { pathText, type TreePath } from "../tree/path.ts";
import { look, lookAlong, openDirectory } from "../tree/safe-open.ts";

export const MODE_OF_UNFINISHED_FILE = 0o600;
export const MODE_OF_UNFINISHED_DIRECTORY = 0o700;

/** Makes an empty file, and opens it for writing. */
export function makeFile(dirfd: number, name: Buffer): number {
  return openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, MODE_OF_UNFINISHED_FILE);
}

/** Makes a directory, and opens it for reading. */
export function makeDirectory(dirfd: number, name: Buffer): number {
  mkdirat(dirfd, name, MODE_OF_UNFINISHED_DIRECTORY);
  const looked = look(dirfd, name);
  try {
    if (statDescriptor(looked).type === "directory") return openDirectory(looked);
  } finally {
    close(looked);
  }
  throw transferErrors.SOURCE_CHANGED({ path: pathText([name]), what: "it is no directory any more" });
}

/** Makes a symlink, FIFO, socket or device. Gives an O_PATH descriptor. */
export function makeSpecial(dirfd: number, name: Buffer, { rdev, target, type }: Head): number {
  if (type === "file" || type === "directory" || type === "link") throw new Error(`a ${type} is nothing special`);
  if (type === "symlink") symlinkat(target ?? Buffer.alloc(0), dirfd, name);
  else mknodat(dirfd, name, TYPE_BITS[type] | MODE_OF_UNFINISHED_FILE, rdev ?? { major: 0, minor: 0 });
  return look(dirfd, name);
}

/** Makes a further name of the object at the path `first` below `root`. */
export function makeLink(root: number, first: TreePath, dirfd: number, name: Buffer): void {
  const fd = lookAlong(root, first);
  try {
    if (statDescriptor(fd).type === "directory")
      throw transferErrors.WIRE_INVALID({ why: "a hard link to a directory" });
    linkThroughProc(fd, dirfd, name);
  } finally {
    close(fd);
  }
}
