/* Reads /proc. A process or thread that ends meanwhile gives undefined; other errors are thrown. */
import { closeSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import { hasCode } from "../../sys/libc.ts";
import { O_PATH } from "../../sys/open.ts";

const FIRST_BUFFER_BYTES = 64 * 1024;
let buffer = Buffer.allocUnsafe(FIRST_BUFFER_BYTES);

/** Gives the result of a call, or undefined when its process, thread or descriptor is gone. */
export function unlessGone<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return undefined;
    throw error;
  }
}

/**
 * The content of a file of /proc, one character per byte. Much faster than readFileSync, which gets
 * the size first.
 */
export function readProc(path: string): string | undefined {
  return unlessGone(() => {
    const fd = openSync(path, "r");
    try {
      return readAll(fd);
    } finally {
      closeSync(fd);
    }
  });
}

/** Reads from an open file of /proc to its end. */
export function readAll(fd: number): string {
  let length = 0;
  for (;;) {
    const got = readSync(fd, buffer, length, buffer.length - length, null);
    if (got === 0) return buffer.toString("latin1", 0, length);
    length += got;
    if (length === buffer.length) buffer = Buffer.concat([buffer, Buffer.allocUnsafe(buffer.length)]);
  }
}

/** The names in a directory of /proc. */
export function namesIn(path: string): readonly string[] | undefined {
  return unlessGone(() => readdirSync(path));
}

/** Stands for a path of more than 4,095 bytes, which the kernel does not show. */
export const TOO_LONG = "";

/** The target of a link of /proc, one character per byte, or TOO_LONG. */
export function linkOf(path: string): string | undefined {
  try {
    return unlessGone(() => readlinkSync(path, { encoding: "latin1" }));
  } catch (error) {
    if (hasCode(error, "ENAMETOOLONG")) return TOO_LONG;
    throw error;
  }
}

/**
 * Calls `use` with an O_PATH descriptor of the target of a link in /proc. Undefined when the link
 * is gone.
 */
export function withTarget<T>(path: string, use: (fd: number) => T): T | undefined {
  const fd = unlessGone(() => openSync(path, O_PATH));
  if (fd === undefined) return undefined;
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

/** The id of the mount through which a file was opened, from the text of its fdinfo. */
export function mountIdIn(fdinfo: string): number {
  const id = /^mnt_id:\s*(\d+)$/m.exec(fdinfo)?.[1];
  if (id === undefined) throw new Error("fdinfo has no mnt_id: this needs Linux 3.15 or later");
  return Number(id);
}

/** The id of the mount through which a descriptor of this process was opened. */
export function mountIdOf(fd: number): number {
  return mountIdIn(readProc(`/proc/self/fdinfo/${String(fd)}`) ?? "");
}
