/*
 * The calls to the kernel, each compared with coreutils, getfattr or lsattr (src/agent/sys), on
 * file systems that this machine may not have for its temporary files. It needs no cluster, but
 * root and loop devices.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { makeLoopDisk } from "../loop-disk.ts";
import { ensurePrograms } from "../packages.ts";
import { TOOLS } from "./kinds.ts";

interface Report {
  readonly numTotalTests: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/** What takes for granted that a direct write does not go through the page cache. */
const NOT_ON_BTRFS = [
  "leaves nothing in the page cache (needs fincore)",
  "does nothing more once the file system has refused a call",
];

test.each(["ext4", "xfs", "btrfs"] as const)("every call agrees with the usual tools on %s", async (fs) => {
  await ensurePrograms((line) => console.error(line), TOOLS);
  const base = await mkdtemp(join(tmpdir(), "mooring-calls-"));
  onTestFinished(() => rm(base, { recursive: true }));
  await using disk = await makeLoopDisk(base, { fs, mib: 1024 });
  // CI's own report would go where this suite's is to be, and nothing to the output.
  const { CI_JSON: _, ...env } = process.env;
  const run = ["node_modules/.bin/vitest", "run", "--reporter=json", "src/agent/sys"];
  const { stdout } = await promisify(execFile)(process.execPath, run, {
    env: { ...env, TMPDIR: disk.path },
    maxBuffer: 64 * 1024 * 1024,
  }).catch((error: unknown) => error as { stdout: string });
  const report = JSON.parse(stdout) as Report;
  const results = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  expect(results.filter(({ status }) => status === "failed")).toEqual([]);
  const skipped = results.filter(({ status }) => status !== "passed").map(({ fullName }) => fullName);
  expect(skipped).toEqual(fs === "btrfs" ? NOT_ON_BTRFS : []);
  expect(report.numTotalTests).toBeGreaterThan(30);
});
