/* Reads the names of a directory as bytes. Node's own readdir cannot read from a descriptor. */
import { hasCode, systemCall } from "./libc.ts";

/** The buffer of one getdents64 call. It has room for about 1,000 names. */
const BUFFER_BYTES = 32 * 1024;
/** struct linux_dirent64: d_ino 8, d_off 8, d_reclen 2, d_type 1, d_name up to a NUL. */
const LENGTH_AT = 16;
const NAME_AT = 19;

const getdents64 = systemCall("getdents64", { x64: 217, arm64: 61 }, ["int", "void *", "uint64_t"]);

/**
 * The names from the descriptor's position on, without `.` and `..`, in the file system's order.
 * The directory must have been opened for reading, not with O_PATH.
 */
export function* readDirectory(fd: number): Generator<Buffer, void> {
  const buffer = Buffer.alloc(BUFFER_BYTES);
  for (;;) {
    const length = fill(fd, buffer);
    if (length === 0) return;
    for (let at = 0; at < length; at += buffer.readUInt16LE(at + LENGTH_AT)) {
      const start = at + NAME_AT;
      const name = buffer.subarray(start, buffer.indexOf(0, start));
      if (!isDot(name)) yield Buffer.from(name);
    }
  }
}

function fill(fd: number, buffer: Buffer): number {
  try {
    return getdents64.call("", fd, buffer, BUFFER_BYTES);
  } catch (error) {
    // The directory was removed while it was open, so it has no names any more.
    if (hasCode(error, "ENOENT")) return 0;
    throw error;
  }
}

function isDot(name: Buffer): boolean {
  return name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e));
}
