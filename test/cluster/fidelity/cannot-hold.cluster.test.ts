/*
 * What one file system holds and another one cannot. The copy is refused, with the path and the
 * reason, and as soon as the first such thing arrives: in a live pass, while the pods still run. It
 * needs no cluster, but root and loop devices.
 */
import { mkdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { Copy } from "../../../src/agent/transfer/testing/copy.fixture.ts";
import { directoryAtOnce } from "../../../src/agent/transfer/testing/trees.fixture.ts";
import type { PoolFileSystem } from "../ground.ts";
import { makeLoopDisk } from "../loop-disk.ts";
import { ensurePrograms } from "../packages.ts";
import { TOOLS } from "./kinds.ts";
import { shell } from "./shell.ts";

type Disk = readonly [PoolFileSystem, ...made: string[]];

const EXT4 = ["ext4", "-b", "4096", "-I", "256"] as const;
/** No room for nanoseconds, nor for times after 2038. Made so by old tools on small disks. */
const SECONDS = ["ext4", "-b", "4096", "-I", "128"] as const;
const XFS = ["xfs"] as const;
const BTRFS = ["btrfs"] as const;

/** Hands in a directory on each of two new disks, and what copies the first one to the second. */
async function between(
  [from, ...madeFrom]: Disk,
  [to, ...madeTo]: Disk,
  work: (source: string, target: string, copy: Copy) => Promise<void>,
): Promise<void> {
  await ensurePrograms((line) => console.error(line), TOOLS);
  const base = await mkdtemp(join(tmpdir(), "mooring-cannot-hold-"));
  onTestFinished(() => rm(base, { recursive: true }));
  for (const name of ["from", "to"]) mkdirSync(join(base, name));
  await using near = await makeLoopDisk(join(base, "from"), { fs: from, mib: 400, made: madeFrom });
  await using far = await makeLoopDisk(join(base, "to"), { fs: to, mib: 400, made: madeTo });
  const [source, target] = [join(near.path, "source"), join(far.path, "target")];
  mkdirSync(source);
  mkdirSync(target);
  const [read, write] = [directoryAtOnce(source), directoryAtOnce(target)];
  try {
    shell(source, "echo x > before; touch -d '2020-01-01' before .");
    await work(source, target, new Copy(read.fd, write.fd));
  } finally {
    read.close();
    write.close();
  }
}

/** What arrives where, and what the refusal says. */
const REFUSED: Readonly<Record<string, readonly [from: Disk, to: Disk, make: string, says: RegExp]>> = {
  "times between seconds": [
    EXT4,
    SECONDS,
    "echo x > it",
    /'it' as it is: its time \d+\.\d{9} s becomes \d+\.000000000 s/,
  ],
  "such a time of a large file": [XFS, SECONDS, "head -c 1M /dev/zero > it", /'it' as it is: its time/],
  "such a time of a symlink": [BTRFS, SECONDS, "ln -s x it", /'it' as it is: its time/],
  "such a time of a directory": [EXT4, SECONDS, "mkdir it", /'it' as it is: its time/],
  "times after 2038": [
    EXT4,
    SECONDS,
    "echo x > it; touch -d '2040-01-01 00:00:00' it",
    /'it' as it is: its time 2208988800\.0/,
  ],
  "times after 2446": [
    BTRFS,
    EXT4,
    "echo x > it; touch -d '2500-01-01 00:00:00' it",
    /'it' as it is: its time 16725225600\.0/,
  ],
  "times before 1901": [
    BTRFS,
    XFS,
    "echo x > it; touch -d '1900-01-01 00:00:00.5' it",
    /'it' as it is: its time -2208988799\.500000000/,
  ],
  "long symlinks": [EXT4, XFS, "ln -s $(printf 'x%.0s' {1..1500}) it", /'it' as it is: ENAMETOOLONG: symlinkat/],
  "large attributes": [
    XFS,
    EXT4,
    "echo x > it; setfattr -n user.big -v $(printf 'x%.0s' {1..9000}) it",
    /'it' as it is: ENOSPC: setxattr 'user.big'/,
  ],
  "attributes larger still": [
    XFS,
    BTRFS,
    "echo x > it; setfattr -n user.big -v $(printf 'x%.0s' {1..60000}) it",
    /'it' as it is: ENOSPC: setxattr/,
  ],
  "device numbers": [EXT4, XFS, "mknod it c 4095 1", /'it' as it is: EINVAL: mknodat/],
  "long files": [XFS, EXT4, "truncate -s 17T it", /'it' as it is: EFBIG/],
};

describe("a copy is refused that the target's file system cannot hold:", () => {
  test.each(Object.entries(REFUSED))("%s", async (_, [from, to, make, says]) => {
    await between(from, to, async (source, _target, copy) => {
      shell(source, make);
      const refusal = {
        code: "TRANSFER_TARGET_CANNOT_HOLD",
        message: expect.stringMatching(says) as string,
      };
      await expect(copy.live()).rejects.toMatchObject(refusal);
      await expect(copy.final()).rejects.toMatchObject(refusal);
    });
  });
});

test("a disk of whole seconds takes what has whole seconds, and what another such disk has", async () => {
  for (const from of [EXT4, SECONDS]) {
    await between(from, SECONDS, async (source, target, copy) => {
      const all = "find . -printf '%p %T@ %s\\n' | sort";
      shell(source, "mkdir dir; seq -f dir/%g 100 | xargs touch; head -c 3M /dev/urandom > large; ln -s x link");
      if (from === EXT4) shell(source, "find . -print0 | xargs -0 touch -h -d '2021-02-03 04:05:06'");
      await copy.live();
      await copy.live();
      shell(source, "echo more >> large; echo new > dir/50");
      if (from === EXT4) shell(source, "touch -d '2022-02-03 04:05:06' large dir/50");
      await copy.final();
      expect(shell(target, all)).toBe(shell(source, all));
      shell(source, `cmp large ${target}/large`);
    });
  }
});

/**
 * ext4 says ENOSPC for an attribute that is too large, and for one for which no block is free. Only
 * the first is final: the second ends when somebody makes room.
 */
test.each([
  ["ext4", EXT4],
  ["xfs", XFS],
] as const)("a full disk is called full, on %s", async (_, to) => {
  await between(XFS, to, async (source, target, copy) => {
    await copy.live();
    const fill = (file: string, bytes: string) => `dd if=/dev/zero of=../${file} bs=${bytes} 2> /dev/null || true`;
    shell(target, `${fill("fill", "1M")}; ${fill("rest", "4k")}; sync; ${fill("end", "1k")}`);
    shell(source, "touch it; setfattr -n user.two -v $(printf 'x%.0s' {1..3000}) it");
    const full = { code: "TRANSFER_TARGET_FULL", message: expect.stringContaining("ENOSPC at 'it'") as string };
    await expect(copy.live()).rejects.toMatchObject(full);
    await expect(copy.final()).rejects.toMatchObject(full);
    shell(target, "rm -f ../fill ../rest ../end");
    await copy.final();
    expect(shell(target, "getfattr --only-values -n user.two it").length).toBe(3000);
  });
});
