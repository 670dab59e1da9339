/*
 * Asks the kernel whether anybody can write to a file. The kernel grants a read lease (F_SETLEASE,
 * F_RDLCK) only while nobody has the file open for writing. A shared mapping, and a direct write
 * that is in progress, keep the file open even after its descriptor was closed.
 *
 * The lease is held for a few microseconds. A process that opens the file for writing in that time
 * waits until the lease ends; with O_NONBLOCK it gets EWOULDBLOCK.
 */
import { constants } from "node:os";
import { hasCode, libcFunction, SystemError } from "./libc.ts";

const F_SETSIG = 10;
const F_SETLEASE = 1024;
const F_RDLCK = 0;
const F_UNLCK = 2;

const fcntl = libcFunction("fcntl", "int", ["int", "int", "int"]);

/**
 * Runs `look` while nobody has the file open for writing. Undefined: somebody has, or the kernel
 * grants no lease (another file system, `fs.leases-enable=0`, a file of another owner without
 * CAP_LEASE). `fd` must be open for reading only.
 */
export function whileNobodyWrites<T>(fd: number, look: () => T): T | undefined {
  try {
    take(fd);
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

/**
 * Whether somebody has the file open for writing, be it a process or the kernel itself (a loop
 * device, an NFS server). False as well where the kernel grants no leases at all. `fd` must be open
 * for reading only.
 */
export function isOpenForWriting(fd: number): boolean {
  try {
    take(fd);
  } catch (error) {
    if (error instanceof SystemError) return hasCode(error, "EAGAIN");
    throw error;
  }
  fcntl.call("", fd, F_SETLEASE, F_UNLCK);
  return false;
}

function take(fd: number): void {
  // When somebody waits for the end of a lease, the kernel sends a signal to its holder. The
  // default is SIGIO, which ends a process that does not handle it. SIGURG does nothing.
  fcntl.call("", fd, F_SETSIG, constants.signals.SIGURG);
  fcntl.call("", fd, F_SETLEASE, F_RDLCK);
}
