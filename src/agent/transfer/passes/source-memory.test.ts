import { describe, expect, it } from "vitest";
import { statat } from "../../sys/stat.ts";
import { close } from "../../sys/open.ts";
import type { Stat } from "../../sys/stat.ts";
import { directoryAt, shell, sourceAndTarget } from "../testing/trees.fixture.ts";
import { look } from "../tree/safe-open.ts";
import { machineGround, type Ground } from "./ground.ts";
import type { KnownFiles } from "./known-files.ts";
import { LACKING_NOTHING } from "./lacking.ts";
import { SourceMemory } from "./source-memory.ts";

const SECOND_NS = 1_000_000_000n;
const PATH = [Buffer.from("file")];
/** Not the real hash of the file, so that a pass that reads the file again gives another one. */
const CONTENT = "ab".repeat(32);

/** A source that has one file, and clocks that a test sets. */
class Source implements Ground {
  readonly root: number;
  readonly stat: () => Stat;
  readonly path: string;
  readonly memory = new SourceMemory(this);
  /** The time at which the next pass begins. */
  nowNs = 0n;
  passedNs = 0n;
  /** Whether somebody has the file open for writing. */
  open = true;
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
  readonly wallNs = (): bigint => this.nowNs;
  readonly monotonicNs = (): bigint => this.passedNs;
  readonly statUnwritten = (): Stat | undefined => (this.open ? undefined : this.stat());
  readonly markerNs = (root: number): bigint => {
    // Fails as on a full disk.
    if (this.full) machineGround.markerNs(directoryAt("/proc"));
    expect(root).toBe(this.root);
    return this.nowNs;
  };

  /** Runs a live pass that reads the file `ageNs` after its last change. */
  async live(ageNs: bigint, pass = "one", base?: string): Promise<void> {
    const stat = this.stat();
    this.nowNs = stat.ctimeNs + ageNs;
    const live = await this.memory.beginLive(this.root, pass, base);
    if ((await this.known(live)) === undefined)
      live.read(PATH, stat, this.stat(), { digest: CONTENT }, live.proves(0, stat));
    live.end();
  }

  /** What a pass knows of the file without reading it. */
  async known(pass: KnownFiles): Promise<string | undefined> {
    const looked = look(this.root, Buffer.from("file"));
    try {
      return await pass.content(PATH, looked, this.stat(), new AbortController().signal);
    } finally {
      close(looked);
    }
  }

  /** The content of a bare file that a pass knows, and whether it has looked for attributes. */
  bare(pass: KnownFiles, isBare = true): [content: string | undefined, looked: string] {
    let looked = "did not look";
    const content = pass.bareContent(PATH, this.stat(), () => {
      looked = "looked";
      return isBare;
    });
    return [content, looked];
  }

  /** The content that the next live pass takes for unchanged. */
  async unread(base = "one", arrived?: number): Promise<string | undefined> {
    const lacking = { ...LACKING_NOTHING, arrived };
    return this.known(await this.memory.beginLive(this.root, "next", base, undefined, lacking));
  }

  /** A live pass that has read the file `ageNs` after its last change, and has not ended. */
  async broken(ageNs = OLD, pass = "one"): Promise<void> {
    const stat = this.stat();
    this.nowNs = stat.ctimeNs + ageNs;
    const live = await this.memory.beginLive(this.root, pass, undefined);
    live.read(PATH, stat, this.stat(), { digest: CONTENT }, live.proves(0, stat));
  }

  /** The content that the summary of the sealed tree takes for unchanged. */
  summed(): Promise<string | undefined> {
    return this.known(this.memory.beginSummary());
  }
}

const OLD = 11n * SECOND_NS;

describe("a live pass believes a file to be unchanged that somebody may write to", () => {
  it("only when it was changed more than 10 s before the pass that read it", async () => {
    for (const [age, is] of [
      [10n * SECOND_NS + 1n, CONTENT],
      [10n * SECOND_NS, undefined],
      [5n * SECOND_NS, undefined],
      [-SECOND_NS, undefined],
    ] as const) {
      const source = new Source();
      await source.live(age);
      // Only the age at that pass counts, not the age now.
      source.nowNs += 3600n * SECOND_NS;
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
    source.nowNs = before.ctimeNs + OLD;
    const live = await source.memory.beginLive(source.root, "one", undefined);
    shell(source.path, "chmod 600 file");
    live.read(PATH, before, source.stat(), { digest: CONTENT }, false);
    live.end();
    expect(await source.unread()).toBeUndefined();
  });

  it("when its pass has broken, only if the target says that the file has arrived", async () => {
    for (const [base, arrived, is] of [
      ["one", 1, CONTENT],
      ["one", 0, undefined],
      ["another", 1, undefined],
      // The target has all of it, and only its answer was lost.
      ["one", undefined, CONTENT],
    ] as const) {
      const source = new Source();
      await source.broken();
      expect(await source.unread(base, arrived), `${base} ${String(arrived)}`).toBe(is);
    }
    const unknown = new Source();
    await unknown.broken();
    expect(await unknown.known(await unknown.memory.beginLive(unknown.root, "two", undefined))).toBeUndefined();
    expect(await unknown.unread("one", 1)).toBeUndefined();
  });

  it("when its pass has broken, by the time at which that has begun", async () => {
    for (const [age, is] of [
      [10n * SECOND_NS + 1n, CONTENT],
      [10n * SECOND_NS, undefined],
    ] as const) {
      const source = new Source();
      await source.broken(age);
      source.nowNs += 3600n * SECOND_NS;
      source.passedNs += 3600n * SECOND_NS;
      expect(await source.unread("one", 1), String(age)).toBe(is);
    }
    const stepped = new Source();
    await stepped.broken();
    stepped.nowNs += 2n * SECOND_NS;
    expect(await stepped.unread("one", 1)).toBeUndefined();
  });

  it("by the earlier records if the next pass has broken before it, unless the clock was stepped since", async () => {
    for (const [step, is] of [
      [0n, CONTENT],
      [3600n, undefined],
      [-2n, undefined],
    ] as const) {
      const source = new Source();
      await source.live(OLD);
      source.nowNs += (60n + step) * SECOND_NS;
      source.passedNs += 60n * SECOND_NS;
      const second = await source.memory.beginLive(source.root, "two", "one");
      second.read([Buffer.from("earlier")], source.stat(), source.stat(), { digest: CONTENT }, false);
      expect(await source.unread("two", 1), String(step)).toBe(is);
    }
  });

  it("not after a step of the wall clock, in either direction", async () => {
    for (const step of [3600n, -3600n, 2n, -2n]) {
      const source = new Source();
      await source.live(OLD);
      source.nowNs += (60n + step) * SECOND_NS;
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

describe("when the sealed tree is summed up", () => {
  /** A source whose file a live pass has read while nobody had it open. */
  async function proven(ageNs = OLD): Promise<Source> {
    const source = new Source();
    source.open = false;
    await source.live(ageNs);
    return source;
  }

  it("nothing is believed: a write that takes long ends without a trace", async () => {
    const source = new Source();
    await source.live(3600n * SECOND_NS);
    expect(await source.unread()).toBe(CONTENT);
    await source.live(3600n * SECOND_NS);
    expect(await source.summed()).toBeUndefined();
    expect(await source.known(source.memory.beginFinal("one"))).toBeUndefined();
  });

  it("a file is not read that nobody had open for writing when it was read", async () => {
    const source = await proven();
    // A process has opened it since, but a write would have set another time.
    source.open = true;
    expect(await source.summed()).toBe(CONTENT);
    for (const change of ["printf X | dd of=file conv=notrunc status=none", "cp -p file other; mv other file"]) {
      const changed = await proven();
      shell(changed.path, change);
      expect(await changed.summed(), change).toBeUndefined();
    }
  });

  it("unless it had changed within two seconds: the next change may have the same time", async () => {
    expect(await (await proven(2n * SECOND_NS + 1n)).summed()).toBe(CONTENT);
    expect(await (await proven(2n * SECOND_NS)).summed()).toBeUndefined();
  });

  it("unless it was in another state when nobody had it open", async () => {
    const source = new Source();
    source.open = false;
    const before = source.stat();
    source.nowNs = before.ctimeNs + 60n * SECOND_NS;
    const live = await source.memory.beginLive(source.root, "one", undefined);
    shell(source.path, "printf X | dd of=file conv=notrunc status=none");
    expect(live.proves(0, before)).toBe(false);
    expect(live.proves(0, source.stat())).toBe(true);
  });

  it("and a file that a later pass has proven, by reading it again, keeps its proof", async () => {
    const source = new Source();
    await source.live(OLD);
    source.open = false;
    source.nowNs += SECOND_NS;
    source.passedNs += SECOND_NS;
    const second = await source.memory.beginLive(source.root, "two", "one");
    // The file was read, and its real hash is not the believed one.
    expect(await source.known(second)).toBeUndefined();
    second.read(PATH, source.stat(), source.stat(), { digest: CONTENT }, second.proves(0, source.stat()));
    second.end();
    source.open = true;
    const third = await source.memory.beginLive(source.root, "three", "two");
    expect(await source.known(third)).toBe(CONTENT);
    third.end();
    expect(await source.summed()).toBe(CONTENT);
  });

  it("every file is read after a step of the wall clock, and on a file system that nobody has tried", async () => {
    for (const step of [3600n, -3600n, 2n, -2n]) {
      const source = await proven();
      source.nowNs += step * SECOND_NS;
      expect(await source.summed(), String(step)).toBeUndefined();
    }
    const source = new Source();
    source.open = false;
    source.trusted = false;
    await source.live(OLD);
    expect(await source.summed()).toBeUndefined();
  });

  it("and after steps that are small each, one between any two passes", async () => {
    const source = await proven();
    source.open = true;
    source.nowNs -= (9n * SECOND_NS) / 10n;
    const second = await source.memory.beginLive(source.root, "two", "one");
    expect(await source.known(second)).toBe(CONTENT);
    second.end();
    source.nowNs -= (9n * SECOND_NS) / 10n;
    expect(await source.unread("two")).toBeUndefined();
    expect(await source.summed()).toBeUndefined();
  });

  it("the final pass takes what was summed up for the content, proven or read", async () => {
    const source = await proven();
    const summary = source.memory.beginSummary();
    expect(await source.known(summary)).toBe(CONTENT);
    summary.end();
    expect(await source.known(source.memory.beginFinal("one"))).toBe(CONTENT);
    const again = source.memory.beginSummary();
    again.read(PATH, source.stat(), source.stat(), { digest: "cd".repeat(32) });
    again.end();
    expect(await source.known(source.memory.beginFinal("one"))).toBeUndefined();
  });

  it("looks for the attributes of each file once below the seal", async () => {
    const source = await proven();
    const summary = source.memory.beginSummary();
    expect(source.bare(summary)).toEqual([CONTENT, "looked"]);
    summary.end();
    expect(source.bare(source.memory.beginFinal("one"))).toEqual([CONTENT, "did not look"]);
    shell(source.path, "chmod 600 file");
    expect(source.bare(source.memory.beginFinal("one"))).toEqual([undefined, "did not look"]);
  });

  it("looks once more in the final pass if the summary has found attributes", async () => {
    const source = await proven();
    const summary = source.memory.beginSummary();
    expect(source.bare(summary, false)).toEqual([undefined, "looked"]);
    expect(await source.known(summary)).toBe(CONTENT);
    summary.end();
    expect(source.bare(source.memory.beginFinal("one"), false)).toEqual([undefined, "looked"]);
  });

  it("looks in every live pass", async () => {
    const source = await proven();
    const live = await source.memory.beginLive(source.root, "two", "one");
    expect(source.bare(live, false)).toEqual([undefined, "looked"]);
    expect(source.bare(live)).toEqual([CONTENT, "looked"]);
  });
});

it("the machine's clocks and file systems are asked", () => {
  const { from } = sourceAndTarget();
  const before = statat(from, ".").ctimeNs;
  const marker = machineGround.markerNs(from);
  expect(marker).toBeGreaterThanOrEqual(before);
  expect(statat(from, ".").ctimeNs).toBe(before);
  expect(machineGround.isTrusted(directoryAt("/proc"))).toBe(false);
});
