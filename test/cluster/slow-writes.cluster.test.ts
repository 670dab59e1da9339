/*
 * Writes that take longer than any age that a copy of a directory in use could ask for. The kernel
 * sets the times of a file when a write begins; what a live pass reads in its middle is half old,
 * and no time tells so afterwards. They need no cluster, but a slow disk.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { copyEngine } from "../../src/agent/transfer/engine.ts";
import { SourceMemory } from "../../src/agent/transfer/passes/source-memory.ts";
import { TargetMemory } from "../../src/agent/transfer/passes/target-memory.ts";
import { sameSummary, type TreeSummary } from "../../src/agent/transfer/tree/summary.ts";
import { socketPair } from "../../src/agent/transfer/testing/streams.fixture.ts";
import { must } from "./run.ts";
import { makeSlowDisk, whyNoSlowDisk } from "./slow-disk.ts";
import { waitFor } from "./wait.ts";

const MIB = 1024 * 1024;
const SIZE = 8 * MIB;
const engine = copyEngine();
const never = new AbortController().signal;
const why = whyNoSlowDisk();
const KINDS = [
  ["direct", "a direct write that lasts longer than a live pass"],
  ["into-mapped", "a direct read into the pages of a mapped file"],
] as const;

describe.each([
  ["ext4", KINDS],
  ["xfs", KINDS.slice(0, 1)],
] as const)("on %s", (fs, kinds) => {
  test.skipIf(why !== undefined).each(kinds)(
    `%s: nothing is lost of %s${why === undefined ? "" : ` (${why})`}`,
    async (kind) => {
      const base = await mkdtemp(join(tmpdir(), "mooring-slow-"));
      onTestFinished(() => rm(base, { recursive: true, force: true }));
      await using disk = await makeSlowDisk(base, fs, 400, MIB / 2);
      const [source, target, other] = [join(disk.path, "source"), join(base, "target"), join(disk.path, "other")];
      for (const directory of [source, target]) await mkdir(directory);
      const path = join(source, "file");
      writeFileSync(path, Buffer.alloc(SIZE, "a"));
      writeFileSync(other, Buffer.alloc(SIZE, "b"));
      await must(["sync", "-f", path]);

      const argv = [...disk.slowly, process.execPath, "--import", TSX, WRITER, kind, path, other];
      const writer = spawn(argv[0] ?? "", argv.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
      const ended = once(writer, "exit");
      onTestFinished(async () => {
        writer.kill("SIGKILL");
        await ended;
      });
      await Promise.race([once(writer.stdout, "data"), ended]);
      await olderThan(path, 3_000);

      using copy = new Copy(source, target);
      await copy.pass("one");
      expect(writer.exitCode, "the disk is not slow enough for this test").toBeNull();
      expect(await ended).toEqual([0, null]);
      // Without the agent's own proof this is the copy that would be committed.
      const summary = await copy.summarize();
      const arrived = await copy.pass(undefined);
      expect(sameSummary(summary, arrived)).toBe(true);
      expect(readFileSync(path).equals(Buffer.alloc(SIZE, "b"))).toBe(true);
      expect(readFileSync(join(target, "file")).equals(Buffer.alloc(SIZE, "b"))).toBe(true);
    },
  );
});

const TSX = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const WRITER = fileURLToPath(new URL("slow-writer-main.ts", import.meta.url));

/** Waits until the last change of a file is so long ago. */
async function olderThan(path: string, ms: number): Promise<void> {
  await waitFor(
    `${path} to have been changed ${ms} ms ago`,
    () => (Date.now() - statSync(path).ctimeMs > ms ? true : undefined),
    { timeoutMs: 60_000 },
  );
}

/** One copy: both ends, and what they remember. */
class Copy implements Disposable {
  readonly #from: number;
  readonly #to: number;
  readonly #memory = new SourceMemory();
  readonly #target = new TargetMemory();

  constructor(source: string, target: string) {
    this.#from = openSync(source, constants.O_RDONLY | constants.O_DIRECTORY);
    this.#to = openSync(target, constants.O_RDONLY | constants.O_DIRECTORY);
  }

  [Symbol.dispose](): void {
    closeSync(this.#from);
    closeSync(this.#to);
  }

  async pass(pass: string | undefined): Promise<TreeSummary> {
    const [near, far] = await socketPair();
    const base = this.#target.pass;
    const [, arrived] = await Promise.all([
      engine.send(this.#from, near, never, { pass, base, memory: this.#memory }),
      engine.receive(this.#to, far, never, () => undefined, { pass, memory: this.#target }),
    ]);
    return arrived;
  }

  summarize(): Promise<TreeSummary> {
    return engine.summarize(this.#from, never, this.#memory);
  }
}
