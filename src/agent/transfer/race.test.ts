import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, readFileSync } from "node:fs";
import { describe, expect, it, onTestFinished } from "vitest";
import { scratch } from "../sys/testing/scratch.fixture.ts";
import { copyEngine } from "./engine.ts";
import { purge } from "./purge.ts";
import { socketPair } from "./testing/streams.fixture.ts";
import { describeTree, directoryAt, shell } from "./testing/trees.fixture.ts";
import { pathText } from "./tree/path.ts";
import { openFile } from "./tree/safe-open.ts";
import { walk } from "./tree/walk.ts";
import { usage } from "./usage.ts";

const never = new AbortController().signal;
/** The limit of every loop, whatever the racer does. */
const ROUNDS = 3000;

/**
 * A tenant who keeps swapping `tree/a` between a directory and a symlink to a directory outside,
 * and makes both again when they are gone.
 */
const RACER = String.raw`
const fs = require("node:fs");
const [tree, outside] = process.argv.slice(1);
const quietly = (f) => { try { f(); } catch {} };
console.log("racing");
for (;;) {
  quietly(() => fs.mkdirSync(tree + "/a", { recursive: true }));
  quietly(() => fs.writeFileSync(tree + "/a/own", "own"));
  quietly(() => fs.symlinkSync(outside, tree + "/link"));
  for (let i = 0; i < 50; i++) {
    quietly(() => fs.renameSync(tree + "/a", tree + "/kept"));
    quietly(() => fs.renameSync(tree + "/link", tree + "/a"));
    quietly(() => fs.renameSync(tree + "/a", tree + "/link"));
    quietly(() => fs.renameSync(tree + "/kept", tree + "/a"));
  }
}
`;

/** A tree with a racer in it, and a directory outside that must stay as it is. */
async function raced(): Promise<{ path: string; fd: number; outside: () => string; stop: () => Promise<void> }> {
  const { path, fd } = scratch();
  shell(path, "mkdir -p outside/deep tree; echo secret > outside/secret; echo secret > outside/deep/secret");
  const racer = spawn(process.execPath, ["-e", RACER, `${path}/tree`, `${path}/outside`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(racer, "exit");
  const stop = async (): Promise<void> => {
    racer.kill("SIGKILL");
    await ended;
  };
  onTestFinished(stop);
  await once(racer.stdout, "data");
  return { path, fd, stop, outside: () => describeTree(`${path}/outside`) };
}

describe("while a tenant swaps a directory for a symlink", () => {
  it("no walk sees what is outside", async () => {
    const { path, outside } = await raced();
    const before = outside();
    const root = directoryAt(`${path}/tree`);
    const seen = new Set<string>();
    for (let round = 0; round < ROUNDS && !(seen.has("a symlink") && seen.has("a/own file")); round++) {
      for await (const visit of walk(root, never)) {
        const type = "stat" in visit ? visit.stat.type : visit.kind;
        seen.add(`${pathText(visit.path)} ${type}`);
      }
      expect((await usage(root, never)).inodes).toBeLessThanOrEqual(6);
    }
    expect([...seen]).toEqual(expect.arrayContaining(["a symlink", "a/own file"]));
    expect([...seen].filter((text) => text.includes("secret") || text.includes("deep"))).toEqual([]);
    expect(outside()).toBe(before);
  });

  it("no transfer brings over what is outside", async () => {
    const { path, outside } = await raced();
    const before = outside();
    shell(path, "mkdir target");
    const [root, to] = [directoryAt(`${path}/tree`), directoryAt(`${path}/target`)];
    const engine = copyEngine();
    for (let round = 0; round < 60; round++) {
      const [near, far] = await socketPair();
      await Promise.allSettled([engine.send(root, near, never), engine.receive(to, far, never, () => undefined)]);
      expect(shell(path, "grep -rls secret target || true")).toBe("");
    }
    expect(outside()).toBe(before);
  });

  it("no purge removes what is outside", async () => {
    const { path, fd, outside, stop } = await raced();
    const before = outside();
    const answers = new Set<unknown>();
    for (let round = 0; round < 300; round++) {
      answers.add(
        await purge(fd, "tree", never).then(
          () => "removed",
          (error: unknown) => (error as { code?: string }).code,
        ),
      );
    }
    expect([...answers].filter((answer) => answer !== "removed" && answer !== "TRANSFER_PURGE_RACED")).toEqual([]);
    expect(answers).toContain("removed");
    expect(outside()).toBe(before);
    await stop();
    await purge(fd, "tree", never);
    expect(shell(path, "ls -A")).toBe("outside\n");
  });
});

describe("what was looked at", () => {
  it("is what is read, though its name leads elsewhere by then", async () => {
    const { path } = scratch();
    shell(
      path,
      "mkdir outside; echo secret > outside/file; mkdir -p tree/dir; echo own > tree/dir/file; echo own > tree/file",
    );
    const read: string[] = [];
    for await (const visit of walk(directoryAt(`${path}/tree`), never)) {
      if (visit.kind === "enter" && visit.path.length === 1) {
        shell(path, "mv tree/dir kept; ln -s ../outside tree/dir");
      }
      if (visit.kind !== "leaf") continue;
      if (visit.path.length === 1) shell(path, "rm tree/file; ln -s ../outside/file tree/file");
      const file = openFile(visit.fd);
      read.push(`${pathText(visit.path)}: ${readFileSync(file, "utf8").trim()}`);
      closeSync(file);
    }
    expect(read).toEqual(["dir/file: own", "file: own"]);
  });
});
