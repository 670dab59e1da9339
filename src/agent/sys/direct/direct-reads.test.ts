import { randomBytes } from "node:crypto";
import { closeSync, constants, openSync, truncateSync, writeFileSync } from "node:fs";
import { constants as os } from "node:os";
import { expect, it, onTestFinished, type TestContext } from "vitest";
import { DirectReads } from "./direct-reads.ts";
import { hasCode } from "../libc.ts";
import { loopDisk } from "../testing/file-systems.fixture.ts";
import { notRoot, scratch } from "../testing/scratch.fixture.ts";

type Skips = Pick<TestContext, "skip">;

const { EBADF, EIO } = os.errno;
const DIRECTLY = constants.O_RDONLY | constants.O_DIRECT;

/** Reads that nobody else uses. Skips the test where there are none. */
function take({ skip }: Skips): DirectReads {
  const taken = DirectReads.take();
  if (taken === undefined) skip("this kernel, or a sandbox, has no asynchronous reads");
  return taken as DirectReads;
}

/** The same. They end with the test. */
function reads(test: Skips): DirectReads {
  const taken = take(test);
  onTestFinished(() => {
    taken.end();
  });
  return taken;
}

/** Opens a file until the test is over. Skips the test if its file system has no direct reads. */
function open(path: string, flags: number, { skip }: Skips): number {
  let fd = -1;
  try {
    fd = openSync(path, flags);
  } catch (error) {
    if ((flags & constants.O_DIRECT) === 0 || !hasCode(error, "EINVAL")) throw error;
    skip("the file system of TMPDIR has no O_DIRECT");
  }
  onTestFinished(() => {
    closeSync(fd);
  });
  return fd;
}

/** Makes files of these lengths, and opens them until the test is over. */
function files(test: Skips, lengths: readonly number[], flags = DIRECTLY): { fd: number; bytes: Buffer }[] {
  const { path } = scratch();
  return lengths.map((length, index) => {
    const bytes = randomBytes(length);
    writeFileSync(`${path}/${String(index)}`, bytes, { flush: true });
    return { fd: open(`${path}/${String(index)}`, flags, test), bytes };
  });
}

function begin(direct: DirectReads, opened: readonly { fd: number; bytes: Buffer }[]): number[] {
  const places = opened.map(({ bytes, fd }) => direct.add(fd, bytes.length));
  direct.submit();
  return places;
}

/** Whether a read has given these bytes. To compare long buffers with `toEqual` takes seconds. */
function holds(found: Buffer | number, bytes: Buffer = Buffer.alloc(0)): boolean {
  return typeof found !== "number" && found.equals(bytes);
}

it("reads many files at a time, each into its own memory", (test) => {
  const direct = reads(test);
  for (let round = 0; round < 3; round += 1) {
    const lengths = Array.from({ length: 64 }, (_, index) => 1 + ((index * 1031 * (round + 1)) % (64 * 1024)));
    const opened = files(test, [...lengths.slice(0, 62), 4096, 64 * 1024]);
    const places = begin(direct, opened);
    expect(direct.isFull).toBe(true);
    for (const [index, { bytes }] of [...opened.entries()].toReversed()) {
      expect(holds(direct.wait(places[index] ?? -1), bytes), String(bytes.length)).toBe(true);
    }
    for (const place of places) direct.free(place);
  }
});

it("gives the error of a read that is refused, and reads the files after it", (test) => {
  const direct = reads(test);
  const [readable, other] = [files(test, [100, 5000]), files(test, [10, 20], constants.O_WRONLY)];
  const opened = [...other.slice(0, 1), ...readable.slice(0, 1), ...other.slice(1), ...readable.slice(1)];
  const places = begin(direct, opened);
  expect(places.map((place) => direct.wait(place))).toEqual([-EBADF, readable[0]?.bytes, -EBADF, readable[1]?.bytes]);
});

it.skipIf(notRoot)("gives the error of a read that the disk fails, and reads on (needs root)", (test) => {
  const direct = reads(test);
  const image = `${scratch().path}/image`;
  const bytes = randomBytes(64 * 1024);
  writeFileSync(image, bytes);
  const disk = { fd: open(loopDisk(image, test), DIRECTLY, test), bytes };
  const [before] = begin(direct, [disk]);
  expect(holds(direct.wait(before ?? -1), bytes)).toBe(true);
  truncateSync(image);
  const opened = files(test, [100, 5000]);
  const places = begin(direct, [disk, ...opened]);
  expect(places.map((place) => direct.wait(place))).toEqual([-EIO, ...opened.map((file) => file.bytes)]);
});

it("ends while reads are in progress or wait, and is used again after that only", (test) => {
  const [first, other] = [take(test), reads(test)];
  expect(other).not.toBe(first);
  const opened = files(
    test,
    Array.from({ length: 40 }, () => 64 * 1024),
  );
  begin(first, opened.slice(0, 30));
  for (const { bytes, fd } of opened.slice(30)) first.add(fd, bytes.length);
  first.end();
  const again = reads(test);
  expect(again).toBe(first);
  const places = begin(again, opened);
  for (const [index, place] of places.entries()) expect(holds(again.wait(place), opened[index]?.bytes)).toBe(true);
});
