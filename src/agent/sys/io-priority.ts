/*
 * The I/O priority of this process: what a disk's scheduler (BFQ, mq-deadline) serves first. It
 * belongs to threads; a new thread gets it from the one that makes it. With the scheduler `none`,
 * which most NVMe disks have, it has no effect.
 */
import { readdirSync } from "node:fs";
import { hasCode, systemCall } from "./libc.ts";

const IOPRIO_WHO_PROCESS = 1;
const CLASS_SHIFT = 13;
const BEST_EFFORT = 2;

const ioprioSet = systemCall("ioprio_set", { x64: 251, arm64: 30 }, ["int", "int", "int"]);
const ioprioGet = systemCall("ioprio_get", { x64: 252, arm64: 31 }, ["int", "int"]);

/**
 * The last of the eight levels of best effort. The idle class below it is served only when nobody
 * else wants the disk: a busy neighbour could hold a move up for ever.
 */
export const LOWEST = (BEST_EFFORT << CLASS_SHIFT) | 7;

/** Of this thread, as `setIoPriority` takes it. */
export function ioPriority(): number {
  return ioprioGet.call("", IOPRIO_WHO_PROCESS, 0);
}

/** Sets it for every thread of this process. */
export function setIoPriority(priority: number): void {
  for (const thread of readdirSync("/proc/self/task")) {
    try {
      ioprioSet.call("", IOPRIO_WHO_PROCESS, Number(thread), priority);
    } catch (error) {
      // It has ended meanwhile.
      if (!hasCode(error, "ESRCH")) throw error;
    }
  }
}
