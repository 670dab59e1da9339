/*
 * What a copy of a directory in use may conclude from a file that looks unchanged. A store through
 * a shared mapping sets mtime and ctime only when it is the first since the page was last written
 * back: the kernel protects a clean page, and learns of the first store by the fault. So a scan
 * that finds a page dirty will not learn of the next store into it. It needs no cluster, but a file
 * system that tracks mapped writes, and libc.
 */
import koffi from "koffi";
import { closeSync, openSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { waitFor } from "./wait.ts";

const EXT4 = 0xef53;
const PAGE = 4096;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;

const libc = koffi.load("libc.so.6");
const mmap = libc.func("void *mmap(void *address, size_t length, int protection, int flags, int file, int64_t offset)");
const munmap = libc.func("int munmap(void *address, size_t length)");
const memset = libc.func("void *memset(void *address, int byte, size_t length)");
const syncfs = libc.func("int syncfs(int file)");

let directory: string;
let path: string;
let file: number;
let page: unknown;

beforeEach(async ({ skip }) => {
  const { type } = await statfs(tmpdir());
  if (type !== EXT4) skip(`${tmpdir()} is not on ext4`);
  directory = await mkdtemp(join(tmpdir(), "mooring-mapped-"));
  path = join(directory, "file");
  writeFileSync(path, Buffer.alloc(PAGE, "0"));
  file = openSync(path, "r+");
  page = mmap(null, PAGE, PROT_READ_WRITE, MAP_SHARED, file, 0);
  syncAll();
});

afterEach(async () => {
  if (directory === undefined) return;
  munmap(page, PAGE);
  closeSync(file);
  await rm(directory, { recursive: true });
});

function syncAll(): void {
  expect(syncfs(file)).toBe(0);
}

/** Fills the page through the mapping. */
function store(letter: string): void {
  memset(page, letter.charCodeAt(0), PAGE);
}

/** What a scan records of a file, and the bytes it reads. */
function scan(): { readonly record: object; readonly bytes: string } {
  const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  return { record: { ino, size, mtimeNs, ctimeNs }, bytes: readFileSync(path, "latin1") };
}

/**
 * Waits until a file that changes now gets another time than ours has: times go in steps of some
 * milliseconds.
 */
async function nextTick(): Promise<void> {
  const other = join(directory, "other");
  const { ctimeNs } = statSync(path, { bigint: true });
  writeFileSync(other, "");
  await waitFor(
    "the file system's clock to go on",
    () => {
      utimesSync(other, 0, 0);
      return statSync(other, { bigint: true }).ctimeNs > ctimeNs ? true : undefined;
    },
    { timeoutMs: 10_000, everyMs: 1 },
  );
  rmSync(other);
}

test("a page that is dirty at a scan is stored into afterwards without a trace", async () => {
  // Every few seconds the kernel writes dirty pages back by itself. A store after that shows.
  await waitFor(
    "a store that the kernel does not come before",
    async () => {
      syncAll();
      store("a");
      await nextTick();
      const before = scan();
      store("b");
      const after = scan();
      expect(before.bytes).toBe("a".repeat(PAGE));
      expect(after.bytes).toBe("b".repeat(PAGE));
      expect(after.record).toEqual(before.record);
      return true;
    },
    { timeoutMs: 60_000 },
  );
});

test("once the page has been written back the next store shows in mtime and ctime", async () => {
  store("a");
  await nextTick();
  syncAll();
  const before = scan();
  store("b");
  const after = scan();
  expect(after.record).not.toEqual(before.record);
  expect(after.bytes).toBe("b".repeat(PAGE));
});
