import { beforeEach, describe, expect, test } from "vitest";
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import { manualClock, type ManualClock } from "../../effects/testing/manual-clock.fixture.ts";
import type { Pod } from "../../kube/kinds.ts";
import type { Stored } from "../../kube/objects.ts";
import { Asks } from "./asks.ts";

let clock: ManualClock;
let asks: Asks;
beforeEach(() => {
  clock = manualClock();
  asks = new Asks(clock);
});

const at = (ms: number): string => new Date(ms).toISOString();
/** `about`: the epoch that the request names. Undefined: the version before has written it. */
const volume = (asked?: string, epoch = 1, about?: number, movedAt?: string): Stored<LocalVolume> =>
  ({
    metadata: { name: "v", uid: "u", resourceVersion: "1" },
    spec: { epoch },
    status: {
      ...(asked === undefined ? {} : { asked: { at: asked, ...(about === undefined ? {} : { epoch: about }) } }),
      ...(movedAt === undefined ? {} : { movedAt }),
    },
  }) as Stored<LocalVolume>;
const keeper = (metadata: object): Stored<Pod> =>
  ({ metadata: { name: "k", uid: "k", resourceVersion: "1", ...metadata } }) as Stored<Pod>;

test("a volume that nobody asked for was not asked for", () => {
  expect(asks.isRecent(asks.volumeAskedAt(volume()))).toBe(false);
});
test("an ask counts for half a minute from when it was seen, whatever the asking replica's clock says", async () => {
  asks.volumeAskedAt(volume(at(clock.now() - 1000)));
  const behind = volume(at(clock.now() - 3_600_000));
  expect(asks.isRecent(asks.volumeAskedAt(behind))).toBe(true);
  await clock.advance(30_000);
  expect(asks.isRecent(asks.volumeAskedAt(behind))).toBe(true);
  await clock.advance(1);
  expect(asks.isRecent(asks.volumeAskedAt(behind))).toBe(false);
  expect(asks.isRecent(asks.volumeAskedAt(volume(at(clock.now()))))).toBe(true);
});

describe("a request that names its epoch", () => {
  // The clock of the replica that has written it, against the leader's.
  const clocks = [
    ["agrees", 0],
    ["is 20 s behind", -20_000],
    ["is an hour ahead", 3_600_000],
  ] as const;
  describe.each(clocks)("from a replica whose clock %s", (_title, skewMs) => {
    const now = (): string => at(clock.now() + skewMs);
    const recent = (epoch: number, about: number, movedAt?: string): boolean =>
      asks.isRecent(asks.volumeAskedAt(volume(now(), epoch, about, movedAt)));

    test.each<[claim: string, counts: boolean, epoch: number, about: number, movedAgoMs?: number]>([
      ["counts in it", true, 1, 1],
      ["counts in it after moves", true, 3, 3, 100],
      ["counts in it although its time is before that of the move", true, 2, 2, -3_000_000],
      ["does not count in the next one", false, 2, 1, 100],
      ["does not count in the next one although it was written after the time of the move", false, 2, 1, 3_700_000],
      ["does not count when the volume has been around and is back on its node", false, 3, 1, 100],
      ["does not count in one before it: a volume from a backup", false, 1, 2],
    ])("%s", (_claim, counts, epoch, about, movedAgoMs) => {
      const movedAt = movedAgoMs === undefined ? undefined : at(clock.now() - movedAgoMs);
      for (const _look of [1, 2]) expect(recent(epoch, about, movedAt)).toBe(counts);
    });

    test("counts in the new epoch as soon as it comes, and the old one does not", () => {
      expect(recent(1, 1)).toBe(true);
      expect(recent(2, 1)).toBe(false);
      expect(recent(2, 2)).toBe(true);
    });
  });

  test("counts from when it was seen after a move, although the clock of its replica is far behind", () => {
    asks.volumeAskedAt(volume(at(clock.now()), 1, 1));
    asks.volumeAskedAt(volume(at(clock.now()), 2, 1));
    const behind = volume(at(clock.now() - 3_600_000), 2, 2);
    expect(asks.isRecent(asks.volumeAskedAt(behind))).toBe(true);
  });

  test("is old after half a minute, and stays so", async () => {
    const asked = volume(at(clock.now()), 1, 1);
    expect(asks.isRecent(asks.volumeAskedAt(asked))).toBe(true);
    await clock.advance(30_001);
    expect(asks.isRecent(asks.volumeAskedAt(asked))).toBe(false);
  });
});

describe("what is remembered", () => {
  const asked = (uid: string): Stored<LocalVolume> => {
    const one = volume(at(clock.now()), 1, 1);
    return { ...one, metadata: { ...one.metadata, uid } };
  };
  test("is one record for each volume and keeper, however often they are asked for, or move", async () => {
    for (let epoch = 1; epoch <= 20; epoch += 1) {
      asks.volumeAskedAt(volume(at(clock.now()), epoch, epoch));
      asks.volumeAskedAt(volume(at(clock.now()), epoch + 1, epoch));
      asks.keeperAskedAt(keeper({ annotations: { "mooring.dev/asked": at(clock.now()) } }));
      await clock.advance(10_000);
    }
    expect(asks.size).toBe(2);
  });
  test("goes with its object", () => {
    for (const uid of ["1", "2", "3"]) asks.volumeAskedAt(asked(uid));
    asks.keeperAskedAt(keeper({ annotations: { "mooring.dev/asked": at(clock.now()) } }));
    for (const uid of ["1", "k", "never seen"]) asks.forget(uid);
    expect(asks.size).toBe(2);
  });
  test("is nothing for what nobody has asked for", () => {
    asks.volumeAskedAt(volume());
    asks.keeperAskedAt(keeper({}));
    expect(asks.size).toBe(0);
  });
  test("belongs to one object: another volume of the same name does not have it", () => {
    expect(asks.isRecent(asks.volumeAskedAt(asked("1")))).toBe(true);
    const old = asked("2");
    const status = { asked: { at: at(clock.now() - 60_000), epoch: 1 } };
    expect(asks.isRecent(asks.volumeAskedAt({ ...old, status }))).toBe(false);
  });
});

// Written by a replica of the version before, or cut off by its kinds.
test("a request without an epoch from before a move does not count on the new node, and the next one does", () => {
  const asked = at(clock.now());
  expect(asks.isRecent(asks.volumeAskedAt(volume(asked)))).toBe(true);
  expect(asks.isRecent(asks.volumeAskedAt(volume(asked, 2)))).toBe(false);
  expect(asks.isRecent(asks.volumeAskedAt(volume(at(clock.now() + 1), 2)))).toBe(true);
});
describe("a request of a version before the epoch, written over one that names its epoch", () => {
  /** The earlier request was made in `about`, a second before this one. */
  const over = (asked: string, epoch: number, about: number, movedAt?: string): Stored<LocalVolume> => {
    const one = volume(asked, epoch, about, movedAt);
    const status = { ...one.status, asked: { at: asked, epoch: about, epochAt: at(Date.parse(asked) - 1000) } };
    return { ...one, status };
  };
  test("counts on the node where it is first seen, and not on the next one", () => {
    const now = clock.now();
    asks.volumeAskedAt(volume(at(now - 1000), 2, 1));
    for (const _look of [1, 2]) expect(asks.isRecent(asks.volumeAskedAt(over(at(now), 2, 1)))).toBe(true);
    expect(asks.isRecent(asks.volumeAskedAt(over(at(now), 3, 1)))).toBe(false);
  });
  test("counts in the epoch of the earlier one, too", () => {
    asks.volumeAskedAt(volume(at(clock.now() - 1000), 1, 1));
    expect(asks.isRecent(asks.volumeAskedAt(over(at(clock.now()), 1, 1)))).toBe(true);
  });
  test("is judged by the time of the move by a new leader", () => {
    const movedAt = at(clock.now() - 2000);
    for (const [agoMs, counts] of [
      [3000, false],
      [1000, true],
    ] as const) {
      const found = over(at(clock.now() - agoMs), 2, 1, movedAt);
      expect(new Asks(clock).volumeAskedAt(found) !== undefined).toBe(counts);
    }
  });
});
test("a whole request does not count after a move, although this leader has seen only the one before it", () => {
  asks.volumeAskedAt(volume(at(clock.now() - 2000), 1, 1));
  const now = at(clock.now());
  const whole = volume(now, 2, 1, at(clock.now() - 1000));
  const asked = { at: now, epoch: 1, epochAt: now };
  expect(asks.volumeAskedAt({ ...whole, status: { ...whole.status, asked } })).toBeUndefined();
});
test("the same for a new leader, by the time of the move", () => {
  const asked = at(clock.now() - 2000);
  const found = volume(asked, 2, undefined, at(clock.now() - 1000));
  for (const _look of [1, 2]) expect(asks.isRecent(asks.volumeAskedAt(found))).toBe(false);
  expect(asks.isRecent(asks.volumeAskedAt(volume(at(clock.now() - 1500), 2)))).toBe(true);
});
test("an old ask that a new leader finds is old", () => {
  expect(asks.isRecent(asks.volumeAskedAt(volume(at(clock.now() - 60_000))))).toBe(false);
});
test("a time that cannot be read counts from now", () => {
  expect(asks.isRecent(asks.volumeAskedAt(volume("yesterday")))).toBe(true);
});
test("a keeper that is being deleted asks all the time", async () => {
  const ending = keeper({ deletionTimestamp: at(clock.now()) });
  await clock.advance(3_600_000);
  expect(asks.isRecent(asks.keeperAskedAt(ending))).toBe(true);
  expect(asks.isRecent(asks.keeperAskedAt(keeper({})))).toBe(false);
});
