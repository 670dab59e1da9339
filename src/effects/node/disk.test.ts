import { mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MemoryDisk } from "../testing/memory-disk.fixture.ts";
import type { Disk } from "../disk.ts";
import { systemDisk } from "./disk.ts";

let root: string;
const disk = systemDisk();
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "disk-"));
});
afterEach(() => rm(root, { recursive: true }));

/** The error's code, or the value. */
const outcome = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    (value) => value,
    (error: unknown) => (error as { code?: string }).code,
  );

/**
 * What both disks must do alike, for the one in memory stands for the real one in all crash tests.
 */
async function story(on: Disk, at: string): Promise<unknown[]> {
  const path = (name: string): string => `${at}/${name}`;
  return [
    await outcome(on.readText(path("none"))),
    await outcome(on.stat(path("none"))),
    await outcome(on.list(path("none"))),
    await outcome(on.makeDirectory(path("a"), { mode: 0o700 })),
    await outcome(on.makeDirectory(path("a"), { mode: 0o700 })),
    await outcome(on.makeDirectory(path("none/b"), { mode: 0o700 })),
    await outcome(on.write(path("a/file"), "one")),
    await outcome(on.write(path("a/file"), "two")),
    await outcome(on.readText(path("a/file"))),
    await outcome(on.removeDirectory(path("a"))),
    await outcome(on.makeDirectory(path("full"), { mode: 0o700 })),
    await outcome(on.write(path("full/file"), "text")),
    await outcome(on.rename(path("a"), path("full"))),
    await outcome(on.rename(path("none"), path("b"))),
    await outcome(on.rename(path("a"), path("b"))),
    await outcome(on.list(at)),
    await outcome(on.syncDirectory(at)),
    await outcome(on.removeFile(path("b/file"))),
    await outcome(on.removeFile(path("b/file"))),
    await outcome(on.removeDirectory(path("b"))),
    await outcome(on.removeDirectory(path("b"))),
    (await on.stat(path("full")))?.kind,
    (await on.stat(path("full/file")))?.kind,
  ];
}

test("the disk in memory does what the machine's does", async () => {
  expect(await story(new MemoryDisk().prepare(root), root)).toEqual(await story(disk, root));
});

test("a directory has its mode whatever the umask", async () => {
  const before = process.umask(0o077);
  try {
    await disk.makeDirectory(join(root, "a"), { mode: 0o2777 });
  } finally {
    process.umask(before);
  }
  expect((await stat(join(root, "a"))).mode & 0o7777).toBe(0o2777);
});

test.skipIf(process.getuid?.() !== 0)("a directory has its owner (needs root)", async () => {
  await disk.makeDirectory(join(root, "a"), { mode: 0o755, uid: 1234, gid: 5678 });
  expect(await stat(join(root, "a"))).toMatchObject({ uid: 1234, gid: 5678 });
});

test("writing never follows a symlink", async () => {
  await writeFile(join(root, "target"), "untouched");
  await symlink(join(root, "target"), join(root, "link"));
  expect(await outcome(disk.write(join(root, "link"), "text"))).toBe("ELOOP");
  expect(await readFile(join(root, "target"), "utf8")).toBe("untouched");
  expect((await disk.stat(join(root, "link")))?.kind).toBe("symlink");
});

test("room is what the file system says", async () => {
  const room = await disk.room(root);
  expect(room.capacityBytes).toBeGreaterThan(room.availableBytes);
  expect(room.availableBytes).toBeGreaterThan(0);
});
