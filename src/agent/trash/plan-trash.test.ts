import { describe, expect, test } from "vitest";
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { StorageNode } from "../../api/kinds/storage-node.ts";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";
import type { Copy } from "../copies/copy-store.ts";
import { planTrash, type TrashView } from "./plan-trash.ts";

const DAY = 24 * 3600 * 1000;
const HOUR = 3600 * 1000;
const NOW = Date.parse("2026-06-02T12:00:00Z");

const volume = (spec: Partial<LocalVolume["spec"]> = {}, movedAgo = 2 * DAY): LocalVolume =>
  ({
    spec: { nodeName: "b", epoch: 2, incarnation: "i", reclaim: false, ...spec },
    status: { movedAt: new Date(NOW - movedAgo).toISOString() },
  }) as LocalVolume;
const old: Copy = {
  volume: "v",
  epoch: 1,
  incarnation: "i",
  poolUUID: "p",
  state: "Trash",
  data: "data.sealed",
  directory: "1",
  path: "/p/volumes/v/1",
  dataPath: "/p/volumes/v/1/data.sealed",
};
const incoming: Copy = { ...old, epoch: 3, state: "Incoming", data: "data", directory: "3-m", moveUID: "m" };
const current = (change: object = {}): VolumeCopy => ({
  spec: { volume: "v", nodeName: "b" },
  status: {
    copies: [
      { epoch: 2, directory: "2", state: "Active", incarnation: "i", poolUUID: "q", publishedTo: ["pod"], ...change },
    ],
  },
});
const holder = (renewedAgo = 20_000, pool: object = {}): StorageNode =>
  ({
    metadata: { name: "b" },
    status: {
      renewedAt: new Date(NOW - renewedAgo).toISOString(),
      pools: [{ name: "default", path: "/p", ready: true, uuid: "q", ...pool }],
    },
  }) as StorageNode;
const view = (change: Partial<TrashView> = {}): TrashView => ({
  node: "a",
  localVolume: volume(),
  currentCopy: current(),
  currentNode: holder(),
  copies: [old],
  mounted: new Set(),
  unclaimedSince: new Map(),
  now: NOW,
  monotonic: 10 * HOUR,
  ...change,
});

test("the copy of an earlier stay goes a day after the move, once the volume is in use elsewhere", () => {
  expect(planTrash(view())).toEqual({ step: "purge", copy: old });
});

describe("it stays", () => {
  test.each<[string, Partial<TrashView>]>([
    ["within the day", { localVolume: volume({}, 23 * HOUR) }],
    ["while nobody says when the volume moved", { localVolume: { spec: volume().spec } }],
    ["while the volume is not in use", { currentCopy: current({ publishedTo: [] }) }],
    ["while the copy in use is missing", { currentCopy: current({ missing: true }) }],
    ["while the copy in use is not Active", { currentCopy: current({ state: "Sealed" }) }],
    ["when the node of the volume is dead", { currentNode: holder(91_000) }],
    ["when the clock of that node is ahead", { currentNode: holder(-91_000) }],
    ["when that node does not exist any more", { currentNode: undefined }],
    ["when the disk of that node cannot be used", { currentNode: holder(0, { ready: false }) }],
    ["when that node has another disk", { currentNode: holder(0, { uuid: "r" }) }],
    ["while the node of the volume says nothing", { currentCopy: undefined }],
    ["when another node answers for it", { currentCopy: { ...current(), spec: { volume: "v", nodeName: "c" } } }],
    ["when the volume is back at its epoch", { localVolume: volume({ nodeName: "a", epoch: 1 }) }],
    ["when the LocalVolume is behind the disk", { localVolume: volume({ epoch: 1 }) }],
    ["without a LocalVolume", { localVolume: undefined }],
    ["of another volume of the same name", { localVolume: volume({ incarnation: "j" }) }],
    ["while a move has the volume", { localVolume: volume({ activeMove: { name: "m", uid: "m" } }) }],
    ["while the volume is fenced", { localVolume: volume({ fence: "m" }) }],
    ["to the reclaim loop when the volume is removed", { localVolume: volume({ reclaim: true }) }],
    ["while something is mounted from it", { mounted: new Set(["1"]) }],
    ["when it is no trash", { copies: [{ ...old, state: "Sealed" }] }],
  ])("%s", (_title, change) => {
    expect(planTrash(view(change))).toEqual({ step: "nothing" });
  });
});

describe("what a cancelled move brought", () => {
  const forgotten = { copies: [incoming], unclaimedSince: new Map([["3-m", 8 * HOUR]]) };
  test("is given up after an hour", () => {
    expect(planTrash(view(forgotten))).toEqual({ step: "give-up", copy: incoming });
  });
  test("stays within the hour", () => {
    const fresh = { copies: [incoming], unclaimedSince: new Map([["3-m", 9.5 * HOUR]]) };
    expect(planTrash(view(fresh))).toEqual({ step: "nothing" });
  });
  test("stays while its move has the volume", () => {
    const localVolume = volume({ activeMove: { name: "m", uid: "m" } });
    expect(planTrash(view({ ...forgotten, localVolume }))).toEqual({ step: "nothing" });
  });
  test("stays when it is the volume by now", () => {
    const localVolume = volume({ nodeName: "a", epoch: 3 });
    expect(planTrash(view({ ...forgotten, localVolume }))).toEqual({ step: "nothing" });
  });
  test.each<[string, Partial<LocalVolume["spec"]>]>([
    ["another move", { activeMove: { name: "n", uid: "n" } }],
    ["its own move again", { activeMove: { name: "m", uid: "m" } }],
    ["a fence", { activeMove: { name: "n", uid: "n" }, fence: "n" }],
  ])("goes when it was given up, also while %s has the volume", (_, spec) => {
    const given: Copy = { ...incoming, state: "Trash" };
    const plan = planTrash(view({ copies: [given], localVolume: volume(spec) }));
    expect(plan).toEqual({ step: "purge", copy: given });
  });

  test("goes at once when it was given up", () => {
    const copy: Copy = { ...incoming, state: "Trash" };
    expect(planTrash(view({ copies: [copy] }))).toEqual({ step: "purge", copy });
  });
  describe("without a LocalVolume", () => {
    const gone = { ...forgotten, localVolume: undefined };
    test("a part of a copy is given up after an hour", () => {
      expect(planTrash(view(gone))).toEqual({ step: "give-up", copy: incoming });
      expect(planTrash(view({ ...gone, unclaimedSince: new Map() }))).toEqual({ step: "nothing" });
    });
    test("a part that was given up goes", () => {
      const copy: Copy = { ...incoming, state: "Trash" };
      expect(planTrash(view({ ...gone, copies: [copy] }))).toEqual({ step: "purge", copy });
    });
    test.each<Copy>([
      { ...incoming, whole: 1 },
      { ...incoming, state: "Trash", whole: 1 },
    ])("a whole copy stays: it may be the volume ($state)", (copy) => {
      expect(planTrash(view({ ...gone, copies: [copy] }))).toEqual({ step: "nothing" });
    });
    test("a part that is mounted stays", () => {
      expect(planTrash(view({ ...gone, mounted: new Set(["3-m"]) }))).toEqual({ step: "nothing" });
    });
  });
  test("stays in the trash when the volume names it all the same", () => {
    const copy: Copy = { ...incoming, state: "Trash" };
    expect(planTrash(view({ copies: [copy], localVolume: volume({ nodeName: "a", epoch: 3 }) }))).toEqual({
      step: "nothing",
    });
  });
});
