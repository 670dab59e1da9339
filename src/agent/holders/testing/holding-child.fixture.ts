/*
 * A program that holds a directory or a file in the way its first argument says, prints a line, and
 * waits to be killed.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { cString, libcFunction, systemCall } from "../../sys/libc.ts";

const PAGE = 4096;
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const CLONE_FILES = 0x400;

const chroot = libcFunction("chroot", "int", ["void *"]);
const unshare = libcFunction("unshare", "int", ["int"]);
const mmap = libcFunction("mmap", "int64_t", ["int64_t", "size_t", "int", "int", "int", "int64_t"]);
const exitThread = systemCall("exit", { x64: 60, arm64: 93 }, ["int"]);

function map(path: string, flags: string, protection: number): void {
  const fd = openSync(path, flags);
  mmap.call(path, 0, PAGE, protection, MAP_SHARED, fd, 0);
  closeSync(fd);
}

/** Opens a file in a thread with a descriptor table of its own. */
function openInThread(path: string, then: () => void): void {
  new Worker(new URL(import.meta.url), { workerData: path }).once("message", then);
}

const ways: Readonly<Record<string, (path: string) => void>> = {
  chroot: (path) => {
    process.chdir("/");
    chroot.call(path, cString(path));
  },
  map: (path) => {
    map(path, "r+", PROT_READ | PROT_WRITE);
  },
  "map-may-be-written": (path) => {
    map(path, "r+", PROT_READ);
  },
  "map-to-read": (path) => {
    map(path, "r", PROT_READ);
  },
};

function ready(): void {
  writeSync(1, "ready\n");
}

const [way = "", path = ""] = process.argv.slice(2);
if (!isMainThread) {
  unshare.call("", CLONE_FILES);
  openSync(workerData as string, "a");
  parentPort?.postMessage("opened");
  // Until it is killed, and without a look at the event loop, which would end with the first
  // thread.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0);
} else if (way.startsWith("thread")) {
  openInThread(path, () => {
    ready();
    if (way === "thread-alone") exitThread.call("", 0);
  });
} else {
  ways[way]?.(path);
  ready();
  setInterval(() => undefined, 1_000_000);
}
