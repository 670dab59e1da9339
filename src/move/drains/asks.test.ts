import { beforeEach, expect, test } from "vitest";
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
const volume = (asked?: string, epoch = 1): Stored<LocalVolume> =>
  ({
    metadata: { name: "v", uid: "u", resourceVersion: "1" },
    spec: { epoch },
    status: asked === undefined ? {} : { asked: { at: asked } },
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
test("an ask from before a move does not count on the new node, and the next one does", () => {
  const asked = at(clock.now());
  expect(asks.isRecent(asks.volumeAskedAt(volume(asked)))).toBe(true);
  expect(asks.isRecent(asks.volumeAskedAt(volume(asked, 2)))).toBe(false);
  expect(asks.isRecent(asks.volumeAskedAt(volume(at(clock.now() + 1), 2)))).toBe(true);
});
test("the same for a new leader, by the time of the move", () => {
  const asked = at(clock.now() - 2000);
  const found = { ...volume(asked, 2), status: { asked: { at: asked }, movedAt: at(clock.now() - 1000) } };
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
