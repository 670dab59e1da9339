import { describe, expect, it } from "vitest";
import { statat } from "../../sys/stat.ts";
import { directoryAt, shell, sourceAndTarget } from "../testing/trees.fixture.ts";
import type { Stat } from "../../sys/stat.ts";
import { machineGround, type Ground } from "./ground.ts";
import { SourceMemory } from "./source-memory.ts";

const SECOND_NS = 1_000_000_000n;
const PATH = [Buffer.from("file")];
const CONTENT = "ab".repeat(32);

/** A source that has one file, and clocks that a test sets. */
class Source implements Ground {
  readonly root: number;
  readonly stat: () => Stat;
  readonly path: string;
  readonly memory = new SourceMemory(this);
  /** T0 of the next pass. */
  wallNs = 0n;
  passedNs = 0n;
  trusted = true;
  full = false;
  readonly syncfs = (): Promise<void> => Promise.resolve();

  constructor() {
    const { source, from } = sourceAndTarget();
    shell(source, "echo content > file");
    this.path = source;
    this.root = from;
    this.stat = () => statat(from, "file");
  }

  readonly isTrusted = (): boolean => this.trusted;
  readonly monotonicNs = (): bigint => this.passedNs;
  readonly markerNs = (root: number): bigint => {
    // As a full disk answers.
    if (this.full) machineGround.markerNs(directoryAt("/proc"));
    expect(root).toBe(this.root);
    return this.wallNs;
  };

  /** A live pass that reads the file so long after its last change. */
  async live(ageNs: bigint, pass = "one", base?: string): Promise<void> {
    const stat = this.stat();
    this.wallNs = stat.ctimeNs + ageNs;
    const live = await this.memory.beginLive(this.root, pass, base);
    if (live.unread(PATH, stat) === undefined) live.read(PATH, stat, this.stat(), CONTENT);
    live.end();
  }

  /** What the next live pass takes to be unchanged. */
  async unread(base = "one"): Promise<string | undefined> {
    return (await this.memory.beginLive(this.root, "next", base)).unread(PATH, this.stat());
  }
}

const OLD = 11n * SECOND_NS;

describe("for a live pass a file is unchanged", () => {
  it("only when it was changed more than 10 s before the pass that read it", async () => {
    for (const [age, is] of [
      [10n * SECOND_NS + 1n, CONTENT],
      [10n * SECOND_NS, undefined],
      [5n * SECOND_NS, undefined],
      [-SECOND_NS, undefined],
    ] as const) {
      const source = new Source();
      await source.live(age);
      // However long ago that is by now.
      source.wallNs += 3600n * SECOND_NS;
      source.passedNs += 3600n * SECOND_NS;
      expect(await source.unread(), String(age)).toBe(is);
    }
  });

  it("no more after a change that leaves its size and its time", async () => {
    for (const change of [
      "printf X | dd of=file conv=notrunc status=none; touch -d @1 file",
      "chmod 600 file",
      "cp -p file other; mv other file",
      "mv file other; mv other file",
    ]) {
      const source = new Source();
      shell(source.path, "touch -d @1 file");
      await source.live(OLD);
      expect(await source.unread()).toBe(CONTENT);
      shell(source.path, change);
      expect(await source.unread(), change).toBeUndefined();
    }
  });

  it("by what the same pass has found, and not by another one", async () => {
    const source = new Source();
    await source.live(OLD);
    expect(await source.unread("another")).toBeUndefined();
    await source.live(OLD, "two", "one");
    expect([await source.unread("one"), await source.unread("two")]).toEqual([undefined, CONTENT]);
  });

  it("as soon as a later pass has read it again, and then for good", async () => {
    const source = new Source();
    await source.live(5n * SECOND_NS);
    await source.live(20n * SECOND_NS, "two", "one");
    expect(await source.unread("two")).toBe(CONTENT);
    await source.live(21n * SECOND_NS, "three", "two");
    expect(await source.unread("three")).toBe(CONTENT);
  });

  it("not when it changed while it was read", async () => {
    const source = new Source();
    const before = source.stat();
    source.wallNs = before.ctimeNs + OLD;
    const live = await source.memory.beginLive(source.root, "one", undefined);
    shell(source.path, "chmod 600 file");
    live.read(PATH, before, source.stat(), CONTENT);
    live.end();
    expect(await source.unread()).toBeUndefined();
  });

  it("not when the target has not said that the pass is there", async () => {
    const source = new Source();
    source.wallNs = source.stat().ctimeNs + OLD;
    const live = await source.memory.beginLive(source.root, "one", undefined);
    live.read(PATH, source.stat(), source.stat(), CONTENT);
    expect(await source.unread()).toBeUndefined();
  });

  it("not after a step of the wall clock, in either direction", async () => {
    for (const step of [3600n, -3600n, 2n, -2n]) {
      const source = new Source();
      await source.live(OLD);
      source.wallNs += (60n + step) * SECOND_NS;
      source.passedNs += 60n * SECOND_NS;
      expect(await source.unread(), String(step)).toBeUndefined();
    }
  });

  it("not on a file system that nobody has tried, nor where no marker can be made", async () => {
    for (const bend of [(source: Source) => (source.trusted = false), (source: Source) => (source.full = true)]) {
      const then = new Source();
      bend(then);
      await then.live(OLD);
      then.trusted = true;
      then.full = false;
      expect(await then.unread()).toBeUndefined();
      const now = new Source();
      await now.live(OLD);
      bend(now);
      expect(await now.unread()).toBeUndefined();
    }
  });
});

it("the passes over the sealed tree believe no times: a write that takes long ends without a trace", async () => {
  const source = new Source();
  await source.live(3600n * SECOND_NS);
  expect(await source.unread()).toBe(CONTENT);
  const stat = source.stat();
  expect(source.memory.beginSummary().unread(PATH, stat)).toBeUndefined();
  expect(source.memory.beginFinal("one").unread(PATH, stat)).toBeUndefined();
});

it("the machine's clocks and file systems are asked", () => {
  const { from } = sourceAndTarget();
  const before = statat(from, ".").ctimeNs;
  const marker = machineGround.markerNs(from);
  expect(marker).toBeGreaterThanOrEqual(before);
  expect(statat(from, ".").ctimeNs).toBe(before);
  expect(machineGround.isTrusted(directoryAt("/proc"))).toBe(false);
});
