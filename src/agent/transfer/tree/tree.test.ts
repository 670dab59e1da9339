import { createHash, randomBytes } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scratch } from "../../sys/testing/scratch.fixture.ts";
import { DigestLog } from "../digest-log.ts";
import { Pacer } from "../pacer.ts";
import { directoryAt, fill, shell } from "../testing/trees.fixture.ts";
import { ContentHash } from "../content/content-hash.ts";
import { readContents, type Piece } from "../content/contents.ts";
import { firstDifference } from "../testing/difference.fixture.ts";
import { entryText, fieldsOf, type Entry } from "./entry.ts";
import { comparePaths, nameFault, pathText, type TreePath } from "./path.ts";
import { list, stepByStep as scan } from "./scan.ts";
import { SortedNames } from "./sorted-names.ts";
import { walk } from "./walk.ts";

const never = new AbortController().signal;

describe("the order", () => {
  it("of a walk is that of comparePaths, names by their bytes", async () => {
    const { path, fd } = scratch();
    fill(path);
    shell(path, "mkdir a a.b; touch a/z a.b/y a-b 'a b'");
    const left: TreePath[] = [];
    for await (const visit of walk(fd, never))
      if (visit.kind === "leaf" || visit.kind === "leave") left.push(visit.path);
    expect(left.length).toBeGreaterThan(30);
    expect(left.map(pathText)).toEqual(left.toSorted(comparePaths).map(pathText));
  });

  it("of 2,500 names is that of their bytes", async () => {
    const { path } = scratch();
    shell(path, "seq -f '%.0f' 1 7919 19794999 | xargs -n 2000 touch");
    const names = await SortedNames.read(directoryAt(path), new Pacer(never));
    expect(names.length).toBe(2_500);
    const sorted = Array.from({ length: names.length }, (_, place) => names.at(place)?.toString("latin1"));
    expect(sorted).toEqual(shell(path, "LC_ALL=C ls").trim().split("\n"));
    expect(names.at(names.length)).toBeUndefined();
  });
});

describe("the text of an entry", () => {
  it("is the JSON of its path and its properties, for every entry", () => {
    const bytes = (length: number): fc.Arbitrary<Buffer> =>
      fc.uint8Array({ minLength: 1, maxLength: length }).map((array) => Buffer.from(array));
    const above = fc.array(bytes(3), { maxLength: 3 });
    const names = fc.array(bytes(4), { maxLength: 3 });
    const head = fc.record({
      type: fc.constantFrom("file", "directory", "symlink", "block"),
      mode: fc.nat({ max: 0o7777 }),
      uid: fc.nat(),
      gid: fc.nat(),
      mtimeNs: fc.bigInt(),
    });
    const own = fc.record(
      { size: fc.nat(), target: bytes(4), rdev: fc.record({ major: fc.nat(), minor: fc.nat() }) },
      { requiredKeys: [] },
    );
    const content = fc.option(
      fc.oneof(
        fc.string(),
        bytes(8).map((some) => some.toString("hex")),
      ),
      { nil: undefined },
    );
    const xattrs = fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 2 });
    const entries = fc.array(fc.record({ names, head, own, content, xattrs }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(above, entries, (parent, all) => {
        for (const { content: hash, head: common, names: below, own: rest, xattrs: attributes } of all) {
          const whole = {
            head: { ...common, ...rest },
            ...(hash === undefined ? {} : { content: hash }),
            xattrs: attributes,
          };
          const entry: Entry = { path: [...parent, ...below], ...whole };
          const path = entry.path.map((name) => name.toString("latin1"));
          expect(entryText(entry)).toBe(JSON.stringify([path, fieldsOf(entry)]));
        }
      }),
    );
  });
});

describe("a content's hash", () => {
  const of = (pieces: readonly Piece[], size: number): string => {
    const hash = new ContentHash();
    for (const piece of pieces) hash.update(piece);
    return hash.digest(size).digest;
  };

  it("does not depend on how the data is cut and which zeros are holes", () => {
    const blocks = fc.array(fc.constantFrom(0, 0, 1, 2), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(blocks, fc.array(fc.nat({ max: 11 })), fc.nat({ max: 4095 }), (values, cuts, short) => {
        const whole = Buffer.concat(values.map((value) => Buffer.alloc(4096, value)));
        const size = whole.length - short;
        const bytes = whole.subarray(0, size);
        const places = [...new Set([0, ...cuts.map((cut) => cut * 4096).filter((at) => at < size), size])].sort(
          (a, b) => a - b,
        );
        const pieces = places
          .slice(1)
          .map((end, i) => ({ offset: places[i] ?? 0, bytes: bytes.subarray(places[i], end) }));
        const withoutZeros = pieces.filter((piece) => piece.bytes.some((byte) => byte !== 0));
        const expected = of([{ offset: 0, bytes }], size);
        expect(of(pieces, size)).toBe(expected);
        expect(of(withoutZeros, size)).toBe(expected);
      }),
    );
  });

  it("differs by content, place and size", () => {
    const block = randomBytes(4096);
    const hashes = [
      of([], 8192),
      of([], 8193),
      of([{ offset: 0, bytes: block }], 8192),
      of([{ offset: 4096, bytes: block }], 8192),
      of([{ offset: 0, bytes: Buffer.concat([block, block]) }], 8192),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});

it("the data of a sparse file is read without its holes", async () => {
  const { path } = scratch();
  shell(
    path,
    "truncate -s 20M f; printf x | dd of=f bs=1 seek=5000000 conv=notrunc status=none; head -c 2500000 /dev/zero | tr '\\0' y | dd of=f bs=1M seek=12 conv=notrunc status=none; printf z >> f",
  );
  const fd = openSync(`${path}/f`, "r");
  const pieces: Piece[] = [];
  for await (const piece of readContents(fd, 20 * 1024 * 1024 + 1, { signal: never })) pieces.push(piece);
  closeSync(fd);
  const total = pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
  expect(total).toBeLessThan(3_000_000);
  const whole = Buffer.alloc(20 * 1024 * 1024 + 1);
  for (const { offset, bytes } of pieces) bytes.copy(whole, offset);
  expect(shell(path, "sha256sum f").slice(0, 64)).toBe(createHash("sha256").update(whole).digest("hex"));
});

it("who stops reading a file may close it: what is read ahead is waited for", async () => {
  const { path } = scratch();
  shell(path, "head -c 5000000 /dev/urandom > f");
  const fd = openSync(`${path}/f`, "r");
  const events: string[] = [];
  let go = (): void => undefined;
  const pace = async (): Promise<void> => {
    events.push("asked");
    if (events.length === 2) await new Promise<void>((resolve) => (go = resolve));
  };
  const pieces = readContents(fd, 5_000_000, { signal: never, pace });
  await pieces.next();
  const stopped = pieces.return().then(() => events.push("stopped"));
  await new Promise(setImmediate);
  expect(events).toEqual(["asked", "asked"]);
  go();
  await stopped;
  closeSync(fd);
});

it.each([true, false])("an abort ends the reading of a large file at once (fromDisk: %s)", async (fromDisk) => {
  const { path, fd } = scratch();
  shell(path, "head -c 6000000 /dev/urandom > f");
  const stop = new AbortController();
  let pieces = 0;
  const all = async (): Promise<void> => {
    for await (const step of scan(fd, stop.signal, { fromDisk })) {
      if (step.kind !== "data") continue;
      pieces += 1;
      stop.abort(new Error("the move has gone on"));
    }
  };
  await expect(all()).rejects.toThrow("the move has gone on");
  // One more has been read ahead.
  expect(pieces).toBeLessThanOrEqual(2);
});

it("a file that the disk does not give is named", async () => {
  const { path, fd } = scratch();
  shell(path, "mkdir d; head -c 100 /dev/urandom > d/f");
  // As Node says it.
  const pace = (): Promise<void> =>
    Promise.reject(Object.assign(new Error("EIO: i/o error, read"), { syscall: "read" }));
  const all = async (): Promise<void> => {
    for await (const _ of scan(fd, never, { pace }));
  };
  await expect(all()).rejects.toMatchObject({
    code: "TRANSFER_FILE_FAILED",
    message: "'d/f' could not be copied: EIO: i/o error, read",
  });
});

describe("the first difference", () => {
  it("is named with both values", async () => {
    const { path } = scratch();
    shell(
      path,
      "mkdir a; fill() { mkdir $1; echo 1 > $1/one; echo 2 > $1/two; touch -d @0 $1/* $1; }; fill a/x; cp -a a b",
    );
    const difference = async (): Promise<string | undefined> => {
      const found = await firstDifference(list(directoryAt(`${path}/a`), never), list(directoryAt(`${path}/b`), never));
      return found === undefined ? undefined : `${found.path}: ${found.what}`;
    };
    expect(await difference()).toBeUndefined();
    shell(path, "chmod 600 a/x/two; chmod 640 b/x/two");
    expect(await difference()).toBe("x/two: mode: 600 on the source, 640 on the target");
    shell(path, "touch -d @0 b/x/extra b/x");
    expect(await difference()).toBe("x/extra: it is missing on the source");
    shell(path, "rm b/x/extra b/x/one; touch -d @0 b/x");
    expect(await difference()).toBe("x/one: it is missing on the target");
  });
});

it("a scan of a tree with a symlink that has two names has a link", async () => {
  const { path, fd } = scratch();
  shell(path, "ln -s x a; ln -P a b");
  const heads: string[] = [];
  for await (const step of scan(fd, never)) if (step.kind === "open") heads.push(step.head.type);
  expect(heads).toEqual(["directory", "symlink", "link"]);
});

it("names that lead elsewhere are no names", () => {
  const faults = ["", ".", "..", "a/b", "/", "a\0"].map((name) => nameFault(Buffer.from(name)));
  expect(faults).not.toContain(undefined);
  expect(["...", ".a", "a.", " ", "\n", "-rf"].map((name) => nameFault(Buffer.from(name)))).toEqual(
    Array(6).fill(undefined),
  );
});

it("a digest log agrees with what was added, in its place, beyond its first size", () => {
  const log = new DigestLog();
  const digests = Array.from({ length: 3000 }, () => randomBytes(32).toString("latin1"));
  for (const digest of digests) log.add(digest);
  expect(log.length).toBe(3000);
  expect(digests.every((digest, place) => log.agrees(place, digest))).toBe(true);
  expect(log.agrees(0, digests[1] ?? "")).toBe(false);
  expect(log.agrees(3000, "\0".repeat(32))).toBe(false);
});
