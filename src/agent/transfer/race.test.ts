import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, fstatSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { hasCode } from "../sys/libc.ts";
import { notRoot, scratch } from "../sys/testing/scratch.fixture.ts";
import { copyEngine } from "./engine.ts";
import { purge } from "./purge.ts";
import { Copy } from "./testing/copy.fixture.ts";
import { socketPair, tamperedPair } from "./testing/streams.fixture.ts";
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
  const { stop } = await race(RACER, `${path}/tree`, `${path}/outside`);
  return { path, fd, stop, outside: () => describeTree(`${path}/outside`) };
}

/** Runs a racer until the test ends. `said` is what it has printed so far. */
async function race(script: string, ...args: string[]): Promise<{ said: () => string; stop: () => Promise<void> }> {
  const racer = spawn(process.execPath, ["-e", script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(racer, "exit");
  const stop = async (): Promise<void> => {
    racer.kill("SIGKILL");
    await ended;
  };
  onTestFinished(stop);
  let said = "";
  racer.stdout.on("data", (text: Buffer) => {
    said += text.toString();
  });
  await once(racer.stdout, "data");
  return { stop, said: () => said };
}

/**
 * The files below a directory that have this text. Not by `recursive: true` of `readdirSync`: from
 * Node 24 on that follows symlinks.
 */
function filesWith(text: string, directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return filesWith(text, path);
    return entry.isFile() && readFileSync(path, "latin1").includes(text) ? [path] : [];
  });
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
      expect(filesWith("secret", `${path}/target`)).toEqual([]);
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

/**
 * A tenant who keeps swapping a small and a large file for a device, a FIFO and the file again. The
 * racer opens and closes each FIFO, so that a reader of the FIFO does not hang, and prints it.
 */
const DEVICE_RACER = String.raw`
const fs = require("node:fs");
const [tree, spare] = process.argv.slice(1);
const quietly = (f) => { try { return f(); } catch {} };
console.log("racing");
const kinds = ["file", "device", "fifo"];
for (let turn = 0; ; turn++) {
  const [now, next] = [kinds[turn % 3], kinds[(turn + 1) % 3]];
  for (const name of ["small", "large"]) {
    fs.renameSync(tree + "/" + name, spare + "/" + name + "-" + now);
    fs.renameSync(spare + "/" + name + "-" + next, tree + "/" + name);
    const fifo = next === "fifo" ? tree + "/" + name : spare + "/" + name + "-fifo";
    // This works only while another process has opened it to read.
    const writer = quietly(() => fs.openSync(fifo, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK));
    if (writer === undefined) continue;
    fs.closeSync(writer);
    fs.writeSync(1, "opened " + name + "\n");
  }
}
`;

const SPECIALS = String.raw`
mkdir tree spare target
head -c 5000 /dev/zero | tr '\0' x > tree/small; head -c 200000 /dev/zero | tr '\0' x > tree/large
for name in small large; do mknod spare/$name-device c 1 5; mkfifo spare/$name-fifo; done
`;

describe.skipIf(notRoot)("while a tenant swaps a file for a device and a FIFO (needs root)", () => {
  it.each(["live", "final"] as const)("each %s pass ends, and reads neither of them", async (kind) => {
    const { path } = scratch();
    shell(path, SPECIALS);
    // Otherwise this test would prove nothing: the device can be read, and does not end.
    expect(shell(path, "head -c 100000 spare/large-device | wc -c").trim()).toBe("100000");
    const { said } = await race(DEVICE_RACER, `${path}/tree`, `${path}/spare`);
    const copy = new Copy(directoryAt(`${path}/tree`), directoryAt(`${path}/target`));
    const seen = new Set<string>();
    for (let round = 0; round < ROUNDS && (round < 30 || KINDS.some((one) => !seen.has(one))); round++) {
      let foreign = 0;
      const streams = await tamperedPair((chunk) => {
        for (const byte of chunk) if (byte !== X) foreign += 1;
        return chunk;
      });
      // A final pass may fail for a file that is swapped while it is visited. It must end, however.
      await copy[kind](streams).catch(() => undefined);
      // The files have only this byte. Other bytes are names, numbers and hashes.
      expect(foreign).toBeLessThan(4000);
      seen.add(typeAt(`${path}/target/large`));
    }
    expect([...seen]).toEqual(expect.arrayContaining(KINDS));
    expect(said()).toBe("racing\n");
  });
});

const X = "x".charCodeAt(0);
const KINDS = ["file", "device", "fifo"];

function typeAt(path: string): string {
  try {
    const stat = lstatSync(path);
    return stat.isFile() ? "file" : stat.isCharacterDevice() ? "device" : stat.isFIFO() ? "fifo" : "other";
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "nothing";
    throw error;
  }
}

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

  it.skipIf(notRoot).each(["mknod tree/file c 1 5", "mkfifo tree/file"])(
    "is what is opened, though %s has taken its name (needs root)",
    async (make) => {
      const { path } = scratch();
      shell(path, "mkdir tree; echo own > tree/file");
      const opened: string[] = [];
      for await (const visit of walk(directoryAt(`${path}/tree`), never)) {
        if (visit.kind !== "leaf") continue;
        shell(path, `rm tree/file; ${make}`);
        const file = openFile(visit.fd);
        opened.push(fstatSync(file).isFile() ? readFileSync(file, "utf8").trim() : "no file");
        closeSync(file);
      }
      expect(opened).toEqual(["own"]);
    },
  );
});
