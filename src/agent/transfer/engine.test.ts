import type { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import { hasTool, notRoot } from "../sys/testing/scratch.fixture.ts";
import { copyEngine } from "./engine.ts";
import type { Progress } from "./receive.ts";
import { socketPair, tamperedPair, type Tamper } from "./testing/streams.fixture.ts";
import {
  allocatedKib,
  describeTree,
  directoryAt,
  directoryAtOnce,
  fill,
  shell,
  sourceAndTarget,
} from "./testing/trees.fixture.ts";
import type { TreeSummary } from "./tree/summary.ts";

const engine = copyEngine();

/** Runs both ends, and gives the outcome of each. */
async function transfer(
  from: number,
  to: number,
  [near, far]: readonly [Duplex, Duplex],
  signals: { source?: AbortSignal; target?: AbortSignal } = {},
  progress: (progress: Progress) => void = () => undefined,
): Promise<{ sent: PromiseSettledResult<TreeSummary>; received: PromiseSettledResult<TreeSummary> }> {
  const never = new AbortController().signal;
  const [sent, received] = await Promise.allSettled([
    engine.send(from, near, signals.source ?? never),
    engine.receive(to, far, signals.target ?? never, progress),
  ]);
  return { sent, received };
}

function valueOf<T>(result: PromiseSettledResult<T>): T {
  if (result.status === "fulfilled") return result.value;
  throw result.reason as Error;
}

const never = new AbortController().signal;

describe("a transfer", () => {
  it("brings over everything that a file system holds", async () => {
    const { source, target, from, to } = sourceAndTarget();
    fill(source);
    const seen: Progress[] = [];
    const { sent, received } = await transfer(from, to, await socketPair(), {}, (progress) => seen.push(progress));

    expect(valueOf(received)).toEqual(valueOf(sent));
    const there = describeTree(target);
    expect(there).toBe(describeTree(source));
    // Checks that the description really contains these things. Otherwise this test would prove
    // nothing.
    expect(there).toMatch(/\|p\|620\|/);
    if (!notRoot) expect(there).toContain("./whiteout 0:0");
    if (hasTool("getfattr")) expect(there).toContain("user.note=0x736f6d652076616c7565");
    if (hasTool("getfattr") && hasTool("setfacl")) expect(there).toContain("system.posix_acl_default=");
    expect(there).toContain("123456789");
    expect(there).toMatch(/^\.\/socket\|s\|/m);

    // XFS may have allocated more than was written to the source.
    for (const name of ["sparse", "hole"]) {
      expect(allocatedKib(target, name)).toBeLessThanOrEqual(allocatedKib(source, name));
    }
    expect(allocatedKib(target, "zeros")).toBe(allocatedKib(source, "zeros"));
    const files = Number(shell(source, "find . -type f -printf '%i\\n' | sort -u | wc -l"));
    expect(valueOf(sent)).toMatchObject({ files, specials: notRoot ? 2 : 4, links: 3 });
    expect(seen.at(-1)?.entries).toBe(Number(shell(source, "find . -printf 'x\\n' | wc -l")));
  });

  it("is summed up alike on both sides, and a change of any kind is seen", async () => {
    const { source, target, from, to } = sourceAndTarget();
    fill(source);
    valueOf((await transfer(from, to, await socketPair())).received);
    const before = await engine.summarize(from, never);
    expect(await engine.summarize(to, never)).toEqual(before);

    const hashes = new Set([before.hash]);
    const changes = [
      "printf changed. | dd of=large bs=1 seek=2999990 conv=notrunc status=none; touch -r ../source/large large",
      "printf '\\0' >> zeros; touch -r ../source/zeros zeros",
      "touch -d '2001-02-03 04:05:06.123456788 UTC' file",
      "touch -h -d '1999-01-01 00:00:00.000000002 UTC' link",
      "chmod 0621 fifo",
      "rm dir/hard2; cp -p file dir/hard2; touch -r ../source/dir dir",
      "rm empty; touch -r ../source .",
      "ln -sfn other dangling; touch -r ../source .",
      ...(hasTool("setfattr") ? ["setfattr -x user.empty dir", "setfattr -n user.note -v 'some other' file"] : []),
      ...(notRoot ? [] : ["chown 1 file", "rm whiteout; mknod whiteout c 0 1; touch -r ../source ."]),
    ];
    for (const change of changes) {
      shell(target, change);
      const { hash } = await engine.summarize(to, never);
      expect(hashes, change).not.toContain(hash);
      hashes.add(hash);
    }
  });

  it("makes equal whatever is there already", async () => {
    const { source, target, from, to } = sourceAndTarget();
    fill(source);
    shell(
      target,
      `mkdir -p file dir/sub extra/deep/er; echo x > file/x; echo x > extra/deep/er/x; ln -s /etc closed
       echo old > large; ln large extra/large-too; ln -s extra setgid; echo zz > zz; mkfifo empty; echo x > fifo; mkdir link`,
    );
    if (hasTool("setfacl")) shell(target, "setfacl -d -m u:99:rwx . dir");
    const { sent, received } = await transfer(from, to, await socketPair());
    expect(valueOf(received)).toEqual(valueOf(sent));
    expect(describeTree(target)).toBe(describeTree(source));
  });

  it("of an empty directory is one entry", async () => {
    const { from, to } = sourceAndTarget();
    const { received } = await transfer(from, to, await socketPair());
    expect(valueOf(received)).toMatchObject({ directories: 1, files: 0, bytes: 0 });
  });

  it("keeps the order of hundreds of names in one directory", async () => {
    const { source, target, from, to } = sourceAndTarget();
    shell(source, "seq 300 | xargs touch; mkdir many; cd many; seq 100 | xargs mkdir");
    valueOf((await transfer(from, to, await socketPair())).received);
    expect(describeTree(target)).toBe(describeTree(source));
  });
});

describe("a transfer that breaks", () => {
  /** How many bytes the source sends. */
  async function length(from: number, to: number): Promise<number> {
    let bytes = 0;
    const pair = await tamperedPair((chunk, at) => {
      bytes = at + chunk.length;
      return chunk;
    });
    valueOf((await transfer(from, to, pair)).received);
    return bytes;
  }

  it("fails on both sides where the stream is cut, and the next one completes", async () => {
    const { source, target, base, from, to } = sourceAndTarget();
    fill(source);
    shell(base, "mkdir other");
    const whole = await length(from, directoryAt(`${base}/other`));
    for (const part of [0, 5, 0.1, 0.5, 0.9, whole - 1]) {
      const end = part < 1 ? Math.floor(whole * part) : part;
      const cut: Tamper = (chunk, at) => (at + chunk.length > end ? "cut" : chunk);
      const { sent, received } = await transfer(from, to, await tamperedPair(cut));
      for (const result of [sent, received]) {
        expect(result).toMatchObject({ status: "rejected", reason: { code: "TRANSFER_WIRE_BROKEN" } });
      }
    }
    valueOf((await transfer(from, to, await socketPair())).received);
    expect(describeTree(target)).toBe(describeTree(source));
  });

  it("never succeeds with a flipped byte", async () => {
    const { source, base, from, to } = sourceAndTarget();
    shell(source, "echo content > file; ln -s file link; mkdir dir; echo more > dir/file; ln file hard");
    shell(base, "mkdir other");
    const whole = await length(from, directoryAt(`${base}/other`));
    expect(whole).toBeGreaterThan(300);
    for (let place = 0; place < whole; place += 7) {
      const flip: Tamper = (chunk, at) => {
        if (place >= at && place < at + chunk.length) chunk[place - at] = Number(chunk[place - at]) ^ 0x20;
        return chunk;
      };
      const { sent, received } = await transfer(from, to, await tamperedPair(flip));
      expect(sent.status, `byte ${String(place)}`).toBe("rejected");
      expect(received, `byte ${String(place)}`).toMatchObject({
        status: "rejected",
        reason: {
          code: expect.stringMatching(/^TRANSFER_(WIRE_BROKEN|WIRE_INVALID|WIRE_VERSION|DIGEST_DIFFERS)$/) as string,
        },
      });
    }
  });

  it("ends with the signal's reason on the side that aborts", async () => {
    const { source, from, to } = sourceAndTarget();
    shell(source, "head -c 20000000 /dev/urandom > large");
    for (const side of ["source", "target"] as const) {
      const controller = new AbortController();
      const { sent, received } = await transfer(
        from,
        to,
        await socketPair(),
        { [side]: controller.signal },
        ({ bytes }) => {
          if (bytes > 3_000_000) controller.abort(new Error("enough"));
        },
      );
      const [own, other] = side === "source" ? [sent, received] : [received, sent];
      expect(own).toMatchObject({ status: "rejected", reason: { message: "enough" } });
      expect(other).toMatchObject({ status: "rejected", reason: { code: "TRANSFER_WIRE_BROKEN" } });
    }
  });

  it("refuses bytes after the end", async () => {
    const { source, from, to } = sourceAndTarget();
    shell(source, "echo x > file");
    let tail: Buffer = Buffer.alloc(0);
    const extra: Tamper = (chunk) => {
      tail = Buffer.concat([tail, chunk]).subarray(-64);
      return tail.includes('"hash"') || chunk.includes('"hash"') ? Buffer.concat([chunk, Buffer.from([0])]) : chunk;
    };
    const { received } = await transfer(from, to, await tamperedPair(extra));
    expect(received).toMatchObject({ status: "rejected", reason: { code: "TRANSFER_WIRE_INVALID" } });
  });

  it.skipIf(notRoot)("says that the target is full, and where (needs root)", async ({ skip }) => {
    const { source, target, from } = sourceAndTarget();
    shell(source, "mkdir sub; head -c 3000000 /dev/urandom > sub/large");
    try {
      shell(target, "mount -t tmpfs -o size=1m none .");
    } catch {
      skip("tmpfs cannot be mounted here");
    }
    try {
      const full = directoryAtOnce(target);
      try {
        const { received } = await transfer(from, full.fd, await socketPair());
        expect(received).toMatchObject({
          status: "rejected",
          reason: { code: "TRANSFER_TARGET_FULL", message: expect.stringContaining("sub/large") as string },
        });
      } finally {
        full.close();
      }
    } finally {
      shell(target, "cd /; umount " + target);
    }
  });
});
