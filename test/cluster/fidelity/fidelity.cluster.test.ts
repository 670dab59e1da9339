/*
 * Everything that a file system holds, made, changed and shown by other programs (kinds.ts), and
 * copied by the engine between ext4, XFS and Btrfs. It needs no cluster, but root and loop devices.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Copy, LATER } from "../../../src/agent/transfer/testing/copy.fixture.ts";
import { directoryAtOnce } from "../../../src/agent/transfer/testing/trees.fixture.ts";
import type { PoolFileSystem } from "../ground.ts";
import { makeLoopDisk, type LoopDisk } from "../loop-disk.ts";
import { ensurePrograms } from "../packages.ts";
import { changeAll, expectEqual, makeAll } from "./all-kinds.ts";
import { TOOLS } from "./kinds.ts";
import { shell } from "./shell.ts";

/** Blocks of 4 KiB and times of nanoseconds, as all but the smallest disks have. */
const DISKS = [
  ["ext4", ["-b", "4096", "-I", "256", "-N", "60000"]],
  ["xfs", []],
  ["btrfs", []],
] as const satisfies readonly (readonly [PoolFileSystem, readonly string[]])[];

const PAIRS = [
  ["ext4", "ext4"],
  ["xfs", "xfs"],
  ["btrfs", "btrfs"],
  ["ext4", "xfs"],
  ["xfs", "btrfs"],
  ["btrfs", "ext4"],
] as const;

let base: string;
const disks = new Map<PoolFileSystem, LoopDisk>();

beforeAll(async () => {
  await ensurePrograms((line) => console.error(line), TOOLS);
  base = await mkdtemp(join(tmpdir(), "mooring-fidelity-"));
  for (const [fs, made] of DISKS) {
    const directory = join(base, fs);
    mkdirSync(directory);
    disks.set(fs, await makeLoopDisk(directory, { fs, mib: 1024, made }));
  }
});

afterAll(async () => {
  // One that stays mounted somewhere keeps the others from nothing.
  const ends = await Promise.allSettled([...disks.values()].map((disk) => disk[Symbol.asyncDispose]()));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  if (base !== undefined) await rm(base, { recursive: true });
});

/** A new directory on a disk of this file system. */
function makeOn(fs: PoolFileSystem, name: string): string {
  const path = join(disks.get(fs)?.path ?? "", name);
  mkdirSync(path);
  return path;
}

/**
 * Makes what one test copies, hands in both directories and what copies one to the other, and
 * removes both.
 */
async function between(
  [from, to]: readonly [PoolFileSystem, PoolFileSystem],
  make: (source: string) => void,
  work: (source: string, target: string, copy: Copy) => Promise<void>,
): Promise<void> {
  const source = makeOn(from, `source-${from}-${to}`);
  const target = makeOn(to, `target-${from}-${to}`);
  const [near, far] = [directoryAtOnce(source), directoryAtOnce(target)];
  try {
    make(source);
    await work(source, target, new Copy(near.fd, far.fd, LATER));
  } finally {
    near.close();
    far.close();
    // Node's rm cannot remove names that are not UTF-8.
    execFileSync("rm", ["-rf", source, target]);
  }
}

describe.each(PAIRS)("from %s to %s", (from, to) => {
  test("everything arrives in one go", async () => {
    await between([from, to], makeAll, async (source, target, copy) => {
      await copy.final();
      expectEqual(source, target);
    });
  });

  test("everything arrives that changes after a live pass", async () => {
    await between([from, to], makeAll, async (source, target, copy) => {
      await copy.live();
      await copy.live();
      changeAll(source);
      const { kept } = await copy.final();
      expect(kept).toBeGreaterThan(1_000_000);
      expectEqual(source, target);
    });
  });
});

/** What docs/transfer.md says does not arrive. */
const LEFT = String.raw`
  echo x > flagged; chattr +dA flagged; mkdir flagged-too; chattr +d flagged-too
  echo x > labelled; setfattr -n security.other -v x labelled; touch -a -d 2001-01-01 labelled
  echo x > ahead; fallocate -o 4096 -l 1M ahead`;

test.each(["ext4", "xfs", "btrfs"] as const)("what is left behind on %s does not stop a copy", async (fs) => {
  const make = (source: string): void => void shell(source, LEFT);
  await between([fs, fs], make, async (source, target, copy) => {
    await copy.final();
    const flags = "lsattr -d flagged flagged-too; getfattr -d -m security labelled; stat -c %x labelled";
    expect(shell(source, flags)).toMatch(
      /^[-\w]*d[-\w]* flagged\n[-\w]*d[-\w]* flagged-too\n[^]*security\.other[^]*2001-01-01/,
    );
    expect(shell(target, flags)).not.toMatch(/^[-\w]*[dA][-\w]* flagged|security\.other|2001-01-01/m);
    const blocks = "sync -f .; stat -c '%s %b' ahead";
    expect(shell(source, blocks)).toMatch(/^1052672 2\d{3}\n$/);
    expect(shell(target, blocks)).toMatch(/^1052672 8\n$/);
  });
});
