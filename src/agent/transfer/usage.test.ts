import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { expect, it, onTestFinished } from "vitest";
import { notRoot, scratch } from "../sys/testing/scratch.fixture.ts";
import { copyEngine } from "./engine.ts";
import { Copy, LATER } from "./testing/copy.fixture.ts";
import { directoryAt, fill, shell, sourceAndTarget } from "./testing/trees.fixture.ts";
import { findUnmovable } from "./unmovable.ts";
import { usage } from "./usage.ts";

const never = new AbortController().signal;

it("usage is what du counts", async () => {
  const { path, fd } = scratch();
  fill(path);
  expect(await usage(fd, never)).toEqual({
    bytes: Number(shell(path, "du -s --block-size=1 . | cut -f1")),
    inodes: Number(shell(path, "du -s --inodes . | cut -f1")),
  });
});

it("a plain tree can be moved, a nodump flag does not stand in the way", async () => {
  const { path, fd } = scratch();
  fill(path);
  try {
    shell(path, "chattr +d file");
  } catch {
    // A file system without flags.
  }
  expect(await findUnmovable(fd, never)).toEqual([]);
});

it.skipIf(notRoot)("immutable and append-only files and mounts stand in the way (needs root)", async ({ skip }) => {
  const { path } = scratch();
  shell(path, "mkdir -p d/mounted other e; touch d/log e/fixed e/fixed2 f");
  try {
    shell(path, "chattr +a d/log; chattr +i e/fixed e; mount --bind other d/mounted");
  } catch {
    shell(path, "chattr -R -a -i . || true");
    skip("no inode flags or no mounting here");
  }
  try {
    expect(await findUnmovable(directoryAt(path), never)).toEqual([
      { path: "d/log", reason: "append-only" },
      { path: "d/mounted", reason: "mount inside the volume" },
      { path: "e", reason: "immutable" },
      { path: "e/fixed", reason: "immutable" },
    ]);
  } finally {
    shell(path, "chattr -i e e/fixed; chattr -a d/log; umount d/mounted");
  }
});

it.skipIf(notRoot).for([
  ["file", "+i", "immutable"],
  ["large", "+a", "append-only"],
  ["d", "+i", "immutable"],
  [".", "+a", "append-only"],
])(
  "the summary refuses a flag that was set after the look: %s %s (needs root)",
  async ([name = "", flag = "", why = ""], { skip }) => {
    const { from, source, to } = sourceAndTarget();
    shell(source, "echo a > file; head -c 300000 /dev/urandom > large; mkdir d; echo b > d/b");
    const copy = new Copy(from, to, LATER);
    await copy.live();
    await copy.live();
    try {
      shell(source, `chattr ${flag} ${name}`);
    } catch {
      skip("no inode flags here");
    }
    const refused = expect.objectContaining({
      code: "TRANSFER_UNMOVABLE",
      message: `'${name}' is ${why} by now, and a copy cannot have that`,
    }) as Error;
    try {
      await expect(copyEngine().summarize(from, never, copy.source)).rejects.toEqual(refused);
      await expect(copyEngine().summarize(from, never)).rejects.toEqual(refused);
    } finally {
      shell(source, `chattr -i -a ${name}`);
    }
    await copyEngine().summarize(from, never, copy.source);
    expect((await copy.final()).bytes).toBe(0);
  },
);

it("a file of holes whose size is no number of JavaScript stands in the way", async ({ skip }) => {
  // ext4 has no such files.
  if (!existsSync("/dev/shm")) skip("no /dev/shm");
  const path = mkdtempSync("/dev/shm/mooring-");
  onTestFinished(() => {
    rmSync(path, { recursive: true });
  });
  try {
    shell(path, "truncate -s 9007199254740991 just; truncate -s 9007199254740992 more");
  } catch {
    skip("no file can be that large here");
  }
  expect(await findUnmovable(directoryAt(path), never)).toEqual([{ path: "more", reason: "larger than 8 PiB" }]);
});

it("names no more than five", async ({ skip }) => {
  const { path, fd } = scratch();
  shell(path, "for i in 1 2 3 4 5 6 7; do touch $i; done");
  try {
    shell(path, "chattr +i 1 2 3 4 5 6 7");
  } catch {
    skip("no inode flags here");
  }
  try {
    expect(await findUnmovable(fd, never)).toHaveLength(5);
  } finally {
    shell(path, "chattr -i 1 2 3 4 5 6 7");
  }
});
