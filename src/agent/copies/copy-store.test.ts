import { describe, expect, test } from "vitest";
import { Crash, MemoryDisk } from "../../effects/testing/memory-disk.fixture.ts";
import { memoryTrees } from "../testing/memory-trees.fixture.ts";
import { CopyStore, type Copy } from "./copy-store.ts";

const POOL = "/pool";
const MODE = { mode: 0o777, uid: 7, gid: 8 };
const V = { volume: "v", epoch: 3, incarnation: "i" };
const never = new AbortController().signal;

interface World {
  readonly disk: MemoryDisk;
  readonly store: CopyStore;
}

function world(): World {
  const disk = new MemoryDisk().prepare(POOL);
  return { disk, store: new CopyStore(disk, POOL, "pool-uuid") };
}

/** An Active copy with a file of the tenant in it. */
async function withData(directory = "data"): Promise<World> {
  const made = world();
  await made.store.makeActive(V, MODE);
  made.disk.put(`/pool/volumes/v/3/${directory}/file`, "precious");
  return made;
}

/** The visible state of a copy: its state, its directory, and the place of the tenant's file. */
async function seen({ disk, store }: World): Promise<string[]> {
  const copies = await store.list("v");
  const files = disk.tree().filter((path) => path.endsWith("/file"));
  return [...copies.map(({ data, directory, state }) => `${state} ${directory} ${data}`), ...files];
}

/**
 * Runs `act` with a crash before each of its changes, then what the next process does: `scan`, and
 * `act` again. `between` looks at what the scan has left, for each place of the crash.
 */
async function crashEverywhere(
  prepare: () => Promise<World>,
  act: (world: World) => Promise<unknown>,
  between: (world: World, place: string) => Promise<void> | void,
  lasts: (world: World) => Promise<unknown> = seen,
): Promise<void> {
  let crashes = 0;
  for (const powerCut of [false, true]) {
    for (let at = 1; ; at++) {
      const one = await prepare();
      one.disk.crashAt(at);
      const error = await act(one).then(
        () => undefined,
        (e: unknown) => e,
      );
      if (error === undefined) break;
      if (!(error instanceof Crash)) throw error;
      crashes += 1;
      one.disk.crashAt();
      if (powerCut) one.disk.powerCut();
      const next = { disk: one.disk, store: new CopyStore(one.disk, POOL, "pool-uuid") };
      const place = `${error.message}${powerCut ? ", power cut" : ""}`;
      expect(await next.store.scan(), place).toEqual([]);
      const left = await lasts(next);
      // The state after the scan is durable, also the part that the killed process had made.
      next.disk.powerCut();
      expect(await lasts(next), place).toEqual(left);
      await between(next, place);
      await act(next);
    }
  }
  expect(crashes).toBeGreaterThan(0);
}

describe("a new copy", () => {
  test("has the mode and the owner it was asked to have, below directories of root alone", async () => {
    const { disk, store } = world();
    const copy = await store.makeActive(V, MODE);
    expect(copy).toMatchObject({ ...V, state: "Active", directory: "3", dataPath: "/pool/volumes/v/3/data" });
    expect(disk.attributesOf("/pool/volumes/v/3/data")).toEqual(MODE);
    for (const path of ["/pool/volumes", "/pool/volumes/v", "/pool/volumes/v/3"]) {
      expect(disk.attributesOf(path).mode).toBe(0o700);
    }
  });

  test("is there completely or not at all, wherever the agent is killed", async () => {
    await crashEverywhere(
      async () => world(),
      async ({ store }) => (await store.get("v", 3)) ?? store.makeActive(V, MODE),
      async ({ disk, store }, place) => {
        const copies = await store.list("v");
        if (copies.length === 0)
          expect(
            disk.tree("/pool").filter((path) => path.includes("/v/")),
            place,
          ).toEqual([]);
        else expect(await disk.stat("/pool/volumes/v/3/data"), place).toMatchObject({ kind: "directory" });
      },
    );
  });

  test("is never made over another one", async () => {
    const one = await withData();
    await expect(one.store.makeActive(V, MODE)).rejects.toMatchObject({ code: "ENOTEMPTY" });
    expect(await seen(one)).toEqual(["Active 3 data", "/pool/volumes/v/3/data/file"]);
  });
});

describe("sealing", () => {
  test("takes the path away and ends with the proof", async () => {
    const one = await withData();
    await one.store.beginSeal("v", 3);
    expect(await seen(one)).toEqual(["Sealing 3 data.sealed", "/pool/volumes/v/3/data.sealed/file"]);
    await one.store.finishSeal("v", 3);
    expect(await seen(one)).toEqual(["Sealed 3 data.sealed", "/pool/volumes/v/3/data.sealed/file"]);
  });

  test("cut off anywhere leaves all of the copy or all of the seal", async () => {
    await crashEverywhere(
      withData,
      async ({ store }) => {
        await store.beginSeal("v", 3);
        await store.finishSeal("v", 3);
      },
      async (one, place) => {
        expect(
          [
            ["Active 3 data", "/pool/volumes/v/3/data/file"],
            ["Sealing 3 data.sealed", "/pool/volumes/v/3/data.sealed/file"],
            ["Sealed 3 data.sealed", "/pool/volumes/v/3/data.sealed/file"],
          ],
          place,
        ).toContainEqual(await seen(one));
      },
    );
  });

  test("a copy that is not published any more is refused before the first step", async () => {
    const one = await withData();
    await expect(one.store.finishSeal("v", 3)).rejects.toMatchObject({ code: "AGENT_COPY_STATE" });
    await one.store.toTrash("v", "3");
    await expect(one.store.beginSeal("v", 3)).rejects.toMatchObject({ code: "AGENT_COPY_STATE" });
    await expect(one.store.beginSeal("v", 4)).rejects.toMatchObject({ code: "AGENT_COPY_STATE" });
  });
});

test("unsealing cut off anywhere ends Active, or is still sealed", async () => {
  const sealed = async (): Promise<World> => {
    const one = await withData();
    await one.store.beginSeal("v", 3);
    await one.store.finishSeal("v", 3);
    return one;
  };
  await crashEverywhere(
    sealed,
    ({ store }) => store.unseal("v", 3, MODE),
    async (one, place) => {
      expect(
        [
          ["Active 3 data", "/pool/volumes/v/3/data/file"],
          ["Sealed 3 data.sealed", "/pool/volumes/v/3/data.sealed/file"],
        ],
        place,
      ).toContainEqual(await seen(one));
    },
  );
  const one = await sealed();
  await one.store.unseal("v", 3, MODE);
  expect(await seen(one)).toEqual(["Active 3 data", "/pool/volumes/v/3/data/file"]);
});

describe("a tombstone", () => {
  test("has no data, and a copy cannot be made over it", async () => {
    const one = world();
    expect(await one.store.tombstone(V)).toMatchObject({ state: "Sealed", tombstone: true });
    expect(await one.store.tombstone(V)).toMatchObject({ state: "Sealed", tombstone: true });
    await expect(one.store.makeActive(V, MODE)).rejects.toMatchObject({ code: "ENOTEMPTY" });
    expect(one.disk.tree("/pool/volumes/v/3")).toEqual([
      "/pool/volumes/v/3/copy.json",
      "/pool/volumes/v/3/copy.json.new",
    ]);
  });

  test("is never put over a copy with data", async () => {
    const { store } = await withData();
    await expect(store.tombstone(V)).rejects.toMatchObject({ code: "AGENT_COPY_STATE" });
  });

  test("that is taken back is an empty copy, wherever that was cut off", async () => {
    await crashEverywhere(
      async () => {
        const one = world();
        await one.store.tombstone(V);
        return one;
      },
      ({ store }) => store.unseal("v", 3, MODE),
      async ({ store }, place) => {
        const copy = await store.get("v", 3);
        expect(["Sealed", "Active"], place).toContain(copy?.state);
        expect(copy?.tombstone, place).toBe(copy?.state === "Sealed" ? true : undefined);
      },
    );
  });
});

describe("an incoming copy", () => {
  const incoming = { ...V, moveUID: "m1" };
  const pass = (sealing: number, live = false, moveUID = "m1") => ({ volume: "v", epoch: 3, moveUID, sealing, live });

  test("is not a copy of the epoch before the commit, and is after", async () => {
    const one = world();
    expect(await one.store.makeIncoming(incoming, MODE)).toMatchObject({ directory: "3-m1" });
    expect(await one.store.get("v", 3)).toBeUndefined();
    one.disk.put("/pool/volumes/v/3-m1/data/file", "copied");
    await one.store.arrived(pass(1));
    await one.store.promote("v", 3, "m1");
    expect(await seen(one)).toEqual(["Active 3 data", "/pool/volumes/v/3/data/file"]);
    expect(await one.store.get("v", 3)).not.toHaveProperty("moveUID");
    expect(await one.store.get("v", 3)).not.toHaveProperty("whole");
  });

  const partial = { code: "AGENT_COPY_PARTIAL" };
  const refused = (state: string) => ({
    code: "AGENT_COPY_STATE",
    message: expect.stringContaining(state) as string,
  });

  test("is not opened before all of it has arrived, nor after the next pass has begun", async () => {
    const one = world();
    await one.store.makeIncoming(incoming, MODE);
    await expect(one.store.promote("v", 3, "m1")).rejects.toMatchObject(partial);
    await one.store.arrived(pass(1));
    await one.store.beginPass(pass(2));
    await expect(one.store.promote("v", 3, "m1")).rejects.toMatchObject(partial);
    await one.store.arrived(pass(2));
    await one.store.takeOver((await one.store.arriving(V)) as Copy, "m2");
    await expect(one.store.promote("v", 3, "m2")).rejects.toMatchObject(partial);
    await expect(one.store.arrived(pass(2))).rejects.toMatchObject(refused("not there"));
    expect(await seen(one)).toEqual(["Incoming 3-m2 data"]);
  });

  test("is written into only by its own move", async () => {
    const one = world();
    await expect(one.store.beginPass(pass(1))).rejects.toMatchObject(refused("not there"));
    await one.store.makeIncoming(incoming, MODE);
    await one.store.beginPass(pass(1));
    await expect(one.store.beginPass(pass(1, false, "m2"))).rejects.toMatchObject(refused("not there"));
    await one.store.arrived(pass(1));
    await one.store.promote("v", 3, "m1");
    await expect(one.store.beginPass(pass(2))).rejects.toMatchObject(refused("not there"));
  });

  // The sealing of the pass, and whether it is live, for a copy that is whole for sealing 2.
  test.each([
    [1, false, false],
    [2, false, false],
    [3, false, true],
    [1, true, false],
    [2, true, true],
    [3, true, true],
  ])("that is whole for sealing 2 takes a pass of sealing %i (live: %s): %s", async (sealing, live, takes) => {
    const one = world();
    await one.store.makeIncoming(incoming, MODE);
    await one.store.arrived(pass(2));
    const began = one.store.beginPass(pass(sealing, live));
    if (takes) await began;
    else await expect(began).rejects.toMatchObject(refused("complete"));
    const promoted = one.store.promote("v", 3, "m1");
    if (takes) await expect(promoted).rejects.toMatchObject(partial);
    else expect(await promoted).toMatchObject({ state: "Active" });
  });

  test("is taken over by the next move with what is in it", async () => {
    const one = world();
    const made = await one.store.makeIncoming(incoming, MODE);
    one.disk.put("/pool/volumes/v/3-m1/data/file", "copied");
    expect(await one.store.takeOver(made, "m2")).toMatchObject({ directory: "3-m2", moveUID: "m2" });
    expect(await seen(one)).toEqual(["Incoming 3-m2 data", "/pool/volumes/v/3-m2/data/file"]);
    await expect(one.store.takeOver(made, "m3")).rejects.toMatchObject(refused("not there"));
  });

  test("is not taken over when another process has given it to another move since", async () => {
    const one = world();
    const made = await one.store.makeIncoming(incoming, MODE);
    const file = `${made.path}/copy.json`;
    await one.disk.write(file, (await one.disk.readText(file)).replace("m1", "m2"));
    await expect(one.store.takeOver(made, "m3")).rejects.toMatchObject(refused("Incoming"));
  });

  test("of another volume of that name is not taken over", async () => {
    const one = world();
    await one.store.makeIncoming(incoming, MODE);
    expect(await one.store.arriving({ ...V, incarnation: "j" })).toBeUndefined();
  });

  test("changing hands, or being promoted, may be cut off anywhere", async () => {
    const prepare = async (): Promise<World> => {
      const one = world();
      await one.store.makeIncoming(incoming, MODE);
      one.disk.put("/pool/volumes/v/3-m1/data/file", "copied");
      await one.store.arrived(pass(1));
      return one;
    };
    await crashEverywhere(
      prepare,
      async ({ store }) => store.takeOver((await store.arriving(V)) as Copy, "m2"),
      async (one, place) => {
        expect(
          [
            ["Incoming 3-m1 data", "/pool/volumes/v/3-m1/data/file"],
            ["Incoming 3-m2 data", "/pool/volumes/v/3-m2/data/file"],
          ],
          place,
        ).toContainEqual(await seen(one));
      },
    );
    await crashEverywhere(
      prepare,
      ({ store }) => store.promote("v", 3, "m1"),
      async (one, place) => {
        expect(
          [
            ["Incoming 3-m1 data", "/pool/volumes/v/3-m1/data/file"],
            ["Active 3 data", "/pool/volumes/v/3/data/file"],
          ],
          place,
        ).toContainEqual(await seen(one));
      },
    );
  });
});

describe("purging", () => {
  const purge = ({ disk, store }: World): Promise<void> => store.purge("v", "3", memoryTrees(disk), never);

  test("needs the Trash", async () => {
    const one = await withData();
    await expect(purge(one)).rejects.toMatchObject({ code: "AGENT_COPY_STATE" });
    expect(await seen(one)).toEqual(["Active 3 data", "/pool/volumes/v/3/data/file"]);
  });

  test("leaves nothing, whatever name the data had", async () => {
    const one = await withData();
    await one.store.beginSeal("v", 3);
    await one.store.toTrash("v", "3");
    await purge(one);
    expect(one.disk.tree("/pool")).toEqual(["/pool/volumes"]);
    await purge(one);
  });

  test("leaves the other copies of the volume", async () => {
    const one = await withData();
    await one.store.makeIncoming({ ...V, epoch: 4, moveUID: "m" }, MODE);
    await one.store.toTrash("v", "3");
    await purge(one);
    expect(await seen(one)).toEqual(["Incoming 4-m data"]);
  });

  test("cut off anywhere is Trash until it is gone", async () => {
    await crashEverywhere(
      async () => {
        const one = await withData();
        await one.store.toTrash("v", "3");
        return one;
      },
      purge,
      async ({ store }, place) => {
        const states = (await store.list("v")).map(({ state }: Copy) => state);
        expect([["Trash"], []], place).toContainEqual(states);
      },
      // Bytes that were removed may come back: they are in the Trash.
      ({ store }) => store.list("v"),
    );
  });
});

describe("a damaged disk", () => {
  test("copy.json that cannot be read is a problem, and stays", async () => {
    const { disk, store } = await withData();
    disk.put("/pool/volumes/v/3/copy.json", "{");
    expect(await store.scan()).toMatchObject([{ path: "/pool/volumes/v/3", error: { code: "AGENT_COPY_UNREADABLE" } }]);
    await expect(store.get("v", 3)).rejects.toMatchObject({ code: "AGENT_COPY_UNREADABLE" });
    expect(await disk.readText("/pool/volumes/v/3/data/file")).toBe("precious");
  });

  test("a directory without copy.json that holds something stays", async () => {
    const { disk, store } = await withData();
    disk.lose("/pool/volumes/v/3/copy.json");
    expect(await store.scan()).toMatchObject([{ path: "/pool/volumes/v/3" }]);
    expect(await disk.readText("/pool/volumes/v/3/data/file")).toBe("precious");
  });
});

/** A disk without a free block: a new file finds room only after another one was removed. */
class FullDisk extends MemoryDisk {
  files = Infinity;

  override async write(path: string, text: string): Promise<void> {
    const isNew = (await this.stat(path)) === undefined;
    if (isNew && this.#count() >= this.files) throw Object.assign(new Error("full"), { code: "ENOSPC" });
    await super.write(path, text);
  }

  fill(): void {
    this.files = this.#count();
  }

  #count(): number {
    return this.tree().filter((path) => path.includes("copy.json")).length;
  }
}

describe("on a full disk", () => {
  test("a copy can still be sealed, opened again, and given up", async () => {
    const disk = new FullDisk().prepare(POOL);
    const store = new CopyStore(disk, POOL, "pool-uuid");
    await store.makeActive(V, MODE);
    disk.fill();
    await store.beginSeal("v", 3);
    await store.finishSeal("v", 3);
    await store.unseal("v", 3, MODE);
    await store.toTrash("v", "3");
    await store.purge("v", "3", memoryTrees(disk), never);
    expect(await store.list("v")).toEqual([]);
  });

  test("what has arrived can still become the copy", async () => {
    const disk = new FullDisk().prepare(POOL);
    const store = new CopyStore(disk, POOL, "pool-uuid");
    await store.makeIncoming({ ...V, moveUID: "m" }, MODE);
    disk.fill();
    await store.arrived({ volume: "v", epoch: 3, moveUID: "m", sealing: 1 });
    expect(await store.promote("v", 3, "m")).toMatchObject({ state: "Active", directory: "3" });
  });

  test("one that was made before there was room to keep is no error", async () => {
    const disk = new FullDisk().prepare(POOL);
    const store = new CopyStore(disk, POOL, "pool-uuid");
    disk.files = 1;
    expect(await store.makeActive(V, MODE)).toMatchObject({ state: "Active" });
  });
});
