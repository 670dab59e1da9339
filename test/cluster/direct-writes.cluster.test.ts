/*
 * Copies onto file systems that take direct writes in their own way: each with sectors of 512 and
 * 4,096 bytes, Btrfs with and without checksums, an XFS whose sectors are too large (it refuses at
 * the first write), ramfs (it refuses at the open), tmpfs. They need no cluster, but file systems
 * of their own.
 */
import { randomBytes } from "node:crypto";
import { closeSync, constants, openSync, writeFileSync, writeSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { punchHole } from "../../src/agent/sys/data.ts";
import { DirectFile, alignedBuffer } from "../../src/agent/sys/direct/direct.ts";
import { mount, unmount } from "../../src/agent/sys/mount.ts";
import { O_WRONLY } from "../../src/agent/sys/open.ts";
import { copyEngine } from "../../src/agent/transfer/engine.ts";
import { SourceMemory } from "../../src/agent/transfer/passes/source-memory.ts";
import { TargetMemory } from "../../src/agent/transfer/passes/target-memory.ts";
import { socketPair } from "../../src/agent/transfer/testing/streams.fixture.ts";
import { describeTree } from "../../src/agent/transfer/testing/trees.fixture.ts";
import { makeLoopDisk, type LoopDiskShape } from "./loop-disk.ts";

const KIB = 1024;
const MIB = 1024 * 1024;
const SIZES = [0, 1, 4095, 4096, 4097, 256 * KIB + 1, MIB - 1, MIB, MIB + 1, 3 * MIB - 4097, 9 * MIB + 777];
const never = new AbortController().signal;
const notRoot = process.getuid?.() !== 0;
const engine = copyEngine();

/** How a file system takes a direct write: at all, not this one, or no direct descriptor either. */
type Takes = "direct" | "refuses the write" | "refuses the open";

const DISKS: readonly [string, LoopDiskShape, Takes][] = [
  ["ext4", { fs: "ext4", sector: 512, mib: 200 }, "direct"],
  ["ext4, sectors of 4096", { fs: "ext4", sector: 4096, mib: 200 }, "direct"],
  ["ext4, blocks of 1024", { fs: "ext4", sector: 512, made: ["-b", "1024"], mib: 200 }, "direct"],
  ["ext4 without extents", { fs: "ext4", sector: 512, made: ["-O", "^extent,^64bit"], mib: 200 }, "direct"],
  ["XFS", { fs: "xfs", sector: 512, mib: 400 }, "direct"],
  ["XFS, sectors of 4096", { fs: "xfs", sector: 4096, mib: 400 }, "direct"],
  [
    "XFS, sectors of 8192",
    { fs: "xfs", sector: 8192, made: ["-s", "size=8192", "-b", "size=8192"], mib: 400 },
    "refuses the write",
  ],
  ["Btrfs", { fs: "btrfs", sector: 512, mib: 300 }, "direct"],
  ["Btrfs, sectors of 4096", { fs: "btrfs", sector: 4096, mib: 300 }, "direct"],
  ["Btrfs without checksums", { fs: "btrfs", sector: 512, mounted: "nodatasum", mib: 300 }, "direct"],
];

async function scratch(): Promise<string> {
  const base = await mkdtemp(join(tmpdir(), "mooring-direct-"));
  onTestFinished(() => rm(base, { recursive: true, force: true }));
  return base;
}

/** A source with files of all sizes, holes in the longest one. */
async function makeSource(base: string): Promise<string> {
  const source = join(base, "source");
  await mkdir(source);
  for (const size of SIZES) writeFileSync(join(source, String(size)), randomBytes(size));
  change(source, (fd) => {
    for (const [at, length] of [
      [300 * KIB + 1, 2 * MIB],
      [4 * MIB - 5, 100 * KIB],
      [8 * MIB + 4095, 4098],
    ] as const) {
      punchHole(fd, at, length);
    }
  });
  return source;
}

/** Does something to the longest file. */
function change(source: string, work: (fd: number) => void): void {
  const fd = openSync(join(source, String(SIZES.at(-1))), "r+");
  work(fd);
  closeSync(fd);
}

async function takenAt(path: string): Promise<Takes> {
  const fd = openSync(join(path, "probe"), "w");
  try {
    const file = DirectFile.open(fd, O_WRONLY);
    const done = await file?.write(4096, alignedBuffer(4096));
    file?.close();
    return done === undefined ? "refuses the open" : done === 0 ? "refuses the write" : "direct";
  } finally {
    closeSync(fd);
    await rm(join(path, "probe"));
  }
}

/** Both ends of one copy, which hold no descriptor while no pass runs. */
class Copy {
  readonly #source = new SourceMemory();
  readonly #target = new TargetMemory();
  readonly #from: string;
  readonly #to: string;

  constructor(from: string, to: string) {
    this.#from = from;
    this.#to = to;
  }

  /** Gives the bytes that arrived. */
  async pass(name: string | undefined): Promise<number> {
    const [from, to] = [this.#from, this.#to].map((path) => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY));
    if (from === undefined || to === undefined) throw new Error("unreachable");
    try {
      const [near, far] = await socketPair();
      let arrived = 0;
      const base = this.#target.pass;
      await Promise.all([
        engine.send(from, near, never, { pass: name, base, memory: this.#source }),
        engine.receive(to, far, never, ({ bytes }) => (arrived = bytes), { pass: name, memory: this.#target }),
      ]);
      return arrived;
    } finally {
      closeSync(from);
      closeSync(to);
    }
  }
}

async function copyAndPatch(source: string, target: string): Promise<void> {
  const copy = new Copy(source, target);
  await copy.pass("one");
  expect(describeTree(target)).toBe(describeTree(source));
  change(source, (fd) => {
    writeSync(fd, "first", 0);
    writeSync(fd, Buffer.alloc(MIB), 0, MIB, 5 * MIB);
    writeSync(fd, randomBytes(300 * KIB), 0, 300 * KIB, 6 * MIB + 5);
    writeSync(fd, "longer", 9 * MIB + 6000);
    punchHole(fd, 7 * MIB - 10, 5000);
  });
  expect(await copy.pass(undefined)).toBeLessThan(5 * MIB);
  expect(describeTree(target)).toBe(describeTree(source));
}

test.skipIf(notRoot).each(DISKS)("a copy onto %s is on the disk when it is done", async (_name, shape, expected) => {
  const base = await scratch();
  const source = await makeSource(base);
  await using disk = await makeLoopDisk(base, shape);
  expect(await takenAt(disk.path)).toBe(expected);
  const target = join(disk.path, "target");
  await mkdir(target);
  await copyAndPatch(source, target);
  await disk.cutPower();
  expect(describeTree(target)).toBe(describeTree(source));
  expect(await disk.faults()).toBe("");
});

test.skipIf(notRoot).each([
  ["ramfs", "refuses the open"],
  ["tmpfs", undefined],
] as const)("a copy onto %s is right", async (fs, expected) => {
  const base = await scratch();
  const [source, path] = [await makeSource(base), join(base, "memory")];
  await mkdir(path);
  await mount("none", path, fs, 0);
  try {
    if (expected !== undefined) expect(await takenAt(path)).toBe(expected);
    const target = join(path, "target");
    await mkdir(target);
    await copyAndPatch(source, target);
  } finally {
    await unmount(path);
  }
});
