import { expect, test } from "vitest";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";
import type { Copy } from "../copies/copy-store.ts";
import { localVolume, NODE } from "../testing/agent.fixture.ts";
import { planReclaim, type ReclaimView } from "./plan-reclaim.ts";

const copy = (state: Copy["state"]): Copy => ({
  volume: "v",
  epoch: 1,
  incarnation: "i",
  poolUUID: "p",
  state,
  data: "data",
  directory: "1",
  path: "/pool/volumes/v/1",
  dataPath: "/pool/volumes/v/1/data",
});
const object = (status: NonNullable<VolumeCopy["status"]>, deleted = false): VolumeCopy => ({
  metadata: { name: "v.node-a", ...(deleted ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}) },
  spec: { volume: "v", nodeName: NODE },
  status,
});
const recorded = (state: Copy["state"], poolUUID = "p"): VolumeCopy =>
  object({ copies: [{ epoch: 1, directory: "1", state, incarnation: "i", poolUUID }] });
const elsewhere = { mayCreate: { nodeName: "b", epoch: 1 }, reclaim: true };

const step = (view: Partial<ReclaimView>): string =>
  planReclaim({
    node: NODE,
    localVolume: localVolume("v", { reclaim: true }),
    volumeCopy: undefined,
    copies: [],
    mounted: false,
    readable: new Set(["p"]),
    ...view,
  }).step;

test("nothing but the order removes bytes", () => {
  const deleted = localVolume("v");
  const lost = { volumeCopy: recorded("Trash"), copies: [copy("Trash")] };
  expect(step({ ...lost, localVolume: undefined })).toBe("nothing");
  expect(step({ ...lost, localVolume: localVolume("v") })).toBe("nothing");
  expect(step({ ...lost, localVolume: { ...deleted, metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } } })).toBe(
    "nothing",
  );
  expect(step({ localVolume: localVolume("v"), copies: [copy("Active")], volumeCopy: object({}, true) })).toBe(
    "nothing",
  );
});

test("a mounted volume waits", () => {
  expect(step({ copies: [copy("Active")], mounted: true })).toBe("wait");
});

test("first the copies are given up, then that is recorded, then the bytes go", () => {
  expect(step({ copies: [copy("Active")], volumeCopy: recorded("Active") })).toBe("trash");
  expect(step({ copies: [copy("Trash")], volumeCopy: recorded("Active") })).toBe("record");
  expect(step({ copies: [copy("Trash")] })).toBe("record");
  expect(step({ copies: [copy("Trash")], volumeCopy: recorded("Trash") })).toBe("purge");
  expect(step({ volumeCopy: recorded("Trash") })).toBe("purged");
});

test("a disk that cannot be read may hold bytes", () => {
  expect(step({ volumeCopy: recorded("Active", "q") })).toBe("wait");
});

test("the node that might make a directory says that it will not", () => {
  expect(step({})).toBe("purged");
  expect(step({ localVolume: localVolume("v", elsewhere) })).toBe("nothing");
});

test("what is said and deleted goes; what comes back is removed again", () => {
  expect(step({ volumeCopy: object({ purged: true }) })).toBe("nothing");
  expect(step({ volumeCopy: object({ purged: true }, true) })).toBe("release");
  expect(step({ volumeCopy: object({ purged: true }, true), localVolume: undefined })).toBe("release");
  expect(step({ volumeCopy: object({ purged: true }, true), copies: [copy("Active")] })).toBe("trash");
});

test("an object that tells of nothing goes where the LocalVolume is gone", () => {
  const gone = { localVolume: undefined };
  expect(step({ ...gone, volumeCopy: object({ copies: [] }) })).toBe("purged");
  expect(step({ ...gone, volumeCopy: object({ copies: [], purged: true }) })).toBe("delete");
  expect(step({ ...gone, volumeCopy: object({ copies: [], purged: true }, true) })).toBe("release");
  expect(step({ ...gone, volumeCopy: object({ copies: [] }), copies: [copy("Sealed")] })).toBe("nothing");
  expect(step({ ...gone, volumeCopy: recorded("Active") })).toBe("nothing");
  expect(step({ ...gone, volumeCopy: object({ ...recorded("Active").status, purged: true }) })).toBe("nothing");
  expect(step({ localVolume: localVolume("v"), volumeCopy: object({ copies: [] }) })).toBe("nothing");
  expect(step({ localVolume: localVolume("v"), volumeCopy: object({ copies: [], purged: true }) })).toBe("nothing");
});
