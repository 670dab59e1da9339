/*
 * The end of a final pass: what it has made durable without a `syncfs`, and whose data it has not
 * waited for (src/agent/transfer/target/barrier.ts). It needs no cluster, but root and loop
 * devices.
 */
import { randomBytes } from "node:crypto";
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { systemCall } from "../../../src/agent/sys/libc.ts";
import type { Barrier } from "../../../src/agent/transfer/receive.ts";
import { Copy, LATER } from "../../../src/agent/transfer/testing/copy.fixture.ts";
import { makeDurable } from "../../../src/agent/transfer/target/barrier.ts";
import { describeTree, directoryAtOnce } from "../../../src/agent/transfer/testing/trees.fixture.ts";
import { makeCachedDisk } from "../cached-disk.ts";
import { makeLoopDisk } from "../loop-disk.ts";
import { ensurePrograms } from "../packages.ts";
import { changeAll, expectShown, makeAll, showAll } from "./all-kinds.ts";
import { TOOLS } from "./kinds.ts";
import { shell } from "./shell.ts";

/** A source and a target that nobody holds open once they are closed. */
interface Pair {
  readonly source: string;
  readonly target: string;
  readonly copy: Copy;
  readonly close: () => void;
}

const notRoot = process.getuid?.() !== 0;

/** Blocks of 4 KiB and times of nanoseconds, as all but the smallest disks have. */
const DISKS = [
  ["ext4", ["-b", "4096", "-I", "256", "-N", "60000"]],
  ["xfs", []],
  ["btrfs", []],
] as const;

async function scratch(): Promise<string> {
  const base = await mkdtemp(join(tmpdir(), "mooring-final-"));
  onTestFinished(() => rm(base, { recursive: true }));
  return base;
}

function openOn(from: string, to: string): Pair {
  const [source, target] = [join(from, "source"), join(to, "target")];
  mkdirSync(source);
  mkdirSync(target);
  const [near, far] = [directoryAtOnce(source), directoryAtOnce(target)];
  const close = (): void => {
    near.close();
    far.close();
  };
  return { source, target, copy: new Copy(near.fd, far.fd, LATER), close };
}

const cachestat = systemCall("cachestat", { x64: 451, arm64: 451 }, ["int", "void *", "void *", "uint"]);

/** How much of a file is in the page cache and not on the disk. */
function dirtyBytes(fd: number): number {
  const [range, found] = [Buffer.alloc(16), Buffer.alloc(128)];
  cachestat.call("", fd, range, found, 0);
  // The numbers of pages that are cached, dirty and being written.
  return Number(found.readBigUInt64LE(8) + found.readBigUInt64LE(16)) * 4096;
}

/** Changes for which no content is sent, only what a file system keeps in its log. */
const NO_CONTENT = String.raw`
  chmod 4511 modes/f-644; chmod 7000 modes/d-0; chmod 6755 modes/fifo; chown -h 7:8 owners/?-1:2; chown 9 owners/d-0:0
  touch -h -d '2024-02-29 12:34:56.123456788' times/[dlpn]-usual; rm times/l-zero
  setfattr -n user.text -v other xattrs/file; setfattr -x user.gone xattrs/gone; setfattr -h -n trusted.of -v other xattrs/link
  setfacl -b acls/plain; setfacl -d -m u:8:rwx acls/dir/sub; setcap cap_net_admin=ep capabilities/raw; setcap -r capabilities/gone
  rm links/z; ln links/a/file links/zz; ln -P links/a/link links/z-link; ln -sfn elsewhere symlinks/dangling; rm symlinks/here; mkdir symlinks/here
  rm specials/null; mknod specials/null c 1 5; rm specials/whiteout; mkdir specials/whiteout; chmod 600 specials/socket; rm -r specials/dir; mknod specials/dir c 0 0
  rmdir directories/empty; : > directories/empty; rm -r directories/setgid; mkdir -p directories/new/in; chmod 1700 directories/new; rm directories/many/1???`;

const CHANGES = [
  ["of every kind", changeAll, 20],
  ["without content", (source: string): void => void shell(source, NO_CONTENT), 0],
] as const;

const CASES = DISKS.flatMap(([fs, made]) =>
  CHANGES.map(([what, change, files]) => ({ fs, made, what, change, files })),
);

test.skipIf(notRoot).each(CASES)("changes $what outlive a power cut on $fs", async ({ change, files, fs, made }) => {
  await ensurePrograms((line) => console.error(line), TOOLS);
  const base = await scratch();
  await using disk = await makeCachedDisk(base, { fs, mib: 1024, made });
  const { close, copy, source, target } = openOn(disk.path, disk.path);
  makeAll(source);
  await copy.live();
  change(source);
  const expected = showAll(source);
  let found: number | undefined;
  await copy.final(undefined, {
    barrier: async (root, written) => {
      if (written?.isComplete === true) found = written.fds.length;
      await makeDurable(root, written);
    },
  });
  close();
  await disk.cutPower();
  // Otherwise it was a syncfs.
  expect(found).toBeGreaterThanOrEqual(files);
  if (files === 0) expect(found).toBe(0);
  expectShown(showAll(target), expected);
});

const NEIGHBOUR_MIB = 256;
/** The kernel may write the neighbour's pages back at any time, but hardly each time. */
const TRIES = 10;

/**
 * A copy onto the disk of a neighbour that has just written. Gives how many bytes of the neighbour
 * are still to be written back after the final pass.
 */
async function dirtyAfterFinalPass(at: Pair, barrier: Barrier): Promise<number> {
  await at.copy.live();
  writeFileSync(join(at.source, "small"), randomBytes(5000));
  const neighbour = openSync(join(at.target, "../neighbour"), "w+");
  try {
    const bytes = randomBytes(1024 * 1024);
    for (let mib = 0; mib < NEIGHBOUR_MIB; mib += 1) writeSync(neighbour, bytes);
    await at.copy.final(undefined, { barrier });
    return dirtyBytes(neighbour);
  } finally {
    closeSync(neighbour);
  }
}

test.skipIf(notRoot).each(DISKS)("the final pass does not write a neighbour's data back on %s", async (fs) => {
  const base = await scratch();
  await using disk = await makeLoopDisk(base, { fs, mib: 1024 });
  const at = openOn(base, disk.path);
  try {
    writeFileSync(join(at.source, "large"), randomBytes(3 * 1024 * 1024));
    let dirty = 0;
    for (let tries = 0; tries < TRIES && dirty === 0; tries += 1) dirty = await dirtyAfterFinalPass(at, makeDurable);
    expect(dirty).toBeGreaterThan(0);
    // What it is compared with.
    expect(await dirtyAfterFinalPass(at, (root) => makeDurable(root, undefined))).toBe(0);
    expect(describeTree(at.target)).toBe(describeTree(at.source));
  } finally {
    at.close();
  }
});

test.skipIf(notRoot)("the final pass writes all data back on an ext4 without a journal", async () => {
  const base = await scratch();
  await using disk = await makeLoopDisk(base, { fs: "ext4", mib: 1024, made: ["-O", "^has_journal"] });
  const at = openOn(base, disk.path);
  try {
    expect(await dirtyAfterFinalPass(at, makeDurable)).toBe(0);
  } finally {
    at.close();
  }
});
