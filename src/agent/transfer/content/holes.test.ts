import { randomBytes } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { expect, it } from "vitest";
import { ramfs } from "../../sys/testing/file-systems.fixture.ts";
import { notRoot } from "../../sys/testing/scratch.fixture.ts";
import { Copy } from "../testing/copy.fixture.ts";
import { allocatedKib, directoryAt, shell, sourceAndTarget } from "../testing/trees.fixture.ts";
import { readContents, type Piece } from "./contents.ts";
import { machineHoles, type Holes } from "./holes.ts";

const MIB = 1024 ** 2;
const never = new AbortController().signal;

/** A file system that reports holes everywhere, as OpenZFS did for files that were just written. */
const wrong: Holes = { areReported: () => false, seekData: () => undefined, seekHole: () => 0 };

/** The pieces of a file of `size` bytes that has data at some places, and the file's bytes. */
async function readSparse(size: number, data: Readonly<Record<number, Buffer>>, reuse = false) {
  const { source } = sourceAndTarget();
  shell(source, `truncate -s ${String(size)} f`);
  const fd = openSync(`${source}/f`, "r+");
  for (const [at, bytes] of Object.entries(data)) writeSync(fd, bytes, 0, bytes.length, Number(at));
  const pieces: Piece[] = [];
  for await (const piece of readContents(fd, size, { signal: never, holes: wrong, reuse })) pieces.push(piece);
  closeSync(fd);
  const found = Buffer.alloc(size);
  for (const { offset, bytes } of pieces) bytes.copy(found, offset);
  return { pieces, isWhole: found.equals(readFileSync(`${source}/f`)) };
}

it("a file is read whole where holes may be reported for data", async () => {
  const { pieces, isWhole } = await readSparse(3 * MIB + 5, {
    [100]: Buffer.from("data"),
    [MIB - 1]: Buffer.from("data"),
    [2 * MIB + 40_960]: randomBytes(8192),
    [3 * MIB]: Buffer.from("\0end!"),
  });
  expect(isWhole).toBe(true);
  expect(pieces.map(({ offset, bytes }) => [offset, bytes.length])).toEqual([
    [0, 4096],
    [MIB - 4096, 4096],
    [MIB, 4096],
    [2 * MIB + 40_960, 8192],
    [3 * MIB, 5],
  ]);
});

it("a piece before many MiB of zeros keeps its bytes", async () => {
  const { isWhole } = await readSparse(20 * MIB, { [0]: randomBytes(MIB), [19 * MIB]: randomBytes(MIB) }, true);
  expect(isWhole).toBe(true);
});

it.skipIf(notRoot)("a file system that was not tried is copied with holes for its zeros", async (test) => {
  const { target, to } = sourceAndTarget();
  const source = `${await ramfs(test)}/source`;
  mkdirSync(source);
  shell(source, "truncate -s 20M f; printf middle | dd of=f bs=1M seek=10 conv=notrunc status=none");
  writeFileSync(`${source}/g`, randomBytes(300_000));
  const from = directoryAt(source);
  expect([from, to].map(machineHoles.areReported)).toEqual([false, true]);
  await new Copy(from, to).final();
  expect(shell(target, `cmp f ${source}/f; cmp g ${source}/g`)).toBe("");
  expect(allocatedKib(target, "f")).toBeLessThan(100);
});
