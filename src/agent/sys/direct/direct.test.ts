import { randomBytes } from "node:crypto";
import { closeSync, constants, ftruncateSync, openSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { expect, it, onTestFinished, type TestContext } from "vitest";
import { ALIGNMENT, alignedBuffer, AlignedRing, DirectFile, isAligned, wholeBlocks } from "./direct.ts";
import { addressOf } from "../libc.ts";
import { O_RDONLY, O_WRONLY } from "../open.ts";
import { ramfs } from "../testing/file-systems.fixture.ts";
import { hasTool, notRoot, scratch, tool } from "../testing/scratch.fixture.ts";

const KIB = 1024;
const BTRFS_MAGIC = 0x9123_683e;

/** A file in a directory, opened for reading and writing until the test is over. */
function fileIn(path: string): { path: string; fd: number } {
  const fd = openSync(`${path}/f`, constants.O_RDWR | constants.O_CREAT);
  onTestFinished(() => {
    closeSync(fd);
  });
  return { path: `${path}/f`, fd };
}

/**
 * The file past the page cache. Skips the test if the file system of TMPDIR has no direct calls.
 */
function direct(fd: number, access: number, { skip }: Pick<TestContext, "skip">): DirectFile {
  const file = DirectFile.open(fd, access);
  if (file === undefined) skip("the file system of TMPDIR has no O_DIRECT");
  onTestFinished(() => {
    file?.close();
  });
  return file as DirectFile;
}

/**
 * Skips the test on Btrfs, which accepts direct writes, but makes them through the page cache if it
 * keeps checksums.
 */
function skipOnBtrfs(path: string, { skip }: Pick<TestContext, "skip">): void {
  if (statfsSync(path).type === BTRFS_MAGIC) skip("Btrfs writes through the page cache");
}

it("gives memory that begins at a block, from a given byte on", () => {
  for (const before of [0, 1, 8, ALIGNMENT - 1, ALIGNMENT, ALIGNMENT + 8]) {
    for (const length of [0, 1, ALIGNMENT, 1024 * KIB + before]) {
      const bytes = alignedBuffer(length, before);
      expect(bytes.length).toBe(length);
      if (length < before || length === 0) continue;
      expect((addressOf(bytes) + BigInt(before)) % BigInt(ALIGNMENT)).toBe(0n);
      if (length > before) expect(isAligned(bytes.subarray(before))).toBe(true);
      if (length > before + 1) expect(isAligned(bytes.subarray(before + 1))).toBe(false);
    }
  }
});

it("gives aligned memory in turn, which grows with what is asked for", () => {
  const ring = new AlignedRing(3, 8);
  const first = [5000, 100, 300 * KIB].map((length) => ring.next(length));
  expect(first.map(({ length }) => length)).toEqual([5000, 100, 300 * KIB]);
  expect(first.every((bytes) => (addressOf(bytes) + 8n) % BigInt(ALIGNMENT) === 0n)).toBe(true);
  expect(new Set(first.map(addressOf)).size).toBe(3);
  expect(addressOf(ring.next(4000))).toBe(addressOf(first[0] as Buffer));
  expect(ring.next(9000)).toHaveLength(9000);
  expect(addressOf(ring.next(1))).toBe(addressOf(first[2] as Buffer));
});

/** Reads into new memory. */
function read(file: DirectFile, offset: number, length: number): Promise<Buffer | undefined> {
  return file.read(offset, length, alignedBuffer(wholeBlocks(length)));
}

it("reads into the caller's memory", async (test) => {
  const { path, fd } = fileIn(scratch().path);
  const bytes = randomBytes(64 * KIB);
  writeFileSync(path, bytes);
  const file = direct(fd, O_RDONLY, test);
  const room = alignedBuffer(64 * KIB);
  const [one, two] = await Promise.all([
    file.read(0, 16 * KIB, room),
    file.read(16 * KIB, 5000, room.subarray(16 * KIB)),
  ]);
  expect([one?.length, two?.length]).toEqual([16 * KIB, 5000]);
  expect(room.subarray(0, 16 * KIB + 5000).equals(bytes.subarray(0, 16 * KIB + 5000))).toBe(true);
});

it("writes the whole blocks from any memory, and says how much that is", async (test) => {
  const { path, fd } = fileIn(scratch().path);
  ftruncateSync(fd, 900 * KIB);
  const file = direct(fd, O_WRONLY, test);
  const expected = Buffer.alloc(900 * KIB);
  let at = 0;
  for (const [length, shift] of [
    [0, 0],
    [1, 0],
    [4095, 0],
    [4096, 0],
    [4096, 3],
    [4097, 4095],
    [300 * KIB + 17, 0],
    [400 * KIB, 1],
  ] as const) {
    const bytes = randomBytes(length);
    const memory = alignedBuffer(shift + length).subarray(shift);
    bytes.copy(memory);
    const done = await file.write(at, memory);
    expect(done).toBe(length - (length % ALIGNMENT));
    bytes.copy(expected, at, 0, done);
    at += done;
  }
  expect(readFileSync(path).equals(expected)).toBe(true);
});

it("reads what lies on the disk, and what is only in the page cache", async (test) => {
  const { path, fd } = fileIn(scratch().path);
  const bytes = randomBytes(300 * KIB + 17);
  writeFileSync(path, bytes);
  const file = direct(fd, O_RDONLY, test);
  const length = bytes.length - 8 * KIB;
  expect((await read(file, 8 * KIB, length))?.equals(bytes.subarray(8 * KIB))).toBe(true);
  expect((await read(file, 0, 5))?.equals(bytes.subarray(0, 5))).toBe(true);
  expect(await read(file, 8 * KIB, length + 1)).toBeUndefined();
  expect(await read(file, 400 * KIB, 1)).toBeUndefined();
  expect((await read(file, 4096, 4096))?.equals(bytes.subarray(4096, 8192))).toBe(true);
});

it("leaves nothing in the page cache (needs fincore)", async (test) => {
  if (!hasTool("fincore")) test.skip("fincore is not installed");
  const { path, fd } = fileIn(scratch().path);
  skipOnBtrfs(path, test);
  const file = direct(fd, O_WRONLY, test);
  expect(await file.write(0, randomBytes(512 * KIB))).toBe(512 * KIB);
  expect(await read(direct(fd, O_RDONLY, test), 0, 512 * KIB)).toHaveLength(512 * KIB);
  expect(tool("fincore", "--bytes", "--noheadings", "--output", "RES", path).trim()).toBe("0");
});

it("does nothing more once the file system has refused a call", async (test) => {
  const { path, fd } = fileIn(scratch().path);
  skipOnBtrfs(path, test);
  const file = direct(fd, O_WRONLY, test);
  // A write at an offset that is no multiple of the sectors is refused, as by a disk with larger
  // sectors.
  expect(await file.write(100, alignedBuffer(8 * KIB))).toBe(0);
  expect(await file.write(0, alignedBuffer(8 * KIB))).toBe(0);
  expect(readFileSync(path)).toHaveLength(0);
});

it("fails with what is wrong with the disk or the file", async (test) => {
  const { fd } = fileIn(scratch().path);
  const file = direct(fd, O_RDONLY, test);
  await expect(file.write(0, alignedBuffer(8 * KIB))).rejects.toMatchObject({ code: "EBADF" });
  expect(() => DirectFile.open(-1, O_RDONLY)).toThrow("ENOENT");
});

it.skipIf(notRoot)("is not there on a file system without it (needs root)", async (test) => {
  const { path, fd } = fileIn(await ramfs(test));
  writeFileSync(path, "x");
  expect(DirectFile.open(fd, O_WRONLY)).toBeUndefined();
  expect(DirectFile.open(fd, O_RDONLY)).toBeUndefined();
});
