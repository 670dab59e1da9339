import { closeSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { punchHole } from "../sys/data.ts";
import { reportsHoles } from "../sys/stat.ts";
import { statat } from "../sys/stat.ts";
import { copyEngine } from "./engine.ts";
import { Copy, LATER, readSoFar } from "./testing/copy.fixture.ts";
import { dice, edit, write } from "./testing/edits.fixture.ts";
import { tamperedPair } from "./testing/streams.fixture.ts";
import { list } from "./tree/scan.ts";
import { allocatedKib, describeTree, shell, sourceAndTarget } from "./testing/trees.fixture.ts";

const engine = copyEngine();
const never = new AbortController().signal;
const MIB = 1024 ** 2;

describe("a changed file", () => {
  it("is sent in its changed chunks alone, and below the seal only these are read a second time", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "head -c 40000000 /dev/urandom > db");
    const copy = new Copy(from, to, LATER);
    await copy.live();
    const { ino } = statSync(`${target}/db`);
    write(`${source}/db`, 20 * MIB + 7, "changed");
    expect(await copy.live()).toMatchObject({ bytes: MIB, kept: 40_000_000 - MIB });
    expect(describeTree(target)).toBe(describeTree(source));
    write(`${source}/db`, 3 * MIB - 1, "in two chunks");
    const before = readSoFar();
    const summary = await engine.summarize(from, never, copy.source);
    expect(await copy.final()).toMatchObject({ bytes: 2 * MIB, kept: 40_000_000 - 2 * MIB });
    // The file once whole, and the two chunks three times: by the source, by the target from the
    // stream, and in the read-back.
    expect(readSoFar() - before).toBeLessThan(40_000_000 + 7 * MIB);
    expect(statSync(`${target}/db`).ino).toBe(ino);
    expect(describeTree(target)).toBe(describeTree(source));
    expect(summary).toEqual(await engine.summarize(to, never));
  });

  it("is patched although it changed while every live pass read it", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "head -c 20000000 /dev/urandom > db");
    const copy = new Copy(from, to);
    let writes = 0;
    const pace = (): Promise<void> => {
      write(`${source}/db`, (writes++ % 3) * MIB, `write ${String(writes)}`);
      return Promise.resolve();
    };
    expect((await copy.live(undefined, pace)).bytes).toBe(20_000_000);
    for (let pass = 0; pass < 3; pass++) expect((await copy.live(undefined, pace)).bytes).toBeLessThanOrEqual(3 * MIB);
    await engine.summarize(from, never, copy.source);
    expect((await copy.final()).bytes).toBeLessThanOrEqual(3 * MIB);
    expect(describeTree(target)).toBe(describeTree(source));
  });

  it("of a terabyte of holes is patched in no time, and what became zeros becomes a hole", async ({ skip }) => {
    const { source, target, from, to } = sourceAndTarget();
    skip(!reportsHoles(from), "on this file system a terabyte would be read");
    shell(source, "truncate -s 1T f");
    for (const at of [0, 2 ** 39, 2 ** 40 - 10]) write(`${source}/f`, at, "data");
    shell(source, "head -c 9000000 /dev/urandom | dd of=f bs=1M seek=100 conv=notrunc status=none");
    const copy = new Copy(from, to, LATER);
    await copy.live();
    expect(allocatedKib(target, "f")).toBeGreaterThan(8000);
    const fd = openSync(`${source}/f`, "r+");
    punchHole(fd, 101 * MIB, 20 * MIB);
    writeSync(fd, Buffer.alloc(10), 0, 10, 2 ** 39);
    writeSync(fd, "more", 2 ** 38);
    closeSync(fd);
    expect((await copy.live()).bytes).toBe(4096);
    expect(allocatedKib(target, "f")).toBeLessThan(1200);
    expect(shell(target, "cmp -n 200M f ../source/f; tail -c 20 f | cmp - <(tail -c 20 ../source/f)")).toBe("");
    expect(await engine.summarize(to, never)).toEqual(await engine.summarize(from, never));
    await copy.final();
    expect(await engine.summarize(to, never)).toEqual(await engine.summarize(from, never));
  });

  it.each([1, 2, 3, 4])("is the source's after random edits and passes (seed %d)", async (seed) => {
    const pick = dice(seed);
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "head -c 5000000 /dev/urandom > a; truncate -s 9000001 b; echo small > c; ln a d");
    const copy = new Copy(from, to, LATER);
    const done: string[] = [];
    for (let pass = 0; pass < 8; pass++) {
      for (let edits = pick(4); edits > 0; edits--) {
        const name = ["a", "b", "b", "c", "d"][pick(5)] ?? "";
        done.push(`${name}: ${edit(`${source}/${name}`, pick)}`);
      }
      if (pick(3) === 0) {
        const end = pick(4 * MIB);
        const cut = await tamperedPair((chunk, at) => (at + chunk.length > end ? "cut" : chunk));
        await copy[pick(2) === 0 ? "live" : "final"](cut).catch(() => undefined);
        done.push("a pass that broke");
        if (pick(2) === 0) continue;
      }
      const summary = await engine.summarize(from, never, copy.source);
      await copy[pick(2) === 0 ? "live" : "final"]();
      done.push("a pass");
      expect(describeTree(target), done.join("\n")).toBe(describeTree(source));
      expect(await engine.summarize(to, never), done.join("\n")).toEqual(summary);
    }
    await copy.final();
    expect(describeTree(target), done.join("\n")).toBe(describeTree(source));
  });
});

describe("a patch that breaks", () => {
  it("spoils the file: nobody vouches for it any more, and it is sent whole", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "head -c 20000000 /dev/urandom > db; head -c 3000000 /dev/urandom > still");
    const copy = new Copy(from, to, LATER);
    await copy.live();
    for (const end of [1_500_000, 2_500_000]) {
      const old = readFileSync(`${source}/db`);
      for (const at of [0, 5, 10, 15]) write(`${source}/db`, at * MIB, `until ${String(end)}`);
      const cut = await tamperedPair((chunk, at) => (at + chunk.length > end ? "cut" : chunk));
      await expect(copy.live(cut)).rejects.toMatchObject({ code: "TRANSFER_WIRE_BROKEN" });
      // The source has the remembered content again, but the target does not: the file must not be
      // kept.
      if (end === 2_500_000) write(`${source}/db`, 0, old);
      expect(await copy.live()).toMatchObject({ bytes: 20_000_000, kept: 3_000_000 });
      expect(describeTree(target)).toBe(describeTree(source));
      expect(copy.target.lacking.files.size).toBe(0);
    }
  });

  it("by an abort of the target leaves what the final pass makes equal", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "head -c 8000000 /dev/urandom > db");
    const copy = new Copy(from, to, LATER);
    await copy.live();
    for (const at of [0, 2, 4, 6]) write(`${source}/db`, at * MIB, "new");
    const stop = new AbortController();
    const seen = ({ bytes }: { bytes: number }): void => {
      if (bytes >= 2 * MIB) stop.abort(new Error("enough"));
    };
    await expect(copy.live(undefined, undefined, { signal: stop.signal, seen })).rejects.toThrow("enough");
    expect(readFileSync(`${target}/db`).equals(readFileSync(`${source}/db`))).toBe(false);
    await engine.summarize(from, never, copy.source);
    expect((await copy.final()).bytes).toBe(8_000_000);
    expect(describeTree(target)).toBe(describeTree(source));
  });
});

describe("a pass that patches only up to a limit", () => {
  const most = { patchesAtMost: 5_000_000 };
  const NOT_PATCHED = { code: "TRANSFER_NOT_PATCHED", message: expect.stringContaining("'db'") as string };

  it("ends before it spoils a larger file, and the final pass sends only what has changed of it", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "head -c 8000000 /dev/urandom > db; head -c 3000000 /dev/urandom > a; echo one > z");
    const copy = new Copy(from, to, LATER);
    await copy.live();
    const { ino } = statSync(`${target}/db`);
    const before = readFileSync(`${target}/db`);
    for (const name of ["a", "db"]) write(`${source}/${name}`, MIB, "changed");
    shell(source, "echo two > z");
    await expect(copy.live(undefined, undefined, most)).rejects.toMatchObject(NOT_PATCHED);
    expect(readFileSync(`${target}/db`).equals(before)).toBe(true);
    expect(readFileSync(`${target}/a`).equals(readFileSync(`${source}/a`))).toBe(true);
    // It stays so however often that comes.
    write(`${source}/db`, 3 * MIB, "changed");
    await expect(copy.live(undefined, undefined, most)).rejects.toMatchObject(NOT_PATCHED);
    expect(copy.target.lacking.files.size).toBe(0);
    const summary = await engine.summarize(from, never, copy.source);
    expect(await copy.final()).toMatchObject({ bytes: 2 * MIB + 4, kept: 8_000_000 - 2 * MIB + 3_000_000 });
    expect(statSync(`${target}/db`).ino).toBe(ino);
    expect(describeTree(target)).toBe(describeTree(source));
    expect(await engine.summarize(to, never)).toEqual(summary);
  });

  it("continues where little could be lost: the rest is small, or the file is new or has no record", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "truncate -s 1G db; head -c 8000000 /dev/urandom > cut");
    const copy = new Copy(from, to, LATER);
    await copy.live();
    // Of the first one only holes stay, and of the second one only its beginning.
    write(`${source}/db`, 2 ** 29, "data");
    shell(source, "truncate -s 4M cut; head -c 8000000 /dev/urandom > new");
    expect((await copy.live(undefined, undefined, most)).bytes).toBeLessThan(8_000_000 + MIB);
    expect(describeTree(target)).toBe(describeTree(source));
    copy.restart("target");
    write(`${source}/new`, 0, "changed");
    await copy.live(undefined, undefined, most);
    expect(describeTree(target)).toBe(describeTree(source));
  });

  it("finds that a larger file has changed on the target, before the final pass would", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "head -c 8000000 /dev/urandom > db");
    const copy = new Copy(from, to, LATER);
    await copy.live();
    for (const side of [source, target]) write(`${side}/db`, 0, "changed");
    await expect(copy.live(undefined, undefined, most)).rejects.toMatchObject({ code: "TRANSFER_NOT_KEPT" });
    expect(copy.target.pass).toBeUndefined();
  });
});

describe("what is read back of a patched file", () => {
  /** A pass that patches chunk 1 and 5. Meanwhile the target's disk loses a bit. */
  async function passWhileFlipping(at: number): Promise<unknown> {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "head -c 8000000 /dev/urandom > db; echo z > z");
    const copy = new Copy(from, to, LATER);
    await copy.live();
    for (const chunk of [1, 5]) write(`${source}/db`, chunk * MIB, "patched");
    let flips = 0;
    // The first piece has been written then, and the file is not closed yet.
    const seen = ({ bytes }: { bytes: number }): void => {
      if (bytes === 2 * MIB && flips++ === 0) write(`${target}/db`, at, "flipped");
    };
    return copy.live(undefined, undefined, { seen }).then(
      () => "done",
      (error: unknown) => error,
    );
  }

  it("is every chunk that came", async () => {
    for (const at of [MIB + 50, 2 * MIB - 10]) {
      expect(await passWhileFlipping(at)).toMatchObject({
        code: "TRANSFER_DIGEST_DIFFERS",
        message: expect.stringContaining("'db'") as string,
      });
    }
  });

  it("is not what stayed: an earlier pass has read that back", async () => {
    expect(await passWhileFlipping(3 * MIB)).toBe("done");
  });
});

it("a file that is patched is not vouched for from before its first change on", async () => {
  const { source, target, from, to } = sourceAndTarget();
  shell(source, "head -c 2000000 /dev/urandom > db");
  const copy = new Copy(from, to, LATER);
  await copy.live();
  const content = await contentOf(to);
  const [path, stat] = [[Buffer.from("db")], statat(to, "db")];
  const pass = copy.target.begin("next");
  expect(pass.vouches(path, stat, content)).toBe(true);
  expect(pass.spoil(path, stat, "ab".repeat(32))).toBeUndefined();
  expect(pass.spoil(path, stat, content)?.length).toBe(2);
  expect(pass.vouches(path, stat, content)).toBe(false);
  expect(pass.spoil(path, stat, content)).toBeUndefined();
  expect(copy.target.lacking.files.size).toBe(1);
  expect(readFileSync(`${target}/db`).equals(readFileSync(`${source}/db`))).toBe(true);
});

async function contentOf(root: number): Promise<string> {
  for await (const { content } of list(root, never)) if (content !== undefined) return content;
  return "";
}
