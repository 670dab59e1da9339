// One write to a whole file that lasts as long as its disk is slow. No descriptor of the file is
// open any more once it has begun; this says so, waits for the end, and exits.
import koffi, { type KoffiFunc } from "koffi";
import { closeSync, constants, openSync, statSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

const [kind = "", path = "", other = ""] = process.argv.slice(2);
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_PRIVATE_ANONYMOUS = 0x22;

const libc = koffi.load("libc.so.6");
const mmap = libc.func("void *mmap(void *address, size_t length, int protection, int flags, int file, int64_t offset)");
const memset = libc.func("void *memset(void *address, int byte, size_t length)");
const pread = libc.func("int64_t pread(int file, void *buffer, size_t length, int64_t offset)");
const pwrite = libc.func("int64_t pwrite(int file, void *buffer, size_t length, int64_t offset)");

const before = statSync(path, { bigint: true });
const size = Number(before.size);
const file = openSync(path, constants.O_RDWR | constants.O_DIRECT);
const transfer = begin();
while (statSync(path, { bigint: true }).ctimeNs === before.ctimeNs) await pause(1);
closeSync(file);
process.stdout.write("begun\n");
if ((await transfer) !== size) throw new Error("the file was not written whole");

/** Resolves with the bytes that were written. */
function begin(): Promise<number> {
  if (kind === "direct") {
    const buffer = mmap(null, size, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0) as object;
    memset(buffer, "b".charCodeAt(0), size);
    return onThread(pwrite, file, buffer);
  }
  // The disk reads another file straight into the pages of this one.
  const pages = mmap(null, size, PROT_READ_WRITE, MAP_SHARED, file, 0) as object;
  return onThread(pread, openSync(other, constants.O_RDONLY | constants.O_DIRECT), pages);
}

function onThread(
  call: KoffiFunc<(file: number, buffer: object, length: number, offset: number) => number>,
  fd: number,
  buffer: object,
): Promise<number> {
  return new Promise((resolve, reject) => {
    call.async(fd, buffer, size, 0, (error: Error | null, result: number | bigint) => {
      if (error === null) resolve(Number(result));
      else reject(error);
    });
  });
}
