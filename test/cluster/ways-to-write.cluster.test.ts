/*
 * Ways to change a file that a live pass has proven. Each must set another time by itself (who sets
 * one back sets the change time), so that all are seen when the sealed tree is summed up. They need
 * no cluster, but file systems of their own.
 */
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { copyEngine } from "../../src/agent/transfer/engine.ts";
import { machineGround } from "../../src/agent/transfer/passes/ground.ts";
import { SourceMemory } from "../../src/agent/transfer/passes/source-memory.ts";
import { TargetMemory } from "../../src/agent/transfer/passes/target-memory.ts";
import { socketPair } from "../../src/agent/transfer/testing/streams.fixture.ts";
import { makeSlowDisk, whyNoSlowDisk } from "./slow-disk.ts";

const MIB = 1024 * 1024;
const engine = copyEngine();
const never = new AbortController().signal;
const why = whyNoSlowDisk();
/** More than the two seconds that a change must be older than its proof, on clocks of seconds. */
const PROVABLE_MS = 4_000;

/** By name, the command that changes `$f` in the source's directory; `$out` is beside that. */
const WAYS = {
  plain: "printf changed. | dd of=$f bs=1 seek=5000 conv=notrunc status=none",
  direct: "dd if=$out/other of=$f bs=64k count=2 oflag=direct conv=notrunc status=none",
  truncated: "truncate -s 1000 $f; truncate -s 1M $f",
  "other-link": "printf changed. | dd of=$out/link bs=1 seek=5000 conv=notrunc status=none",
  "other-mount":
    "mkdir $out/bound; mount --bind . $out/bound; printf changed. | dd of=$out/bound/$f bs=1 conv=notrunc status=none; umount $out/bound",
  replaced: "cp -p $f new; printf changed. | dd of=new bs=1 conv=notrunc status=none; touch -r $f new; mv new $f",
  swapped: "mv $f x; cp -p $out/other $f; rm x",
  punched: "fallocate -p -o 8192 -l 65536 $f",
  zeroed: "fallocate -z -o 8192 -l 65536 $f || fallocate -p -o 8192 -l 65536 $f",
  shifted: "fallocate -c -o 8192 -l 65536 $f && fallocate -i -o 8192 -l 65536 $f || printf X >> $f",
  looped:
    "d=$(losetup --find --show $f); printf changed. | dd of=$d bs=1 seek=5000 conv=notrunc status=none; sync; losetup -d $d",
  overlaid:
    "mkdir $out/low $out/work $out/over; mount -t overlay none -o lowerdir=$out/low,upperdir=$PWD,workdir=$out/work $out/over; printf changed. | dd of=$out/over/$f bs=1 conv=notrunc status=none; umount $out/over",
  cloned: "cp --reflink=auto $out/other $f",
} as const;

describe.each([
  ["ext4", "-b 4096"],
  ["ext4", "-I 128"],
  ["xfs", ""],
  ["btrfs", ""],
] as const)("on %s %s", (fs, made) => {
  test.skipIf(why !== undefined)(
    `every way to write is seen below the seal${why === undefined ? "" : ` (${why})`}`,
    async () => {
      const base = await mkdtemp(join(tmpdir(), "mooring-ways-"));
      onTestFinished(() => rm(base, { recursive: true, force: true }));
      await using disk = await makeSlowDisk(
        base,
        fs,
        400,
        MIB,
        made.split(" ").filter((word) => word !== ""),
      );
      const [source, out, target] = [join(disk.path, "source"), join(disk.path, "out"), join(base, "target")];
      const names = Object.keys(WAYS);
      const shell = (script: string, f = ""): string =>
        execFileSync("bash", ["-ec", script], { cwd: source, env: { ...process.env, f, out }, encoding: "utf8" });
      execFileSync("mkdir", [source, out, target]);
      for (const name of ["$out/other", ...names]) shell(`head -c 1M /dev/urandom > ${name}`);
      shell("ln other-link $out/link; sync -f .");
      await pause(PROVABLE_MS);

      let proofs = 0;
      const statUnwritten: typeof machineGround.statUnwritten = (fd) => {
        const stat = machineGround.statUnwritten(fd);
        if (stat !== undefined) proofs += 1;
        return stat;
      };
      const memory = new SourceMemory({ ...machineGround, statUnwritten });
      const arrived = new TargetMemory();
      const [from, to] = [source, target].map((path) => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY));
      if (from === undefined || to === undefined) throw new Error("unreachable");
      try {
        const pass = async (name: string | undefined): Promise<number> => {
          const [near, far] = await socketPair();
          let sent = 0;
          await Promise.all([
            engine.send(from, near, never, { pass: name, base: arrived.pass, memory }),
            engine.receive(to, far, never, ({ bytes }) => (sent = bytes), { pass: name, memory: arrived }),
          ]);
          return sent;
        };
        await pass("one");
        expect(proofs).toBe(names.length);
        for (const [name, way] of Object.entries(WAYS)) shell(way, name);
        const summary = await engine.summarize(from, never, memory);
        expect(summary).toEqual(await engine.summarize(from, never));
        expect(await pass(undefined)).toBeGreaterThan((names.length - 2) * MIB);
        expect(summary).toEqual(await engine.summarize(to, never));
      } finally {
        closeSync(from);
        closeSync(to);
      }
    },
  );
});
