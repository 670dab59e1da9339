/*
 * Tests files that go past the page cache at the target: new and patched ones, of every size around
 * a block, a piece and a chunk, with holes anywhere.
 */
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, ftruncateSync, openSync, statSync, writeFileSync, writeSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { cachedBytes, dropCache, punchHole } from "../sys/data.ts";
import { DirectFile } from "../sys/direct/direct.ts";
import { O_RDONLY } from "../sys/open.ts";
import { hasTool, tool } from "../sys/testing/scratch.fixture.ts";
import { copyEngine } from "./engine.ts";
import type { Progress } from "./receive.ts";
import { Copy, LATER } from "./testing/copy.fixture.ts";
import { dice, edit, write } from "./testing/edits.fixture.ts";
import { tamperedPair } from "./testing/streams.fixture.ts";
import { allocatedKib, describeTree, shell, sourceAndTarget } from "./testing/trees.fixture.ts";

const engine = copyEngine();
const never = new AbortController().signal;
const KIB = 1024;
const MIB = 1024 ** 2;

const AROUND = [-4097, -4096, -4095, -1, 0, 1, 4095, 4096, 4097] as const;
const SIZES = [0, 1, 4095, 4096, 4097, ...[256 * KIB, MIB, 3 * MIB].flatMap((size) => AROUND.map((by) => size + by))];

/** How many bytes of a file the page cache has. */
function cached(path: string): number {
  return Number(tool("fincore", "--bytes", "--noheadings", "--output", "RES", path));
}

function isDirectHere(path: string): boolean {
  writeFileSync(path, "");
  const fd = openSync(path, "r");
  try {
    const file = DirectFile.open(fd, O_RDONLY);
    file?.close();
    return file !== undefined;
  } finally {
    closeSync(fd);
  }
}

/** Makes a file of up to 12 MiB with a few writes and holes, at any place and of any length. */
function make(path: string, pick: (max: number) => number): string {
  const size = (SIZES[pick(SIZES.length)] ?? 0) + pick(10) * MIB + (pick(2) === 0 ? pick(8192) : 0);
  const done = [`${String(size)} bytes`];
  const fd = openSync(path, "w+");
  try {
    for (let pieces = pick(5); pieces > 0; pieces--) {
      const at = pick(size + 1);
      const length = Math.min(size - at, 1 + pick([5000, 300 * KIB, 5 * MIB][pick(3)] ?? 1));
      if (length === 0) continue;
      if (pick(4) === 0) punchHole(fd, at, length);
      else writeSync(fd, pick(6) === 0 ? Buffer.alloc(length) : randomBytes(length), 0, length, at);
      done.push(`${String(length)} at ${String(at)}`);
    }
    ftruncateSync(fd, size);
  } finally {
    closeSync(fd);
  }
  return done.join(", ");
}

describe("a large file", () => {
  it("arrives whole, whatever its size, and is patched at both ends of it", async () => {
    const { source, target, from, to } = sourceAndTarget();
    for (const size of SIZES) writeFileSync(`${source}/${String(size)}`, randomBytes(size));
    const copy = new Copy(from, to, LATER);
    await copy.live();
    expect(describeTree(target)).toBe(describeTree(source));
    for (const size of SIZES.filter((bytes) => bytes > 0)) {
      write(`${source}/${String(size)}`, 0, "first");
      write(`${source}/${String(size)}`, size - 1, "!");
    }
    await copy.live();
    expect(describeTree(target)).toBe(describeTree(source));
    for (const size of SIZES) write(`${source}/${String(size)}`, size + 5000, "longer, behind a hole");
    const summary = await engine.summarize(from, never, copy.source);
    await copy.final();
    expect(describeTree(target)).toBe(describeTree(source));
    expect(await engine.summarize(to, never)).toEqual(summary);
  });

  it("keeps its holes, at odd places too", async () => {
    const { source, target, from, to } = sourceAndTarget();
    writeFileSync(`${source}/f`, randomBytes(9 * MIB + 777));
    const fd = openSync(`${source}/f`, "r+");
    for (const [at, length] of [
      [1, 5],
      [300 * KIB + 1, 2 * MIB],
      [4 * MIB - 5, 100 * KIB],
      [8 * MIB + 4095, 4098],
      [9 * MIB + 100, 677],
    ] as const) {
      punchHole(fd, at, length);
    }
    closeSync(fd);
    await new Copy(from, to, LATER).final();
    expect(describeTree(target)).toBe(describeTree(source));
    // The map of a file's blocks takes some blocks itself; how many depends on where the file's
    // blocks lie.
    expect(Math.abs(allocatedKib(target, "f") - allocatedKib(source, "f"))).toBeLessThanOrEqual(16);
  });

  it("and its read-back leave the page cache alone, but for its end (needs fincore)", async ({ skip }) => {
    const { base, source, target, from, to } = sourceAndTarget();
    if (!hasTool("fincore")) skip("fincore is not installed");
    if (!isDirectHere(`${base}/probe`)) skip("the file system of TMPDIR has no O_DIRECT");
    writeFileSync(`${source}/db`, randomBytes(5 * MIB + 100));
    const copy = new Copy(from, to, LATER);
    const whileWritten: number[] = [];
    const seen = ({ bytes }: Progress): void => {
      if (bytes > 2 * MIB) whileWritten.push(cached(`${target}/db`));
    };
    await copy.live(undefined, undefined, { seen });
    expect(Math.max(...whileWritten)).toBeLessThanOrEqual(4096);
    expect(cached(`${target}/db`)).toBeLessThanOrEqual(4096);
    write(`${source}/db`, 2 * MIB, "patched");
    expect((await copy.live()).bytes).toBe(MIB);
    expect(cached(`${target}/db`)).toBeLessThanOrEqual(4096);
    expect(describeTree(target)).toBe(describeTree(source));
  });

  it("is read at the source past the page cache, but for what the cache has (needs fincore)", async ({ skip }) => {
    const { base, source, target, from, to } = sourceAndTarget();
    if (!hasTool("fincore")) skip("fincore is not installed");
    if (!isDirectHere(`${base}/probe`)) skip("the file system of TMPDIR has no O_DIRECT");
    const fd = openSync(`${source}/db`, "w+");
    writeSync(fd, randomBytes(6 * MIB + 100));
    fsyncSync(fd);
    dropCache(fd);
    if (cachedBytes(fd, 0, MIB) === undefined) skip("the kernel does not say what is cached");
    expect(cachedBytes(fd, 0, MIB)).toBe(0);
    // Only the cache has this one.
    writeSync(fd, randomBytes(MIB), 0, MIB, 3 * MIB);
    expect(cachedBytes(fd, 3 * MIB, MIB)).toBe(MIB);
    const before = cached(`${source}/db`);
    expect(before).toBeLessThan(2 * MIB);
    const copy = new Copy(from, to, LATER);
    await copy.live();
    expect(cached(`${source}/db`)).toBeLessThanOrEqual(before + 64 * KIB);
    shell(target, `cmp db ${source}/db`);
    dropCache(fd);
    writeSync(fd, "dirty, where the cache does not begin", 4 * MIB + 8192);
    await copy.live();
    shell(target, `cmp db ${source}/db`);
    closeSync(fd);
  });

  it.each([1, 2, 3])("is the source's after any pass that ends well (seed %d)", async (seed) => {
    const pick = dice(seed * 7919);
    const { source, target, from, to } = sourceAndTarget();
    const names = ["a", "b", "c"];
    const done = names.map((name) => `${name}: ${make(`${source}/${name}`, pick)}`);
    const copy = new Copy(from, to, LATER);
    for (let pass = 0; pass < 5; pass++) {
      if (pick(3) === 0) {
        const end = pick(6 * MIB);
        const cut = await tamperedPair((chunk, at) => (at + chunk.length > end ? "cut" : chunk));
        await copy[pick(2) === 0 ? "live" : "final"](cut).catch(() => undefined);
        done.push("a pass that broke");
      }
      const summary = await engine.summarize(from, never, copy.source);
      await copy[pick(2) === 0 ? "live" : "final"]();
      done.push("a pass");
      for (const name of names) shell(target, `cmp ${name} ${source}/${name}`);
      expect(describeTree(target), done.join("\n")).toBe(describeTree(source));
      expect(await engine.summarize(to, never), done.join("\n")).toEqual(summary);
      for (let edits = pick(4); edits > 0; edits--) {
        const name = names[pick(3)] ?? "";
        if (pick(4) === 0) done.push(`${name} anew: ${make(`${source}/${name}`, pick)}`);
        else if (statSync(`${source}/${name}`).size < 40 * MIB)
          done.push(`${name}: ${edit(`${source}/${name}`, pick)}`);
      }
    }
  });
});

describe("a flipped byte of data, which no checksum of its frame finds", () => {
  /**
   * Runs a transfer in which the bits `bit` of the byte `place` of the stream are flipped. Gives
   * how it ended.
   */
  async function flipped(copy: Copy, place: number, bit: number): Promise<unknown> {
    const streams = await tamperedPair((chunk, at) => {
      if (place >= at && place < at + chunk.length) chunk[place - at] = (chunk[place - at] ?? 0) ^ bit;
      return chunk;
    });
    return copy.live(streams).then(
      () => "done",
      (error: unknown) => error,
    );
  }

  it("is found by the hash of its file, new or patched", async () => {
    const { source, target, from, to } = sourceAndTarget();
    writeFileSync(`${source}/db`, randomBytes(2 * MIB + 100));
    const copy = new Copy(from, to, LATER);
    const damaged = {
      code: "TRANSFER_DIGEST_DIFFERS",
      message: expect.stringContaining("'db': its content arrived damaged") as string,
    };
    for (const place of [5000, MIB, 2 * MIB + 60]) expect(await flipped(copy, place, 1)).toMatchObject(damaged);
    await copy.live();
    expect(describeTree(target)).toBe(describeTree(source));
    write(`${source}/db`, MIB, "patched");
    expect(await flipped(copy, MIB / 2, 0x80)).toMatchObject(damaged);
    expect((await copy.live()).bytes).toBe(2 * MIB + 100);
    expect(describeTree(target)).toBe(describeTree(source));
  });

  it("ends no pass well, wherever it is", async () => {
    const { source, target, from, to } = sourceAndTarget();
    // The file is too long for one small-file frame, so its data has frames of its own. It has
    // zeros at both ends.
    writeFileSync(`${source}/f`, Buffer.alloc(70 * KIB).fill("data", 5000, 60 * KIB));
    for (let place = 0; place < 600; place += 1) {
      const copy = new Copy(from, to, LATER);
      expect(await flipped(copy, place, 1 << (place % 8)), `byte ${String(place)}`).toMatchObject({
        code: expect.stringMatching(/^TRANSFER_(WIRE_BROKEN|WIRE_INVALID|WIRE_VERSION|DIGEST_DIFFERS)$/) as string,
      });
    }
    await new Copy(from, to).final();
    expect(describeTree(target)).toBe(describeTree(source));
  });
});
