/*
 * Asking the kernel whether anybody can write to a file. A read lease (F_SETLEASE, F_RDLCK) is
 * granted only while no open file allows writing to it. A shared mapping and a direct write that is
 * under way keep their open file, also when its descriptor is closed.
 *
 * The lease is held for a few microseconds. Who opens the file for writing in that time waits for
 * its end; with O_NONBLOCK he gets EWOULDBLOCK.
 */
import { constants } from "node:os";
import { libcFunction, SystemError } from "./libc.ts";

const F_SETSIG = 10;
const F_SETLEASE = 1024;
const F_RDLCK = 0;
const F_UNLCK = 2;

const fcntl = libcFunction("fcntl", "int", ["int", "int", "int"]);

/**
 * Runs `look` while nobody has the file open for writing. undefined: somebody has, or the kernel
 * does not tell (another file system, `fs.leases-enable=0`, a file of another owner without
 * CAP_LEASE). `fd` must be open for reading only.
 */
export function whileNobodyWrites<T>(fd: number, look: () => T): T | undefined {
  try {
    // The kernel tells the holder of a lease when somebody waits for it: by SIGIO, which ends a
    // process that does not handle it, unless another signal was named. SIGURG does nothing.
    fcntl.call("", fd, F_SETSIG, constants.signals.SIGURG);
    fcntl.call("", fd, F_SETLEASE, F_RDLCK);
  } catch (error) {
    if (error instanceof SystemError) return undefined;
    throw error;
  }
  try {
    return look();
  } finally {
    fcntl.call("", fd, F_SETLEASE, F_UNLCK);
  }
}
