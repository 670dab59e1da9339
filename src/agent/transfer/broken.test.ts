import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, utimesSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { machineGround } from "./passes/ground.ts";
import { hasTool } from "../sys/testing/scratch.fixture.ts";
import { syncfs } from "../sys/data.ts";
import { copyEngine } from "./engine.ts";
import type { Progress } from "./receive.ts";
import { Copy, LATER, readSoFar } from "./testing/copy.fixture.ts";
import { dice, write } from "./testing/edits.fixture.ts";
import { socketPair, tamperedPair } from "./testing/streams.fixture.ts";
import { describeTree, shell, sourceAndTarget } from "./testing/trees.fixture.ts";

const engine = copyEngine();
const never = new AbortController().signal;
const MIB = 1024 ** 2;
const FILE = 200_000;
/** So many files of this size are in three directories, and a small one in each. */
const FILES = 12;
const TOTAL = FILES * FILE + 3 * 6;

/** Holds a write lease on a file until its input ends. */
const LEASE = `
import fcntl, os, signal, sys
signal.signal(signal.SIGIO, signal.SIG_IGN)
fd = os.open(sys.argv[1], os.O_RDWR)
fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("held", flush=True)
sys.stdin.read()`;

interface Scene {
  readonly source: string;
  readonly target: string;
  readonly from: number;
  readonly to: number;
  readonly copy: Copy;
}

function scene(ground = LATER): Scene {
  const at = sourceAndTarget();
  shell(
    at.source,
    `for d in a b c; do mkdir $d; for f in 1 2 3 4; do head -c ${String(FILE)} /dev/urandom > $d/$f; done
     echo small > $d/small; done; touch -d @1 */*`,
  );
  return { ...at, copy: new Copy(at.from, at.to, ground) };
}

/**
 * A live pass that ends when the data of so many files have arrived, before the end of the last one
 * has.
 */
async function breakAfter(copy: Copy, files: number, size = FILE): Promise<Progress> {
  let at: Progress = { entries: 0, bytes: 0, kept: 0 };
  const seen = (progress: Progress): void => {
    at = progress;
    if (progress.bytes + progress.kept >= files * size) throw new Error("broken on purpose");
  };
  await expect(copy.live(undefined, undefined, { seen })).rejects.toThrow("broken on purpose");
  return at;
}

/** That the target has the tree, and that both sides agree on it below the seal. */
async function isEqual({ source, target, from, to, copy }: Scene): Promise<void> {
  const summary = await engine.summarize(from, never, copy.source);
  await copy.final();
  expect(describeTree(target)).toBe(describeTree(source));
  expect(await engine.summarize(to, never)).toEqual(summary);
}

describe("after a live pass that broke", () => {
  it("the next one reads and sends only what has not arrived whole", async () => {
    const at = scene();
    const { copy, source, target } = at;
    // The data of the seventh one has come, but not its end.
    await breakAfter(copy, 7);
    expect(copy.target.lacking.arrived).toBe(6 + 1);
    const before = readSoFar();
    const next = await copy.live();
    expect(next).toMatchObject({ entries: FILES + 3 + 3 + 1, bytes: 6 * FILE + 12, kept: 6 * FILE + 6 });
    // Six files at the source, from the stream, and in the read-back; and those that are vouched
    // for, once, at the target.
    expect(readSoFar() - before).toBeLessThan(3 * 6 * FILE + 6 * FILE + MIB / 2);
    expect(describeTree(target)).toBe(describeTree(source));
    expect(await copy.live()).toMatchObject({ bytes: 0, kept: TOTAL });
    await isEqual(at);
  });

  it("each one continues where the previous one ended, however often they break", async () => {
    const at = scene();
    let sent = 0;
    for (const files of [2, 4, 7, 7, 9]) sent += (await breakAfter(at.copy, files)).bytes;
    // This one ends before it has come as far as the others.
    expect(await breakAfter(at.copy, 3)).toMatchObject({ bytes: 0 });
    sent += (await at.copy.live()).bytes;
    // A break may cost the file that is on its way.
    expect(sent).toBeLessThan(TOTAL + 6 * FILE);
    expect(describeTree(at.target)).toBe(describeTree(at.source));
    await isEqual(at);
  });

  it("by the connection, at any byte, the next one makes the tree equal and sends less", async () => {
    for (const end of [50, 5_000, 300_000, 1_000_000, 2_000_000]) {
      const at = scene();
      const cut = await tamperedPair((chunk, place) => (place + chunk.length > end ? "cut" : chunk));
      await expect(at.copy.live(cut)).rejects.toMatchObject({ code: "TRANSFER_WIRE_BROKEN" });
      const { bytes, kept } = await at.copy.live();
      expect(bytes + kept).toBe(TOTAL);
      // What is in the pipe at the break is lost: a file, and some buffers of sockets.
      expect(kept, String(end)).toBeGreaterThanOrEqual(end - 5 * FILE);
      expect(describeTree(at.target)).toBe(describeTree(at.source));
      await isEqual(at);
    }
  });

  it("a file that has changed since is sent, and one that is gone is removed", async () => {
    const at = scene();
    const { copy, source, target } = at;
    await breakAfter(copy, 8);
    shell(
      source,
      `printf changed. | dd of=a/1 conv=notrunc status=none; touch -d @1 a/1
       rm a/2; mv a/3 a/0; head -c ${String(FILE)} /dev/urandom > b/new; mv b/new b/1; touch -d @1 b/1; chmod 600 b/2
       rm -r c/1; mkdir c/1; echo in > c/1/in`,
    );
    const { bytes } = await copy.live();
    // a/0, a/1, b/1, b/4, b/small, and all that is in c now.
    expect(bytes).toBe(7 * FILE + 6 + 6 + 3);
    expect(describeTree(target)).toBe(describeTree(source));
    await isEqual(at);
  });

  it("a file that somebody may write to is read once more, and not sent", async () => {
    const at = scene(machineGround);
    await breakAfter(at.copy, 6);
    const before = readSoFar();
    expect((await at.copy.live()).kept).toBeGreaterThanOrEqual(5 * FILE);
    expect(readSoFar() - before).toBeGreaterThan(3 * 6 * FILE + 2 * 5 * FILE);
    await isEqual(at);
  });

  it.each(["source", "target", "source and target"])(
    "and an update of the agent of the %s, which has left its memory to the next one, the rest is sent",
    async (which) => {
      const sides = which.split(" and ") as ("source" | "target")[];
      const at = scene();
      for (const files of [2, 4, 7]) {
        await breakAfter(at.copy, files);
        for (const side of sides) at.copy.handOver(side);
      }
      // A small file has arrived with them.
      expect(await at.copy.live()).toMatchObject({ bytes: 6 * FILE + 12, kept: 6 * FILE + 6 });
      for (const side of sides) at.copy.handOver(side);
      const before = readSoFar();
      expect(await at.copy.live()).toMatchObject({ bytes: 0, kept: TOTAL });
      // Nothing was read: the records still prove what they have proven.
      expect(readSoFar() - before).toBeLessThan(MIB / 2);
      shell(at.source, "printf changed. | dd of=a/2 bs=1 seek=77 conv=notrunc status=none; touch -d @1 a/2");
      for (const side of sides) at.copy.handOver(side);
      expect(await at.copy.live()).toMatchObject({ bytes: FILE, kept: TOTAL - FILE });
      await isEqual(at);
    },
  );

  it.each(["source", "target"] as const)("and a restart of the %s, all files are sent", async (side) => {
    const at = scene();
    await breakAfter(at.copy, 8);
    at.copy.restart(side);
    expect(await at.copy.live()).toMatchObject({ bytes: TOTAL, kept: 0 });
    expect(describeTree(at.target)).toBe(describeTree(at.source));
    await isEqual(at);
  });

  it("the final pass does not send what has arrived", async () => {
    const at = scene();
    await breakAfter(at.copy, 8);
    const summary = await engine.summarize(at.from, never, at.copy.source);
    const { bytes, kept } = await at.copy.final();
    expect(kept).toBeGreaterThanOrEqual(7 * FILE);
    expect(bytes + kept).toBe(TOTAL);
    expect(describeTree(at.target)).toBe(describeTree(at.source));
    expect(await engine.summarize(at.to, never)).toEqual(summary);
  });

  it("of which only the answer was lost, nothing is sent again", async () => {
    const at = scene();
    const [near, far] = await socketPair();
    // The source's end is closed before the target has read its tree back.
    const barrier = async (root: number): Promise<void> => {
      near.destroy();
      await syncfs(root);
    };
    await expect(at.copy.live([near, far], undefined, { barrier })).rejects.toMatchObject({
      code: "TRANSFER_WIRE_BROKEN",
    });
    expect(await at.copy.live()).toMatchObject({ bytes: 0, kept: TOTAL });
    await isEqual(at);
  });

  it("a large file that was patched whole is patched again, and not sent", async () => {
    const at = sourceAndTarget();
    shell(at.source, "head -c 8000000 /dev/urandom > db; head -c 3000000 /dev/urandom > z; touch -d @1 db z");
    const copy = new Copy(at.from, at.to, LATER);
    await copy.live();
    write(`${at.source}/db`, 3 * MIB, "once");
    shell(at.source, "head -c 3000000 /dev/urandom > z");
    await breakAfter(copy, 1, 8_000_000 + 1);
    expect(copy.target.lacking).toMatchObject({ arrived: 1 });
    write(`${at.source}/db`, 5 * MIB, "twice");
    expect((await copy.live()).bytes).toBeLessThanOrEqual(MIB + 3_000_000);
    expect(describeTree(at.target)).toBe(describeTree(at.source));
    await isEqual({ ...at, copy });
  });

  it.skipIf(!hasTool("setfattr"))("a file with names and attributes stays, and gets what has changed", async () => {
    const at = scene();
    shell(at.source, "ln a/1 a/5; setfattr -n user.note -v one a/2; ln -s x a/6; mkfifo a/7");
    await breakAfter(at.copy, 8);
    shell(at.source, "ln a/1 a/8; setfattr -n user.note -v two a/2; rm a/7; chmod 711 a");
    expect((await at.copy.live()).kept).toBeGreaterThanOrEqual(7 * FILE);
    expect(describeTree(at.target)).toBe(describeTree(at.source));
    await isEqual(at);
  });
});

describe("what a broken pass has brought", () => {
  it("counts only after a barrier, and only when it was read from the disk after it", async () => {
    const at = scene();
    await breakAfter(at.copy, 6);
    const failing = (): Promise<void> => Promise.reject(new Error("EIO: the disk is gone"));
    let told = 0;
    const streams = await socketPair();
    streams[0].on("data", (bytes: Buffer) => (told += bytes.length));
    await expect(at.copy.live(streams, undefined, { barrier: failing })).rejects.toThrow("the disk is gone");
    // The target has said nothing of what it has.
    expect(told).toBe(0);
    // The kernel tells of a failed write once, and the next barrier would know nothing of it.
    expect(at.copy.target.pass).toBeUndefined();
    await breakAfter(at.copy, 6);
    const barriers: number[] = [];
    let entries = 0;
    const barrier = (root: number): Promise<void> => {
      barriers.push(entries);
      return syncfs(root);
    };
    await at.copy.live(undefined, undefined, { barrier, seen: (progress) => (entries = progress.entries) });
    expect(barriers).toEqual([0, FILES + 3 + 3 + 1]);
    barriers.length = 0;
    await at.copy.live(undefined, undefined, { barrier });
    expect(barriers).toHaveLength(1);
  });

  it("does not count after a barrier that failed, even if a later one succeeds", async () => {
    const at = scene();
    let barriers = 0;
    const barrier = (root: number): Promise<void> =>
      barriers++ === 0 ? Promise.reject(new Error("EIO: a write has failed")) : syncfs(root);
    await expect(at.copy.live(undefined, undefined, { barrier })).rejects.toThrow("a write has failed");
    expect(await at.copy.live(undefined, undefined, { barrier })).toMatchObject({ bytes: TOTAL, kept: 0 });
    await isEqual(at);
  });

  it.skipIf(!hasTool("python3"))("and cannot be read any more is sent again by the pass after the next", async () => {
    const at = scene();
    await breakAfter(at.copy, 8);
    // Stands for a bad sector: nobody else can open the file.
    const holder = spawn("python3", ["-c", LEASE, `${at.target}/a/2`], { stdio: ["pipe", "pipe", "inherit"] });
    try {
      await once(holder.stdout, "data");
      await expect(at.copy.live()).rejects.toMatchObject({ code: "TRANSFER_NOT_KEPT", message: /a\/2/ as never });
      expect(await at.copy.live()).toMatchObject({ bytes: TOTAL, kept: 0 });
    } finally {
      holder.stdin.end();
      await once(holder, "exit");
    }
    await isEqual(at);
  });

  it("does not affect an earlier pass whose times prove nothing", async () => {
    const at = scene({ ...machineGround, isTrusted: () => false });
    await at.copy.live();
    expect(await at.copy.live()).toMatchObject({ bytes: 0, kept: TOTAL });
    await breakAfter(at.copy, 2);
    expect(await at.copy.live()).toMatchObject({ bytes: 0, kept: TOTAL });
    await isEqual(at);
  });

  it.each(["live", "final"] as const)("and is not on the disk any more is found by a %s pass", async (kind) => {
    const at = scene();
    await breakAfter(at.copy, 8);
    const wrong = `${at.target}/a/2`;
    expect(readFileSync(wrong).equals(readFileSync(`${at.source}/a/2`))).toBe(true);
    write(wrong, 1234, "wrong");
    utimesSync(wrong, 1, 1);
    await engine.summarize(at.from, never, at.copy.source);
    await expect(at.copy[kind]()).rejects.toMatchObject({ code: "TRANSFER_NOT_KEPT", message: /a\/2/ as never });
    // Then the target forgets all of it.
    expect(await at.copy[kind]()).toMatchObject({ bytes: TOTAL, kept: 0 });
    expect(describeTree(at.target)).toBe(describeTree(at.source));
    await isEqual(at);
  });

  it.each(["live", "final"] as const)("and was written wrong is found by a %s pass", async (kind) => {
    const at = sourceAndTarget();
    shell(at.source, "head -c 3000000 /dev/urandom > large; head -c 2000000 /dev/urandom > z; touch -d @1 large z");
    const copy = new Copy(at.from, at.to, LATER);
    let flips = 0;
    const seen = ({ bytes }: Progress): void => {
      // The first piece is written then, and the file gets its times later: they do not tell.
      if (bytes === 2 * MIB && flips++ === 0) write(`${at.target}/large`, 1234, "wrong");
      if (bytes > 3_000_000) throw new Error("broken on purpose");
    };
    await expect(copy.live(undefined, undefined, { seen })).rejects.toThrow("on purpose");
    expect(copy.target.lacking.arrived).toBe(1);
    await engine.summarize(at.from, never, copy.source);
    await expect(copy[kind]()).rejects.toMatchObject({ code: "TRANSFER_NOT_KEPT", message: /large/ as never });
    expect(await copy[kind]()).toMatchObject({ bytes: 5_000_000, kept: 0 });
    await isEqual({ ...at, copy });
  });

  it("is not taken for another file's, nor for a later state of it", async () => {
    const at = scene();
    await breakAfter(at.copy, 8);
    shell(at.target, "cp -p a/2 x; mv x a/2");
    await expect(at.copy.live()).rejects.toMatchObject({ code: "TRANSFER_NOT_KEPT" });
    await at.copy.live();
    await isEqual(at);
  });

  it("counts for as many files as the records have room for", async () => {
    const at = sourceAndTarget();
    shell(at.source, "for i in {10..29}; do head -c 1000 /dev/urandom > $i; done; touch -d @1 *");
    const copy = new Copy(at.from, at.to, LATER, 5);
    await breakAfter(copy, 15, 1000);
    const { bytes, kept } = await copy.live();
    expect([bytes, kept]).toEqual([15_000, 5_000]);
    await breakAfter(copy, 18, 1000);
    expect(await copy.live()).toMatchObject({ kept: 5_000 });
    await isEqual({ ...at, copy });
  });
});

it.each([1, 2, 3])(
  "after random changes, breaks, restarts and updates the tree is the source's (seed %d)",
  async (seed) => {
    const at = scene();
    shell(at.source, "head -c 3000000 /dev/urandom > b/large; touch -d @1 b/large");
    const pick = dice(seed);
    const done: string[] = [];
    for (let pass = 0; pass < 10; pass++) {
      for (let changes = pick(4); changes > 0; changes--) {
        const change = CHANGES[pick(CHANGES.length)] ?? "";
        shell(at.source, `x=${names(pick)}; y=${names(pick)}; ${change}`);
        done.push(change);
      }
      const kind = pick(4) === 0 ? "final" : "live";
      if (pick(3) > 0) {
        const end = pick(3_000_000);
        const cut = await tamperedPair((chunk, place) => (place + chunk.length > end ? "cut" : chunk));
        await at.copy[kind](cut).catch((error: unknown) => expect(error).not.toMatchObject(NEVER));
        done.push(`a ${kind} pass that broke`);
        const side = pick(2) === 0 ? "source" : "target";
        if (pick(8) === 0) at.copy.restart(side);
        else if (pick(2) === 0) at.copy.handOver(side);
        continue;
      }
      const summary = kind === "final" ? await engine.summarize(at.from, never, at.copy.source) : undefined;
      await at.copy[kind]();
      done.push(`a ${kind} pass`);
      expect(describeTree(at.target), done.join("\n")).toBe(describeTree(at.source));
      if (summary !== undefined) expect(await engine.summarize(at.to, never)).toEqual(summary);
    }
    await isEqual(at);
  },
);

/** The two sides must not disagree, whatever has happened. */
const NEVER = { code: expect.stringMatching(/NOT_KEPT|DIGEST_DIFFERS|WIRE_INVALID/) as string };
const names = (pick: (max: number) => number): string =>
  `${"abc"[pick(3)] ?? ""}/${["1", "2", "3", "4", "small", "large"][pick(6)] ?? ""}`;
/** Changes of the files $x and $y, which may be one, or missing. */
const CHANGES = [
  "if [ -e $x ]; then touch -r $x was; printf changed. | dd of=$x bs=1 seek=77777 conv=notrunc status=none; touch -r was $x; rm was; fi",
  "if [ -e $x ]; then printf more >> $x; fi",
  "if [ -e $x ] && [ ! $x -ef $y ]; then mv $x $y; fi",
  "if [ -e $x ]; then rm -f $y; ln $x $y || true; fi",
  "if [ -e $x ]; then cp -p $x new; mv new $x; fi",
  "rm -f $x",
  "rm -f $x; head -c 150000 /dev/urandom > $x",
  "if [ -e $x ]; then chmod 640 $x; touch -d @5 $x; fi",
  "d=${x%/*}; mv $d other; mv ${y%/*} $d 2> /dev/null || mkdir $d; rm -rf ${y%/*}; mv other ${y%/*}; mkdir -p a b c",
];
