import { describe, expect, it } from "vitest";
import { Crash, MemoryDisk } from "../../../effects/testing/memory-disk.fixture.ts";
import { silentLog } from "../../../observe/log.ts";
import { Chunks } from "../content/chunks.ts";
import { FileRecords, MOST_RECORDS, type FileRecord } from "./file-records.ts";
import { Handover } from "./handover.ts";
import { Memories, type SavedMemory } from "./memories.ts";

const DIRECTORY = "/pools/.agent-passes";
const FILE = [Buffer.from("a"), Buffer.from("b")];
const RECORD: FileRecord = {
  ino: 7n,
  dev: 1n,
  size: 3_000_000n,
  mtimeNs: 5n,
  ctimeNs: -6n,
  believedBeforeNs: 4n,
  proven: true,
  bare: true,
  content: "ab".repeat(32),
  chunks: new Chunks(Buffer.alloc(40, 9)),
};

/** A memory as a live pass leaves it that broke when one file had arrived. */
function broken(volume = "pvc-1"): SavedMemory {
  const records = new FileRecords(MOST_RECORDS);
  records.set(FILE, RECORD);
  const pass = { pass: "p", arrived: undefined, since: { wallNs: 1n, monotonicNs: 2n }, records: records.save() };
  return {
    volume,
    copy: "1/i",
    moveUID: "u",
    source: { remembered: undefined, begun: { ...pass, continues: false, trusted: true } },
    target: { pass: "p", records: records.save(), spoiled: new Set(["key"]), arrived: 1, hasUnread: true },
  };
}

/** A machine on which agents begin and end. */
class Machine {
  readonly disk = new MemoryDisk().prepare("/pools");
  bootID = "boot-1";
  #processes = 0;

  process(): Handover {
    const uuid = `process-${String((this.#processes += 1))}`;
    const random = { float: () => 0, uuid: () => uuid };
    return new Handover({ disk: this.disk, directory: DIRECTORY, bootID: this.bootID, random, log: silentLog });
  }

  /** A process that begins and ends, and leaves this. */
  async left(memories: readonly SavedMemory[] = [broken()]): Promise<void> {
    const process = this.process();
    await process.take();
    await process.leave(memories);
  }
}

describe("what an agent leaves", () => {
  it("is complete for the next one, and only once", async () => {
    const machine = new Machine();
    const all = [broken(), broken("pvc-2")];
    await machine.left(all);
    expect(await machine.process().take()).toEqual(all);
    expect(await machine.process().take()).toEqual([]);
    expect(machine.disk.tree(DIRECTORY)).toEqual([`${DIRECTORY}/owner`]);
  });

  it("does not count after a restart of the machine", async () => {
    const machine = new Machine();
    await machine.left();
    machine.bootID = "boot-2";
    expect(await machine.process().take()).toEqual([]);
  });

  it("does not count when the next one has begun before", async () => {
    const machine = new Machine();
    const old = machine.process();
    await old.take();
    const next = machine.process();
    await next.take();
    await old.leave([broken()]);
    // The next one crashes, so it leaves nothing.
    expect(await machine.process().take()).toEqual([]);
  });

  it("is that of the process that started last, whichever ends last", async () => {
    const machine = new Machine();
    const [old, next] = [machine.process(), machine.process()];
    await old.take();
    await next.take();
    await next.leave([broken("pvc-2")]);
    await old.leave([broken()]);
    // The old one has put its own in the place of the other's.
    expect(await machine.process().take()).toEqual([]);
    await old.leave([broken()]);
    expect(await machine.process().take()).toEqual([]);
  });

  it("goes to one of two that begin at once, or to none", async () => {
    const machine = new Machine();
    await machine.left();
    const taken = await Promise.all([machine.process().take(), machine.process().take()]);
    expect(taken.filter((memories) => memories.length > 0).length).toBeLessThanOrEqual(1);
    expect(await machine.process().take()).toEqual([]);
  });

  it.each(["", "0 ", "x"])("is nothing if a file is not whole (%j)", async (end) => {
    const machine = new Machine();
    await machine.left();
    const path = `${DIRECTORY}/left/pvc-1`;
    machine.disk.put(
      path,
      machine.disk
        .text(path)
        ?.slice(0, end === "" ? -10 : 0)
        .concat(end) ?? "",
    );
    expect(await machine.process().take()).toEqual([]);
  });

  it("is nothing without a directory, and no call fails", async () => {
    const machine = new Machine();
    machine.disk.lose("/pools");
    await machine.left();
    expect(await machine.process().take()).toEqual([]);
  });
});

describe("after a crash at any write", () => {
  it("of the one that ends, the next one gets everything or nothing", async () => {
    const seen = new Set<number>();
    for (let at = 1, crashed = true; crashed; at += 1) {
      const machine = new Machine();
      await machine.left([broken("pvc-2")]);
      const process = machine.process();
      await process.take();
      machine.disk.crashAt(at);
      await process.leave([broken(), broken("pvc-2")]);
      crashed = machine.disk.changes >= at;
      machine.disk.crashAt();
      const taken = await machine.process().take();
      seen.add(taken.length);
      if (taken.length > 0) expect(taken).toEqual([broken(), broken("pvc-2")]);
      expect(machine.disk.tree(DIRECTORY)).toEqual([`${DIRECTORY}/owner`]);
    }
    expect(seen).toEqual(new Set([0, 2]));
  });

  it.each([false, true])("of the one that begins, nobody gets what it may have used (power cut: %s)", async (cut) => {
    const later: number[] = [];
    for (let at = 1, crashed = true; crashed; at += 1) {
      const machine = new Machine();
      await machine.left();
      machine.disk.crashAt(at);
      const used = await machine.process().take();
      crashed = machine.disk.changes >= at;
      // A disk that comes back without what was not synced, while the machine runs.
      if (cut) machine.disk.powerCut();
      machine.disk.crashAt();
      const taken = await machine.process().take();
      if (used.length > 0) expect(taken).toEqual([]);
      if (taken.length > 0) later.push(at);
      expect(machine.disk.tree(DIRECTORY)).toEqual([`${DIRECTORY}/owner`]);
    }
    // Only before the rename. If anything after it fails, the process that goes on without it may
    // run passes, so it must be gone.
    expect(later).toEqual(cut ? [] : [1]);
  });

  it("the disk of this test does crash", async () => {
    const disk = new MemoryDisk().prepare("/pools");
    disk.crashAt(1);
    await expect(disk.write("/pools/x", "")).rejects.toThrow(Crash);
  });
});

describe("the memories of an agent that begins", () => {
  const clock = (now = 0): { monotonic: () => number; now: number } => ({
    now,
    monotonic() {
      return this.now;
    },
  });
  const COPY = { epoch: 1, incarnation: "i", moveUID: "u" };

  it("are those of the previous one, unchanged", () => {
    const memories = new Memories(clock(), 1000);
    memories.load([broken()]);
    expect([...memories.save()]).toEqual([broken()]);
    const { target } = memories.of("pvc-1", COPY, { sealed: false });
    expect(target).toMatchObject({ pass: "p", hasUnread: true });
    expect(target.lacking).toEqual({ files: new Set(["key"]), chunks: false, arrived: 1 });
  });

  it("go with another copy, and after their time", () => {
    const at = clock();
    const memories = new Memories(at, 1000);
    memories.load([broken(), broken("pvc-2")]);
    expect(memories.of("pvc-1", { ...COPY, incarnation: "j" }, { sealed: false }).target.pass).toBeUndefined();
    at.now = 1000;
    expect(memories.of("pvc-2", COPY, { sealed: false }).target.pass).toBeUndefined();
  });

  it("are saved without those with which a sealed tree was read", () => {
    const memories = new Memories(clock(), 1000);
    memories.of("pvc-1", COPY, { sealed: true });
    memories.of("pvc-2", COPY, { sealed: false });
    expect([...memories.save()].map(({ volume }) => volume)).toEqual(["pvc-2"]);
  });
});
