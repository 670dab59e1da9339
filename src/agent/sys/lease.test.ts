import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { isOpenForWriting, whileNobodyWrites } from "./lease.ts";
import { libcFunction } from "./libc.ts";
import { scratch } from "./testing/scratch.fixture.ts";

const PAGE = 4096;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const mmap = libcFunction("mmap", "int64_t", ["int64_t", "size_t", "int", "int", "int", "int64_t"]);
const munmap = libcFunction("munmap", "int", ["int64_t", "size_t"]);

/** A file of one page, open for reading. */
function file(): { readonly path: string; readonly fd: number } {
  const path = join(scratch().path, "file");
  writeFileSync(path, Buffer.alloc(PAGE));
  const fd = openSync(path, "r");
  onTestFinished(() => {
    closeSync(fd);
  });
  return { path, fd };
}

/** Whether nobody writes to the file, as far as that can be known. */
function asked(fd: number): boolean {
  const nobody = whileNobodyWrites(fd, () => true) ?? false;
  expect(isOpenForWriting(fd)).toBe(!nobody);
  return nobody;
}

describe("nobody writes to a file", () => {
  it("that is open for reading only, however often", () => {
    const { fd, path } = file();
    const other = openSync(path, "r");
    expect([asked(fd), asked(other), asked(fd)]).toEqual([true, true, true]);
    closeSync(other);
  });

  it("again when the last who had it open for writing has closed it", () => {
    const { fd, path } = file();
    const [one, two] = [openSync(path, "r+"), openSync(path, "a")];
    expect(asked(fd)).toBe(false);
    closeSync(one);
    expect(asked(fd)).toBe(false);
    closeSync(two);
    expect(asked(fd)).toBe(true);
  });

  it("unless it is mapped shared, also when its descriptor is closed", () => {
    const { fd, path } = file();
    const writing = openSync(path, "r+");
    const address = mmap.call("", 0, PAGE, PROT_READ_WRITE, MAP_SHARED, writing, 0);
    closeSync(writing);
    expect(asked(fd)).toBe(false);
    munmap.call("", address, PAGE);
    expect(asked(fd)).toBe(true);
  });

  it("and anybody may afterwards, without waiting", () => {
    const { fd, path } = file();
    expect(asked(fd)).toBe(true);
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
  });

  it("and a look that throws leaves no lease", () => {
    const { fd, path } = file();
    expect(() =>
      whileNobodyWrites(fd, () => {
        throw new Error("no");
      }),
    ).toThrow("no");
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
  });

  it("while it is looked at, and the signal about who wants to does not end us", () => {
    const { fd, path } = file();
    const write = ["-c", `dd if=/dev/zero of=${path} oflag=nonblock conv=notrunc count=1`];
    const tried = whileNobodyWrites(fd, () => spawnSync("sh", write, { encoding: "utf8" }));
    expect(tried?.stderr).toContain("Resource temporarily unavailable");
    expect(spawnSync("sh", write).status).toBe(0);
  });

  it("and nothing is known of what is no file", () => {
    const directory = openSync(scratch().path, "r");
    for (const fd of [directory, -1]) {
      expect(whileNobodyWrites(fd, () => true)).toBeUndefined();
      expect(isOpenForWriting(fd)).toBe(false);
    }
    closeSync(directory);
  });
});
