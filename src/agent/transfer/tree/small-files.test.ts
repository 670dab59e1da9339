import { readdirSync, readFileSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, it, onTestFinished } from "vitest";
import { mount, MS_RDONLY, unmount } from "../../sys/mount.ts";
import { loopDisk, ramfs } from "../../sys/testing/file-systems.fixture.ts";
import { hasTool, notRoot, scratch } from "../../sys/testing/scratch.fixture.ts";
import { directoryAt, fill, shell } from "../testing/trees.fixture.ts";
import { items } from "./flow.ts";
import { pathText } from "./path.ts";
import { scan, type ScanOptions } from "./scan.ts";
import { SMALL_BYTES } from "./small-files.ts";

const never = new AbortController().signal;

const TMPFS = 0x0102_1994;
const inMemory = statfsSync(tmpdir()).type === TMPFS;

/** The bytes that disks have read for this process so far. */
function bytesFromDisk(): number {
  return Number(/^read_bytes: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);
}

/** The small files that `scan` gives, each with the beginning of its text. */
async function filesOf(path: string, options?: ScanOptions, between?: (name: string) => void): Promise<string[]> {
  const seen: string[] = [];
  for await (const step of items(scan(directoryAt(path), never, options))) {
    if (step.kind === "small") {
      seen.push(`${pathText(step.entry.path)}: ${step.bytes.toString("latin1", 0, 4)}`);
      between?.(pathText(step.entry.path));
    }
  }
  return seen;
}

describe("a small file", () => {
  it("comes in one step when it is plain, and as its parts otherwise", async () => {
    const { path } = scratch();
    shell(
      path,
      `mkdir t; cd t; printf abcd > a; : > b; ln a c; truncate -s 20000 hole; ln -s a link; mkfifo pipe
      head -c ${String(SMALL_BYTES)} /dev/zero | tr '\\0' x > largest; head -c ${String(SMALL_BYTES + 1)} /dev/zero > larger
      printf abcd > d`,
    );
    if (hasTool("setfattr")) shell(path, "printf abcd > t/e; setfattr -n user.note -v x t/e");
    expect(await filesOf(`${path}/t`)).toEqual(["b: ", "d: abcd", "largest: xxxx"]);
  });

  it("is what was looked at ahead, though its name leads elsewhere by then", async () => {
    const { path } = scratch();
    shell(path, "mkdir t out; for i in 1 2 3 4; do printf own$i > t/$i; printf bad$i > out/$i; done; touch -d @0 t/*");
    // A live pass, because in a sealed tree this would be an error.
    const seen = await filesOf(`${path}/t`, { live: true }, (name) => {
      if (name === "1") shell(path, "for i in 2 3 4; do mv t/$i kept$i; ln -s ../out/$i t/$i; done");
    });
    expect(seen[0]).toBe("1: own1");
    expect(seen.filter((text) => text.includes("bad"))).toEqual([]);
  });

  it.each([{}, { fromDisk: true }])("is not sent as it was when it changes before its turn (%j)", async (options) => {
    const { path } = scratch();
    shell(path, "mkdir t; for i in 1 2 3; do printf old$i > t/$i; done");
    const change = (name: string): void => {
      if (name === "1") shell(path, "printf new3 > t/3");
    };
    await expect(filesOf(`${path}/t`, options, change)).rejects.toMatchObject({ code: "TRANSFER_SOURCE_CHANGED" });
  });

  it.skipIf(inMemory)("is read back from the disk and not from the cache (needs a disk)", async () => {
    const { path } = scratch();
    shell(path, "mkdir t; for i in {1..50}; do head -c 4096 /dev/urandom > t/$i; done; sync -f t");
    const [inCache, onDisk] = [{}, { fromDisk: true }].map((options) => async (): Promise<number> => {
      const before = bytesFromDisk();
      expect(await filesOf(`${path}/t`, options)).toHaveLength(50);
      return bytesFromDisk() - before;
    });
    expect(await inCache?.()).toBeLessThan(50 * 4096);
    expect(await onDisk?.()).toBeGreaterThanOrEqual(50 * 4096);
    expect(await onDisk?.()).toBeGreaterThanOrEqual(50 * 4096);
  });

  it.skipIf(notRoot)("is read back where direct reads are refused (needs root)", async (test) => {
    const path = await ramfs(test);
    shell(path, "for i in 1 2 3; do printf ram$i > $i; done");
    expect(await filesOf(path, { fromDisk: true })).toEqual(["1: ram1", "2: ram2", "3: ram3"]);
  });

  it.skipIf(notRoot)("is an error where the disk cannot read it (needs root and mkfs.ext4)", async (test) => {
    if (!hasTool("mkfs.ext4")) test.skip("mkfs.ext4 is not installed");
    const { path } = scratch();
    shell(path, "mkdir t disk; for i in 1 2 3; do head -c 4096 /dev/urandom > t/$i; done");
    shell(path, "truncate -s 8M image; mkfs.ext4 -q -d t image");
    const disk = `${path}/disk`;
    await mount(loopDisk(`${path}/image`, test), disk, "ext4", MS_RDONLY);
    onTestFinished(() => unmount(disk));
    expect(await filesOf(disk, { fromDisk: true })).toHaveLength(3);
    // What the kernel knows of the names and the inodes stays, and the data is not in its cache.
    shell(path, "truncate -s 0 image");
    await expect(filesOf(disk, { fromDisk: true })).rejects.toThrow("'1' could not be copied: EIO");
  });

  it.each([{}, { fromDisk: true }])("leaves no descriptor behind, wherever a scan ends (%j)", async (options) => {
    const { path, fd } = scratch();
    fill(path);
    shell(path, "mkdir many; for i in {1..100}; do echo $i > many/$i; done");
    const opened = (): number => readdirSync("/proc/self/fd").length;
    const before = opened();
    for (const steps of [1, 10, 60, 150, 10_000]) {
      let count = 0;
      for await (const _ of items(scan(fd, never, options))) if (++count === steps) break;
      expect(opened()).toBe(before);
    }
  });
});
