import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { receive } from "./receive.ts";
import { socketPair } from "./testing/streams.fixture.ts";
import { describeTree, shell, sourceAndTarget } from "./testing/trees.fixture.ts";
import { ContentHash } from "./content/content-hash.ts";
import type { Head } from "./tree/entry.ts";
import { stepByStep as scan, type ScanStep, type TreeStep } from "./tree/scan.ts";
import { Summarizer, type TreeSummary } from "./tree/summary.ts";
import { Channel } from "./wire/channel.ts";
import { PAYLOAD_MAX, streamHeader, WIRE_VERSION } from "./wire/frames.ts";
import { receiveDone, receiveLacking, sendStep, sendSummary } from "./wire/messages.ts";

const never = new AbortController().signal;
const EMPTY: TreeSummary = {
  files: 0,
  directories: 0,
  symlinks: 0,
  specials: 0,
  links: 0,
  bytes: 0,
  hash: "0".repeat(64),
};

const attributes = { mode: 0o700, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mtimeNs: 1n };
const directory: Head = { type: "directory", ...attributes };
const fifo: Head = { type: "fifo", ...attributes };
const file = (size: number): Head => ({ type: "file", ...attributes, size });

const open = (name: Buffer | string, head: Head): TreeStep => ({ kind: "open", name: Buffer.from(name), head });
const root = open("", directory);
const close: TreeStep = { kind: "close", entry: { path: [], head: directory, xattrs: [] } };
const data = (offset: number, bytes: Buffer | string): TreeStep => ({
  kind: "data",
  offset,
  bytes: Buffer.from(bytes),
});
/** A small file in one step. `bytes` may differ from the bytes whose hash is sent. */
const small = (name: string, head: Head, bytes = "abc"): ScanStep => {
  const hash = new ContentHash();
  hash.update({ offset: 0, bytes: Buffer.from("abc") });
  const entry = { path: [Buffer.from(name)], head, content: hash.digest(3).digest, xattrs: [] };
  return { kind: "small", entry, bytes: Buffer.from(bytes) };
};
/** A file that the target is said to have. */
const kept = (name: string, head: Head): ScanStep => ({
  kind: "kept",
  entry: { path: [Buffer.from(name)], head, content: "ab".repeat(32), xattrs: [] },
});
const xattr = (name: string): TreeStep => ({ kind: "xattr", name, value: Buffer.from("v") });

/** The answer of a target to these steps of a hostile source. */
async function answerTo(to: number, steps: readonly ScanStep[], summary = EMPTY): Promise<unknown> {
  const [near, far] = await socketPair();
  const answer = receive(to, far, never, () => undefined).then(
    () => "done",
    (error: unknown) => error,
  );
  const channel = new Channel(near, never);
  try {
    await channel.writeHeader();
    await channel.flush();
    await receiveLacking(channel);
    for (const step of steps) await sendStep(channel, step);
    await sendSummary(channel, summary);
    await receiveDone(channel);
    channel.end();
  } catch {
    // The target has hung up already.
  }
  const result = await answer;
  channel.destroy();
  return result;
}

const coded = (code: string, text = ""): unknown =>
  expect.objectContaining({ code: `TRANSFER_${code}`, message: expect.stringContaining(text) as string });

describe("a target", () => {
  it("refuses names that are no names, and makes nothing of them", async () => {
    const { base, target, to } = sourceAndTarget();
    const before = describeTree(base);
    for (const name of ["", ".", "..", "../escape", "/escape", "a/b", "a\0b"]) {
      expect(await answerTo(to, [root, open(name, fifo)]), JSON.stringify(name)).toEqual(coded("NAME_REFUSED"));
      expect(await answerTo(to, [root, open(name, directory)])).toEqual(coded("NAME_REFUSED"));
    }
    expect(await answerTo(to, [root, small("../escape", file(3))])).toEqual(coded("NAME_REFUSED"));
    for (const first of ["..", "../source", ""]) {
      const link = { ...fifo, type: "link", first: [Buffer.from(first)] } as const;
      expect(await answerTo(to, [root, open("x", link)]), first).toEqual(coded("NAME_REFUSED"));
    }
    shell(target, "chmod 755 .; touch -r ../source .");
    shell(base, "touch -r source .");
    expect(describeTree(base).replace(/\.\d+$/gm, "")).toBe(before.replace(/\.\d+$/gm, ""));
  });

  it("refuses a small file that arrives damaged, and makes nothing of it", async () => {
    const { target, to } = sourceAndTarget();
    for (const head of [file(4), fifo, directory]) {
      expect(await answerTo(to, [root, small("x", head)])).toEqual(coded("WIRE_INVALID", "another size"));
    }
    expect(await answerTo(to, [root, small("x", file(3), "abd")])).toEqual(coded("DIGEST_DIFFERS", "'x'"));
    expect(shell(target, "ls")).toBe("");
  });

  it("does not go through a symlink that the source has just made", async () => {
    const { base, to } = sourceAndTarget();
    shell(base, "mkdir outside; echo secret > outside/secret");
    const target = Buffer.from(`${base}/outside`);
    const symlink = open("a", { type: "symlink", ...attributes, mode: 0o777, target });
    const steps = [root, symlink, close];
    const through = { ...fifo, type: "link", first: [Buffer.from("a"), Buffer.from("secret")] } as const;
    expect(await answerTo(to, [...steps, open("b", through)])).toEqual(coded("FILE_FAILED", "'b'"));
    expect(await answerTo(to, [...steps, open("a", directory), open("x", fifo)])).toEqual(
      coded("WIRE_INVALID", "order"),
    );
    expect(shell(base, "ls outside; stat -c %h outside/secret")).toBe("secret\n1\n");
  });

  it("refuses steps that make no tree", async () => {
    const { to } = sourceAndTarget();
    const foul: readonly (readonly [string, readonly ScanStep[]])[] = [
      ["a small file as the root", [small("", file(3))]],
      ["a small file in a file", [root, open("x", file(3)), small("y", file(3))]],
      ["a small file after the attributes", [root, xattr("user.a"), small("x", file(3))]],
      ["a small file twice", [root, small("x", file(3)), small("x", file(3))]],
      ["a kept file as the root", [kept("", file(3))]],
      ["a kept file in a file", [root, open("x", file(3)), kept("y", file(3))]],
      ["a kept file after the attributes", [root, xattr("user.a"), kept("x", file(3))]],
      ["a kept file after a later name", [root, small("y", file(3)), kept("x", file(3))]],
      ["a root that is no directory", [open("", fifo)]],
      ["a root with a name", [open("x", directory)]],
      ["two roots", [root, close, root]],
      ["a name twice", [root, open("x", fifo), close, open("x", fifo)]],
      ["names out of order", [root, open("y", fifo), close, open("x", fifo)]],
      ["a child of a FIFO", [root, open("x", fifo), open("y", fifo)]],
      ["a child after the attributes", [root, xattr("user.a"), open("x", fifo)]],
      ["data beyond its chunk", [root, open("x", file(2 ** 21)), data(2 ** 20 - 4096, Buffer.alloc(8192))]],
      ["zeros of a new file", [root, open("x", file(9)), { kind: "zeros", start: 0, end: 9 }]],
      ["data of a directory", [root, data(0, "x")]],
      ["data beyond the end", [root, open("x", file(3)), data(0, "four")]],
      ["data that begins within a block", [root, open("x", file(9)), data(1, "x")]],
      ["data that goes back", [root, open("x", file(9)), data(0, "123456789"), data(0, "123456789")]],
      ["data after the attributes", [root, open("x", file(3)), xattr("user.a"), data(0, "abc")]],
      ["an attribute of the runtime's", [root, xattr("security.selinux")]],
      ["an attribute twice", [root, xattr("user.a"), xattr("user.a")]],
      ["a close too many", [root, close, close]],
      [
        "a hard link to a directory",
        [root, open("d", directory), close, open("e", { ...fifo, type: "link", first: [Buffer.from("d")] })],
      ],
      ["a summary before the end", [root, open("x", fifo)]],
    ];
    for (const [what, steps] of foul) expect(await answerTo(to, steps), what).toEqual(coded("WIRE_INVALID"));
  });

  it("does not keep what it does not know", async () => {
    const { target, to } = sourceAndTarget();
    shell(target, "printf abc > x");
    for (const name of ["x", "a", "y"]) {
      expect(await answerTo(to, [root, kept(name, file(3))])).toEqual(coded("NOT_KEPT", `'${name}'`));
    }
    expect(await answerTo(to, [root, kept("x", fifo)])).toEqual(coded("WIRE_INVALID", "no file"));
    expect(await answerTo(to, [root, kept("../escape", file(3))])).toEqual(coded("NAME_REFUSED"));
  });

  it("does not patch what it does not know", async () => {
    const { target, to } = sourceAndTarget();
    shell(target, "head -c 2000000 /dev/urandom > x");
    const patch: TreeStep = { kind: "open", name: Buffer.from("x"), head: file(2_000_000), patches: "ab".repeat(32) };
    expect(await answerTo(to, [root, patch])).toEqual(coded("NOT_KEPT", "'x'"));
  });

  it("refuses a file whose content is not what the source has hashed", async () => {
    const { source, from, to } = sourceAndTarget();
    shell(source, "echo content > file; echo other > other");
    const steps: TreeStep[] = [];
    for await (const step of scan(from, never)) {
      steps.push(step.kind === "data" && step.bytes.includes("content") ? data(0, "contend\n") : step);
    }
    expect(await answerTo(to, steps)).toEqual(coded("DIGEST_DIFFERS", "'file'"));
  });

  it("refuses a tree that is not the source's summary", async () => {
    const { source, from, to } = sourceAndTarget();
    shell(source, "echo content > file");
    const steps: TreeStep[] = [];
    const summarizer = new Summarizer();
    for await (const step of scan(from, never)) {
      steps.push(step);
      if (step.kind === "close") summarizer.add(step.entry);
    }
    const summary = summarizer.result();
    expect(await answerTo(to, steps, { ...summary, hash: "0".repeat(64) })).toEqual(coded("DIGEST_DIFFERS"));
    expect(await answerTo(to, steps, summary)).toBe("done");
  });

  it("refuses another version, another protocol and a frame without bound", async () => {
    const { to } = sourceAndTarget();
    const bytes: readonly (readonly [string, Buffer])[] = [
      ["WIRE_VERSION", streamHeader(WIRE_VERSION - 1)],
      ["WIRE_VERSION", streamHeader(WIRE_VERSION + 1)],
      ["WIRE_INVALID", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
      ["WIRE_BROKEN", Buffer.concat([streamHeader(), Buffer.alloc(13, 0xff)])],
    ];
    for (const [code, sent] of bytes) {
      const [near, far] = await socketPair();
      const answer = receive(to, far, never, () => undefined);
      near.on("error", () => undefined);
      near.resume();
      near.write(sent);
      await expect(answer, code).rejects.toMatchObject({ code: `TRANSFER_${code}` });
      if (!near.closed) await once(near, "close");
    }
    expect(PAYLOAD_MAX).toBeLessThan(2 * 1024 * 1024);
  });

  it("names the entry that the disk does not give back", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "echo 1 > a; echo 2 > b; echo 3 > c");
    const [near, far] = await socketPair();
    const channel = new Channel(near, never);
    const answer = receive(to, far, never, ({ entries }) => {
      // The disk loses a bit of `b` after it was written.
      if (entries === 4)
        shell(
          target,
          "touch -r b /tmp/.b$$; printf 9 | dd of=b conv=notrunc status=none; touch -r /tmp/.b$$ b; rm /tmp/.b$$",
        );
    });
    const summarizer = new Summarizer();
    await channel.writeHeader();
    for await (const step of scan(from, never)) {
      await sendStep(channel, step);
      if (step.kind === "close") summarizer.add(step.entry);
    }
    await sendSummary(channel, summarizer.result());
    await expect(answer).rejects.toEqual(coded("DIGEST_DIFFERS", "first at 'b'"));
    channel.destroy();
  });
});

describe("a source", () => {
  it("says which file changes while it is read", async () => {
    const { source, from } = sourceAndTarget();
    shell(source, "mkdir d; head -c 3000000 /dev/urandom > d/large; touch b");
    const cases: readonly (readonly [string, string])[] = [
      ["echo more >> d/large", "'d/large' changed while it was read: 3000000 bytes before"],
      ["truncate -s 10 d/large", "'d/large' changed while it was read: "],
      ["printf x | dd of=d/large conv=notrunc status=none", "its modification time"],
      ["chmod 600 d/large", "its change time"],
    ];
    for (const [change, text] of cases) {
      const run = async (): Promise<void> => {
        let first = true;
        for await (const step of scan(from, never)) {
          if (step.kind !== "data" || !first) continue;
          first = false;
          shell(source, change);
        }
      };
      await expect(run(), change).rejects.toEqual(coded("SOURCE_CHANGED", text));
      shell(source, "head -c 3000000 /dev/urandom > d/large; chmod 644 d/large");
    }
  });
});
