/* Which passes end with what barrier, and for which files (target/barrier.ts, docs/adr/0009). */
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { syncfs } from "../sys/data.ts";
import { O_RDONLY, openat } from "../sys/open.ts";
import type { Barrier } from "./receive.ts";
import { logsLongSymlinks } from "./target/barrier.ts";
import { MOST_WRITTEN, WrittenFiles } from "./target/written-files.ts";
import { Copy } from "./testing/copy.fixture.ts";
import { write } from "./testing/edits.fixture.ts";
import { tamperedPair } from "./testing/streams.fixture.ts";
import { describeTree, sourceAndTarget } from "./testing/trees.fixture.ts";

const MIB = 1024 ** 2;
const EVERYTHING = "everything";

/** A barrier for all, and for each call the files that it was given. */
function watched(): { barrier: Barrier; calls: unknown[] } {
  const calls: unknown[] = [];
  const barrier: Barrier = (root, written) => {
    const names = written?.fds.map((fd) => basename(readlinkSync(`/proc/self/fd/${String(fd)}`)));
    calls.push(names?.toSorted() ?? EVERYTHING);
    return syncfs(root);
  };
  return { barrier, calls };
}

function filled(): { copy: Copy; source: string; target: string } {
  const { from, source, target, to } = sourceAndTarget();
  mkdirSync(join(source, "dir"));
  writeFileSync(join(source, "kept"), "as it was");
  writeFileSync(join(source, "small"), "old");
  writeFileSync(join(source, "dir/patched"), Buffer.alloc(3 * MIB, 1));
  return { copy: new Copy(from, to), source, target };
}

function change(source: string): void {
  writeFileSync(join(source, "small"), "new");
  write(join(source, "dir/patched"), MIB + 5, "changed");
  writeFileSync(join(source, "new"), Buffer.alloc(2 * MIB, 2));
  writeFileSync(join(source, "empty"), "");
  mkdirSync(join(source, "sub"));
}

/** What the final pass was durable by. */
async function finalOf(copy: Copy): Promise<unknown[]> {
  const { barrier, calls } = watched();
  await copy.final(undefined, { barrier });
  return calls;
}

describe("the barrier of a final pass", () => {
  it("is for the files whose content it has written", async () => {
    const { copy, source, target } = filled();
    const { barrier, calls } = watched();
    await copy.live(undefined, undefined, { barrier });
    expect(calls).toEqual([EVERYTHING]);
    change(source);
    expect(await finalOf(copy)).toEqual([["new", "patched", "small"]]);
    expect(describeTree(target)).toBe(describeTree(source));
  });

  it("reports whether it has waited for the data of others", async () => {
    const { copy, source } = filled();
    const waits = (isShort: boolean): Barrier => {
      return async (_root, written) => {
        if (isShort) await written?.sync();
      };
    };
    expect(await copy.live()).toMatchObject({ waitedForOthers: true });
    change(source);
    expect(await copy.final(undefined, { barrier: waits(true) })).toMatchObject({ waitedForOthers: false });
    await copy.live();
    expect(await copy.final(undefined, { barrier: waits(false) })).toMatchObject({ waitedForOthers: true });
  });

  it("is for no file if none was written", async () => {
    const { copy, source, target } = filled();
    await copy.live();
    rmSync(join(source, "small"));
    chmodSync(join(source, "kept"), 0o600);
    expect(await finalOf(copy)).toEqual([[]]);
    expect(describeTree(target)).toBe(describeTree(source));
  });

  it("is for everything without a live pass", async () => {
    expect(await finalOf(filled().copy)).toEqual([EVERYTHING]);
  });

  it.each(["live", "final"] as const)("is for everything after a %s pass that broke", async (pass) => {
    const { copy, source } = filled();
    await copy.live();
    change(source);
    const cut = await tamperedPair((chunk, at) => (at + chunk.length > MIB ? "cut" : chunk));
    await expect(copy[pass](cut)).rejects.toThrow();
    expect((await finalOf(copy)).at(-1)).toBe(EVERYTHING);
  });

  it("is for everything after a live pass that was aborted", async () => {
    const { copy, source, target } = filled();
    await copy.live();
    change(source);
    const stop = new AbortController();
    const seen = ({ bytes }: { readonly bytes: number }): void => {
      if (bytes > 0) stop.abort(new Error("the move has gone on"));
    };
    await expect(copy.live(undefined, undefined, { signal: stop.signal, seen })).rejects.toThrow("gone on");
    writeFileSync(join(source, "small"), "newer");
    expect((await finalOf(copy)).at(-1)).toBe(EVERYTHING);
    expect(describeTree(target)).toBe(describeTree(source));
  });

  it("is not for everything if a live pass has ended well after the one that broke", async () => {
    const { copy, source } = filled();
    await copy.live();
    change(source);
    const cut = await tamperedPair((chunk, at) => (at + chunk.length > MIB ? "cut" : chunk));
    await expect(copy.live(cut)).rejects.toThrow();
    await copy.live();
    writeFileSync(join(source, "small"), "newer");
    expect(await finalOf(copy)).toEqual([["small"]]);
  });

  it("is for everything after an update of the agent, and after its crash", async () => {
    const { copy } = filled();
    await copy.live();
    copy.handOver("target");
    expect(await finalOf(copy)).toEqual([EVERYTHING]);
    await copy.live();
    copy.restart("target");
    expect(await finalOf(copy)).toEqual([EVERYTHING]);
  });

  it("is for everything if a file had to be read again because its change time differs", async () => {
    const { copy, target } = filled();
    await copy.live();
    chmodSync(join(target, "kept"), 0o600);
    expect(await finalOf(copy)).toEqual([EVERYTHING]);
  });

  it.each([
    [59, false],
    [60, true],
  ])("knows of a symlink with a text of more than 59 bytes (%i)", async (length, isLong) => {
    const { copy, source, target } = filled();
    await copy.live();
    symlinkSync("x".repeat(length), join(source, "link"));
    let found: unknown;
    const barrier: Barrier = (root, written) => {
      found = written?.hasLongSymlink;
      return syncfs(root);
    };
    await copy.final(undefined, { barrier });
    expect(found).toBe(isLong);
    expect(describeTree(target)).toBe(describeTree(source));
  });

  it.each([
    ["5.19.0", true],
    ["6.1.0-13-amd64", true],
    ["10.0.1", true],
    ["5.18.19", false],
    ["5.9.16", false],
    ["4.18.0-553.el8", false],
    ["unknown", false],
  ])("takes a commit for enough for such a symlink on ext4 since Linux 5.19 (%s)", (kernel, expected) => {
    expect(logsLongSymlinks(kernel)).toBe(expected);
  });

  it("notices that there are too many files to keep open", async () => {
    const { copy, source } = filled();
    await copy.live();
    for (let n = 0; n <= MOST_WRITTEN; n += 1) writeFileSync(join(source, `file-${String(n)}`), "x");
    let found: readonly unknown[] = [];
    const barrier: Barrier = (root, written) => {
      found = [written?.isComplete, written?.fds.length];
      return syncfs(root);
    };
    await copy.final(undefined, { barrier });
    expect(found).toEqual([false, 0]);
  });

  it("leaves no file open, also if it fails", async () => {
    const { copy, source } = filled();
    await copy.live();
    change(source);
    const below = (): string[] =>
      readdirSync("/proc/self/fd").flatMap((fd) => {
        try {
          return [readlinkSync(`/proc/self/fd/${fd}`)].filter((path) => path.endsWith("/small"));
        } catch {
          return [];
        }
      });
    const barrier: Barrier = () => {
      expect(below()).toHaveLength(1);
      return Promise.reject(new Error("EIO: a write has failed"));
    };
    await expect(copy.final(undefined, { barrier })).rejects.toThrow("a write has failed");
    expect(below()).toEqual([]);
    utimesSync(join(source, "small"), 1, 1);
    expect(await finalOf(copy)).toEqual([EVERYTHING]);
    expect(below()).toEqual([]);
  });
});

describe("written files", () => {
  it("report a write that has failed", async () => {
    const written = new WrittenFiles();
    const { source } = filled();
    written.add(openat(-1, join(source, "small"), O_RDONLY), [Buffer.from("small")]);
    await written.sync();
    // A device that cannot be written back stands for a disk that has failed.
    written.add(openat(-1, "/dev/null", O_RDONLY), [Buffer.from("dir"), Buffer.from("failed")]);
    await expect(written.sync()).rejects.toThrow(/^'dir\/failed' could not be copied: .*(?:EINVAL|ESPIPE)/);
    written.close();
    expect(written.fds).toEqual([]);
  });
});
