/*
 * The I/O priority of this process. By it a disk's scheduler (BFQ, mq-deadline) decides whom to
 * serve first. Each thread has its own; a new thread gets that of the thread that makes it. With
 * the scheduler `none`, which most NVMe disks have, it has no effect.
 */
import { readdirSync } from "node:fs";
import { hasCode, systemCall } from "./libc.ts";

const IOPRIO_WHO_PROCESS = 1;
const CLASS_SHIFT = 13;
const BEST_EFFORT = 2;

const ioprioSet = systemCall("ioprio_set", { x64: 251, arm64: 30 }, ["int", "int", "int"]);
const ioprioGet = systemCall("ioprio_get", { x64: 252, arm64: 31 }, ["int", "int"]);

/**
 * The lowest of the eight levels of the class best effort. The idle class is lower still, but it is
 * served only when nobody else uses the disk, so a busy neighbour could stop a move for ever.
 */
export const LOWEST = (BEST_EFFORT << CLASS_SHIFT) | 7;

/** The I/O priority of this thread, as `setIoPriority` takes it. */
export function ioPriority(): number {
  return settable(ioprioGet.call("", IOPRIO_WHO_PROCESS, 0));
}

/**
 * A priority without a class has no level. Kernels before 5.15 say that it has level 4, and refuse
 * that as EINVAL.
 */
export function settable(priority: number): number {
  return priority >> CLASS_SHIFT === 0 ? 0 : priority;
}

/** Sets the I/O priority of every thread of this process. */
export function setIoPriority(priority: number): void {
  for (const thread of readdirSync("/proc/self/task")) {
    try {
      ioprioSet.call("", IOPRIO_WHO_PROCESS, Number(thread), priority);
    } catch (error) {
      // The thread has ended meanwhile.
      if (!hasCode(error, "ESRCH")) throw error;
    }
  }
}
