import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { constants } from "node:os";
import { describe, expect, it, onTestFinished } from "vitest";
import { libcFunction } from "../sys/libc.ts";
import { hasTool } from "../sys/testing/scratch.fixture.ts";
import { statat } from "../sys/stat.ts";
import { copyEngine } from "./engine.ts";
import { machineGround } from "./passes/ground.ts";
import { SourceMemory } from "./passes/source-memory.ts";
import { TargetMemory } from "./passes/target-memory.ts";
import { Copy, LATER, LATER_OPEN, readSoFar, YOUNG } from "./testing/copy.fixture.ts";
import { socketPair, tamperedPair } from "./testing/streams.fixture.ts";
import { describeTree, directoryAt, fill, shell, sourceAndTarget } from "./testing/trees.fixture.ts";

const engine = copyEngine();
const never = new AbortController().signal;
const MIB = 1024 ** 2;
const F_SETSIG = 10;
const F_SETLEASE = 1024;
const F_WRLCK = 1;
const fcntl = libcFunction("fcntl", "int", ["int", "int", "int"]);

describe("a pass after a live one", () => {
  it("reads and sends nothing of what is unchanged, from the second live pass on to the end", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "mkdir d; head -c 30000000 /dev/urandom > d/large; echo small > small; ln small d/other");
    const copy = new Copy(from, to, LATER);
    await copy.live();
    const before = readSoFar();
    expect(await copy.live()).toMatchObject({ bytes: 0, kept: 30_000_006 });
    shell(source, "echo more >> small; mkdir new; mv small new");
    const summary = await engine.summarize(from, never, copy.source);
    const final = await copy.final();
    expect(readSoFar() - before).toBeLessThan(MIB);
    expect(final).toMatchObject({ bytes: 11, kept: 30_000_000 });
    expect(describeTree(target)).toBe(describeTree(source));
    expect(summary).toEqual(await engine.summarize(to, never));
  });

  it("reads once below the seal what somebody had open for writing all the time", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "mkdir d; head -c 30000000 /dev/urandom > d/large; echo small > small; ln small d/other");
    const writer = openSync(`${source}/d/large`, "r+");
    const copy = new Copy(from, to, LATER);
    expect(await copy.live()).toMatchObject({ kept: 0 });
    const first = readSoFar();
    expect(await copy.live()).toMatchObject({ bytes: 0, kept: 30_000_006 });
    const before = readSoFar();
    expect(before - first).toBeLessThan(MIB);
    shell(source, "echo more >> small; mkdir new; mv small new");
    closeSync(writer);
    const summary = await engine.summarize(from, never, copy.source);
    const final = await copy.final();
    expect(readSoFar() - before).toBeGreaterThan(30_000_000);
    expect(readSoFar() - before).toBeLessThan(30_000_000 + MIB);
    expect(final).toMatchObject({ bytes: 11, kept: 30_000_000 });
    expect(describeTree(target)).toBe(describeTree(source));
    expect(summary).toEqual(await engine.summarize(to, never));
  });

  it.each(["small", "d/large"])("refuses below the seal what somebody has open for writing: %s", async (name) => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "mkdir d; head -c 300000 /dev/urandom > d/large; echo small > small");
    const writer = openSync(`${source}/${name}`, "r+");
    const copy = new Copy(from, to, LATER);
    await copy.live();
    const refused = expect.objectContaining({
      code: "TRANSFER_SOURCE_OPEN",
      message: expect.stringContaining(`'${name}' is still open for writing`) as string,
    }) as Error;
    await expect(engine.summarize(from, never, copy.source)).rejects.toEqual(refused);
    await expect(engine.summarize(from, never)).rejects.toEqual(refused);
    closeSync(writer);
    const summary = await engine.summarize(from, never, copy.source);
    await copy.final();
    expect(await engine.summarize(to, never)).toEqual(summary);
    expect(describeTree(target)).toBe(describeTree(source));
  });

  it("reads once what is too young to be trusted, and does not send it", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "head -c 30000000 /dev/urandom > large");
    const copy = new Copy(from, to, YOUNG);
    expect(await copy.live()).toMatchObject({ bytes: 30_000_000 });
    const before = readSoFar();
    await engine.summarize(from, never, copy.source);
    expect(await copy.final()).toMatchObject({ bytes: 0, kept: 30_000_000 });
    const read = readSoFar() - before;
    expect(read).toBeGreaterThan(30_000_000);
    expect(read).toBeLessThan(30_000_000 + MIB);
    expect(describeTree(target)).toBe(describeTree(source));
  });

  it("reads no faster than it may, what it sends and what it only compares", async () => {
    const { source, from, to } = sourceAndTarget();
    shell(source, "head -c 3000000 /dev/urandom > large; truncate -s 1G hole; echo small > small");
    const memory = new SourceMemory(LATER_OPEN);
    const target = new TargetMemory();
    const paced = async (pass: string | undefined): Promise<number[]> => {
      const asked: number[] = [];
      const pace = (bytes: number): Promise<void> => Promise.resolve(void asked.push(bytes));
      const [near, far] = await socketPair();
      await Promise.all([
        engine.send(from, near, never, { pass, base: target.pass, memory, pace }),
        engine.receive(to, far, never, () => undefined, { pass, memory: target }),
      ]);
      return asked;
    };
    const sum = (asked: readonly number[]): number => asked.reduce((a, b) => a + b, 0);
    const all = await paced("one");
    expect(sum(all)).toBe(3_000_006);
    expect(Math.max(...all)).toBeLessThanOrEqual(MIB);
    // Only its change time is new.
    shell(source, "chmod 600 large");
    expect(sum(await paced("two"))).toBe(3_000_000);
    // The pod is down, so a file that is only compared is read without a pace.
    expect(await paced(undefined)).toEqual([]);
  });

  it("brings over every kind of change", async () => {
    const { source, target, from, to } = sourceAndTarget();
    fill(source);
    const copy = new Copy(from, to, LATER);
    await copy.live();
    expect(describeTree(target)).toBe(describeTree(source));
    shell(
      source,
      String.raw`
      printf changed. | dd of=large bs=1 seek=2999990 conv=notrunc status=none
      truncate -s 7 sparse; echo grown >> zeros; rm empty; mkdir empty; rm -r dir/sub; mv dir renamed
      ln file another; rm hard1; ln -sfn elsewhere link; chmod 755 setgid; mkfifo renamed/fifo; rm fifo; echo f > fifo
      touch -d '2002-02-02' file; chmod 700 hole; touch -d '2011-11-11 11:11:11' renamed .`,
    );
    await copy.live();
    expect(describeTree(target)).toBe(describeTree(source));
    const { bytes } = await copy.final();
    expect(bytes).toBe(0);
    expect(describeTree(target)).toBe(describeTree(source));
  });

  it.skipIf(!hasTool("setfacl"))("is not broken by a mode that changes before the ACL is read", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(
      source,
      "mkdir d; head -c 3000000 /dev/urandom > d/a; echo b > b; setfacl -m u:1234:rwx d; setfacl -m u:1234:rwx b",
    );
    const copy = new Copy(from, to, LATER);
    let pieces = 0;
    const pace = (): Promise<void> => {
      if (pieces++ === 1) shell(source, "chmod 700 d; chmod 711 b");
      return Promise.resolve();
    };
    expect(await copy.live(undefined, pace)).toMatchObject({ bytes: 3_000_002 });
    expect(await copy.live()).toMatchObject({ kept: 3_000_002 });
    expect(describeTree(target)).toBe(describeTree(source));
  });

  it("has the times of before 1677 and after 2262, and remembers such files", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "echo a > far; mkdir d; ln -s a d/link; touch -h -d @15000000000.123456789 far d/link d");
    // A file system with a smaller range of times has stored another time here.
    shell(source, "echo b > old; touch -d @-15000000000.5 old");
    const copy = new Copy(from, to, LATER);
    expect(await copy.live()).toMatchObject({ bytes: 4 });
    expect(describeTree(target)).toBe(describeTree(source));
    const summary = await engine.summarize(from, never, copy.source);
    expect(await copy.final()).toMatchObject({ bytes: 0, kept: 4 });
    expect(summary).toEqual(await engine.summarize(to, never));
  });

  it("sends everything when either side has forgotten", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "head -c 100000 /dev/urandom > file");
    const one = new Copy(from, to, LATER);
    await one.live();
    one.target.forget();
    expect(await one.live()).toMatchObject({ bytes: 100_000, kept: 0 });
    const other = new Copy(from, to, LATER);
    await other.live();
    const restarted = new SourceMemory(LATER);
    const [near, far] = await socketPair();
    let sent = 0;
    await Promise.all([
      engine.send(from, near, never, { base: other.target.pass, memory: restarted }),
      engine.receive(to, far, never, ({ bytes }) => (sent = bytes), { memory: other.target }),
    ]);
    expect(sent).toBe(100_000);
    expect(describeTree(target)).toBe(describeTree(source));
  });

  it("does not vouch for a file of the target that is another one by now", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "head -c 100000 /dev/urandom > file; touch -d 2001-01-01 file");
    const copy = new Copy(from, to, LATER);
    await copy.live();
    shell(target, "printf changed. | dd of=file bs=1 seek=50000 conv=notrunc status=none; touch -d 2001-01-01 file");
    await expect(copy.final()).rejects.toMatchObject({ code: "TRANSFER_NOT_KEPT" });
    expect(await copy.final()).toMatchObject({ bytes: 100_000 });
    expect(describeTree(target)).toBe(describeTree(source));
  });

  it("still has what was there when a pass was cut", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "head -c 3000000 /dev/urandom > a; echo z > z");
    const copy = new Copy(from, to, LATER);
    await copy.live();
    shell(source, "head -c 3000000 /dev/urandom > b; chmod 640 a; echo zz > z");
    const cut = await tamperedPair((chunk, at) => (at > 1_000_000 ? "cut" : chunk));
    await expect(copy.live(cut)).rejects.toMatchObject({ code: "TRANSFER_WIRE_BROKEN" });
    expect(await copy.live()).toMatchObject({ kept: 3_000_000 });
    expect(describeTree(target)).toBe(describeTree(source));
  });

  it.each([
    ["gets a name", "ln a m", ":", 0],
    ["loses a name", "rm b", ":", 0],
    [
      "gets a name and is changed",
      "ln a m",
      "printf changed. | dd of=a bs=1 seek=9 conv=notrunc status=none",
      1024 ** 2,
    ],
    ["is gone for a while", "mv d/e ../e", "mv ../e d/e", 2_000_000],
    ["is short for a while", "truncate -s 0 d/e", "head -c 2000000 /dev/urandom > d/e", 2_000_000],
    ["is gone with its directory for a while", "mv d ../d", "mv ../d d", 2_000_000],
  ])("still has the other files when one of them %s and a pass breaks", async (_, during, later, bytes) => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "mkdir d; for f in a d/e z; do head -c 2000000 /dev/urandom > $f; done; ln a b");
    const copy = new Copy(from, to, LATER);
    await copy.live();
    shell(source, `${during}; head -c 1000000 /dev/urandom > n`);
    const cut = await tamperedPair((chunk, at) => (at > 500_000 ? "cut" : chunk));
    await expect(copy.live(cut)).rejects.toMatchObject({ code: "TRANSFER_WIRE_BROKEN" });
    shell(source, `${later}; rm n`);
    const summary = await engine.summarize(from, never, copy.source);
    expect(await copy.final()).toMatchObject({ bytes, kept: 6_000_000 - bytes });
    expect(describeTree(target)).toBe(describeTree(source));
    expect(await engine.summarize(to, never)).toEqual(summary);
  });

  it("remembers the same files on both sides when there are too many", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "for f in b c d; do echo $f > $f; done");
    const copy = new Copy(from, to, LATER, 2);
    await copy.live();
    shell(source, "echo a > a");
    expect(await copy.live()).toMatchObject({ kept: 4 });
    expect(await copy.live()).toMatchObject({ kept: 4 });
    expect(await copy.final()).toMatchObject({ kept: 4 });
    expect(describeTree(target)).toBe(describeTree(source));
  });

  it("never ends well with a flipped byte", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "head -c 300000 /dev/urandom > a; echo z > z");
    const copy = new Copy(from, to, LATER);
    for (const flipped of [500, 100_000, 299_000]) {
      const streams = await tamperedPair((chunk, at) => {
        if (flipped >= at && flipped < at + chunk.length) chunk[flipped - at] = (chunk[flipped - at] ?? 0) ^ 1;
        return chunk;
      });
      await expect(copy.live(streams)).rejects.toThrow();
      expect(copy.target.pass).toBeUndefined();
    }
    await copy.live();
    expect(describeTree(target)).toBe(describeTree(source));
  });
});

/**
 * A tenant that makes every kind of change to a tree, as fast as possible. Its symlinks lead
 * nowhere: most of its calls follow them, and whoever runs the tests may be root.
 */
const WRITER = String.raw`
const fs = require("node:fs");
const tree = process.argv[1] + "/";
const quietly = (f) => { try { f(); } catch {} };
const pick = (n) => Math.floor(Math.random() * n);
const name = () => tree + ["a/", "b/", "b/c/", ""][pick(4)] + "f" + pick(12);
for (const d of ["a", "b", "b/c"]) quietly(() => fs.mkdirSync(tree + d, { recursive: true }));
console.log("writing");
for (let i = 0; ; i++) {
  quietly(() => fs.appendFileSync(name(), Buffer.alloc(pick(50000), i)));
  quietly(() => fs.writeFileSync(name(), Buffer.alloc(pick(300000), i)));
  quietly(() => fs.truncateSync(name(), pick(100000)));
  quietly(() => fs.renameSync(name(), name()));
  quietly(() => fs.unlinkSync(name()));
  quietly(() => fs.linkSync(name(), name()));
  quietly(() => fs.symlinkSync("/nonexistent/outside", name()));
  quietly(() => fs.chmodSync(name(), 0o600 + pick(8)));
  if (i % 7 === 0) quietly(() => fs.renameSync(tree + "b/c", tree + "a/c"));
  if (i % 7 === 3) quietly(() => fs.renameSync(tree + "a/c", tree + "b/c"));
  if (i % 11 === 0) quietly(() => fs.renameSync(tree + "a", tree + "z"));
  if (i % 11 === 5) quietly(() => fs.renameSync(tree + "z", tree + "a"));
  if (i % 50 === 0) quietly(() => fs.rmSync(tree + "b", { recursive: true }));
  if (i % 50 === 1) quietly(() => fs.mkdirSync(tree + "b/c", { recursive: true }));
}
`;

async function stop(child: ChildProcess, how: NodeJS.Signals = "SIGKILL"): Promise<void> {
  const ended = once(child, "exit");
  if (child.exitCode !== null || !child.kill(how)) return;
  await ended;
}

describe("while a pod writes", () => {
  it("a live pass leaves out what the pod has a write lease on, with its other names, and goes on", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "echo leased > leased; ln leased other; echo b > plain");
    const copy = new Copy(from, to, LATER_OPEN);
    // The file is opened in both cases: when it is new, and when it is known.
    for (const kept of [0, 2]) {
      const held = openSync(`${source}/leased`, "r+");
      fcntl.call("", held, F_SETSIG, constants.signals.SIGURG);
      fcntl.call("", held, F_SETLEASE, F_WRLCK);
      try {
        expect(await copy.live()).toMatchObject({ kept });
        expect(shell(target, "ls")).toBe("plain\n");
      } finally {
        closeSync(held);
      }
      await copy.live();
      expect(describeTree(target)).toBe(describeTree(source));
    }
  });

  it("passes that break anywhere leave records that tell no lies", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "mkdir d; for f in a b c d/a d/b; do head -c 300000 /dev/urandom > $f; touch -d @1 $f; done");
    const copy = new Copy(from, to, LATER);
    await copy.live();
    for (let round = 0; round < 12; round++) {
      const [one = "", other = ""] = ["a", "d/b", "c", "b", "d/a"].slice(round % 4);
      shell(
        source,
        `printf changed.${String(round)} | dd of=${one} bs=1 seek=${String(round * 1000)} conv=notrunc status=none; touch -d @1 ${one};
         ${round % 3 === 0 ? `mv ${one} x; mv ${other} ${one}; mv x ${other}` : ""}`,
      );
      const cut = await tamperedPair((chunk, at) => (at + chunk.length > round * 30_000 ? "cut" : chunk));
      await copy[round % 2 === 0 ? "live" : "final"](cut).catch(() => undefined);
      if (round % 3 === 1) await copy.live();
      const summary = await engine.summarize(from, never, copy.source);
      expect(summary).toEqual(await engine.summarize(from, never));
      if (round % 4 === 3) await copy.final();
      if (round % 4 === 3) expect(describeTree(target)).toBe(describeTree(source));
    }
  });

  it("a live pass ends well whatever happens, and the final pass makes a copy of it", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "head -c 20000000 /dev/urandom > still; mkdir quiet; for i in {1..300}; do echo $i > quiet/$i; done");
    for (let round = 0; round < 3; round++) {
      const writer = spawn(process.execPath, ["-e", WRITER, source], { stdio: ["ignore", "pipe", "inherit"] });
      onTestFinished(() => stop(writer));
      await once(writer.stdout, "data");
      const copy = new Copy(from, to, round === 1 ? LATER_OPEN : machineGround);
      for (let passes = 0; passes < 4; passes++) await copy.live();
      await stop(writer);
      const final = await copy.final();
      expect(final.kept).toBeGreaterThanOrEqual(20_000_000);
      expect(final.bytes).toBeLessThan(20_000_000);
      expect(describeTree(target)).toBe(describeTree(source));
      expect(await engine.summarize(from, never, copy.source)).toEqual(await engine.summarize(to, never));
    }
  });

  const noMmap = !hasTool("python3") || !isTmpfs("/dev/shm");
  it.skipIf(noMmap)("a store into a page that was dirty already is not lost (needs python3, /dev/shm)", async () => {
    const { source, from } = sourceAndTarget();
    // The target is on another file system, whose syncfs does not clean the source's pages.
    const target = mkdtempSync("/dev/shm/mooring-");
    onTestFinished(() => {
      rmSync(target, { recursive: true });
    });
    shell(source, "head -c 4096 /dev/zero > mapped");
    const mapper = spawn("python3", ["-c", MAPPER, `${source}/mapped`], { stdio: ["pipe", "pipe", "inherit"] });
    onTestFinished(() => stop(mapper));
    const store = async (letter: string): Promise<void> => {
      mapper.stdin.write(letter);
      await once(mapper.stdout, "data");
    };
    // The page becomes dirty after the syncfs and before the file is read.
    const syncfs = async (root: number): Promise<void> => {
      await machineGround.syncfs(root);
      await store("B");
    };
    // Tests that run at the same time call syncfs too. If that cleans the page before the next
    // store into it, the store changes the file's time, and this try proves nothing. Then it is
    // tried again.
    let unseen = false;
    for (let tries = 0; !unseen && tries < 20; tries++) {
      const copy = new Copy(from, directoryAt(target), { ...machineGround, syncfs });
      await store("A");
      await copy.live();
      expect(readFileSync(`${target}/mapped`, "latin1")[0]).toBe("B");
      const { ctimeNs } = statat(from, "mapped");
      await store("C");
      unseen = statat(from, "mapped").ctimeNs === ctimeNs;
      await copy.final();
      expect(readFileSync(`${target}/mapped`, "latin1")[0]).toBe("C");
    }
    expect(unseen).toBe(true);
  });
});

/** Stores each letter that it reads into the first byte of a mapped file. */
const MAPPER = String.raw`
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
page = mmap.mmap(fd, 4096)
while True:
    letter = os.read(0, 1)
    if not letter: break
    page[0] = letter[0]
    os.write(1, letter)
`;

function isTmpfs(path: string): boolean {
  try {
    return statfsSync(path).type === 0x01021994;
  } catch {
    return false;
  }
}
