import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { bundledProgram } from "../../../src/agent/testing/bundled-program.fixture.ts";
import { measureCopies, whyImpossible, type CopyEffects } from "./bench-move.ts";
import { filesOf } from "./ground/cases.ts";
import { whyTooSmall } from "./ground/space.ts";
import type { MoveOptions } from "./options.ts";
import { installedRsync } from "./subjects/rsync-program.ts";

const MIB = 1024 * 1024;

let directory: string;
let options: MoveOptions;
let drops: number;
let effects: CopyEffects;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "mooring-bench-test-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  drops = 0;
  effects = {
    rsync: installedRsync(),
    // Other tests run beside this one, and need what is cached.
    dropCaches: () => Promise.resolve((drops += 1)),
    endProgram: async (program) => {
      const file = await bundledProgram(new URL(`../programs/${program}`, import.meta.url));
      return { file, execArgv: [] };
    },
    log: () => undefined,
  };
  options = {
    json: undefined,
    subjects: ["mooring", "rsync-local", "tls-stream", "disk"],
    cases: ["large", "small", "sparse"],
    volumes: [],
    rounds: 1,
    shrink: 1024,
    directory,
    profile: undefined,
  };
});

describe("the benchmark of copies", () => {
  it("measures every subject that is there, and leaves nothing behind", async () => {
    const { figures, skipped } = await measureCopies(options, effects);
    const measured = figures.map((one) => `${one.case} ${one.subject}`);
    expect(measured).toEqual(expect.arrayContaining(["large mooring", "small mooring", "sparse mooring"]));
    expect(measured).toContain("large tls-stream");
    expect(drops).toBe(measured.length);
    // What is not measured is named.
    for (const subject of ["rsync-local", "disk"]) {
      const isSkipped = skipped.some((why) => why.startsWith(`${subject}: `));
      expect(measured.includes(`large ${subject}`), subject).toBe(!isSkipped);
    }
    const of = (name: string): unknown => figures.find((one) => one.case === name && one.subject === "mooring");
    expect(of("large")).toMatchObject({ bytes: 4 * MIB, files: 4 });
    expect(of("small")).toMatchObject({ bytes: 97 * 4096, files: 97 });
    expect(of("sparse")).toMatchObject({ bytes: 3 * 64 * 1024, files: 1 });
    for (const { cpuSeconds, mbPerS, seconds } of figures) {
      expect(seconds).toBeGreaterThan(0);
      expect(cpuSeconds).toBeGreaterThanOrEqual(0);
      expect(mbPerS).toBeGreaterThan(0);
    }
    expect(await readdir(directory)).toEqual([]);
  });

  it("leaves nothing behind when a subject fails", async () => {
    const failing = { program: "false", env: {} };
    const only: MoveOptions = { ...options, subjects: ["rsync-local"], cases: ["small"] };
    await expect(measureCopies(only, { ...effects, rsync: failing })).rejects.toThrow("false ended with 1");
    expect(await readdir(directory)).toEqual([]);
  });

  it("says what it needs where there is no room", () => {
    const files = filesOf("small", 100);
    expect(whyTooSmall("/mnt", files, { bytes: 200 * MIB, inodes: undefined })).toBe(
      "it needs 265 MiB below /mnt, and 200 MiB are free: choose another --dir, or --shrink",
    );
    expect(whyTooSmall("/mnt", files, { bytes: 400 * MIB, inodes: 1999 })).toContain("2200 inodes");
    expect(whyTooSmall("/mnt", files, { bytes: 400 * MIB, inodes: undefined })).toBeUndefined();
  });

  it("says so where it cannot write", async () => {
    expect(await whyImpossible({ ...options, directory: join(directory, "none") })).toContain("cannot write below");
    expect(await whyImpossible(options)).toBeUndefined();
  });
});

describe("the cases", () => {
  it("have their full sizes", () => {
    const [large, small, sparse] = (["large", "small", "sparse"] as const).map((name) => filesOf(name, 1));
    expect(large?.map(({ size }) => size)).toEqual(Array(4).fill(1024 * MIB));
    expect(small).toHaveLength(100_000);
    expect(new Set(small?.map(({ path }) => path.split("/")[0])).size).toBe(100);
    expect(sparse?.map(({ size }) => size)).toEqual([10 * 1024 * MIB]);
    const pieces = sparse?.[0]?.pieces ?? [];
    expect(pieces.reduce((sum, { length }) => sum + length, 0)).toBe(200 * MIB);
    // No two of them touch: they are pieces.
    expect(pieces.every(({ offset }, index) => offset > (pieces[index - 1]?.offset ?? -1) + 64 * 1024)).toBe(true);
  });
});
