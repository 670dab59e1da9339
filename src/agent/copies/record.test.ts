import { describe, expect, test } from "vitest";
import { copyNameOf } from "../../api/copy-name.ts";
import type { CopyOfEpoch } from "../../api/kinds/volume-copy.ts";
import type { Copy } from "./copy-store.ts";
import { planRecord, type RecordView } from "./record.ts";

const copy = (change: Partial<Copy> = {}): Copy => ({
  volume: "v",
  epoch: 1,
  incarnation: "i",
  poolUUID: "p",
  state: "Active",
  data: "data",
  directory: "1",
  path: "/pool/volumes/v/1",
  dataPath: "/pool/volumes/v/1/data",
  ...change,
});
const entry = (change: Partial<CopyOfEpoch> = {}): CopyOfEpoch => ({
  epoch: 1,
  directory: "1",
  state: "Active",
  incarnation: "i",
  poolUUID: "p",
  publishedTo: [],
  ...change,
});
const plan = (view: Partial<RecordView>) =>
  planRecord({
    onDisk: [],
    recorded: [],
    publishedTo: new Map(),
    usage: new Map(),
    readable: new Set(["p"]),
    ...view,
  });

test("the object says what is on the disk and where it is mounted", () => {
  expect(
    plan({
      onDisk: [copy({ epoch: 2, directory: "2-m", state: "Incoming" }), copy()],
      publishedTo: new Map([["1", ["b", "a"]]]),
      usage: new Map([["1", { bytes: 10, files: 2 }]]),
    }),
  ).toEqual([
    entry({ publishedTo: ["a", "b"], bytes: 10, files: 2 }),
    entry({ epoch: 2, directory: "2-m", state: "Incoming" }),
  ]);
});

describe("a copy that the disk does not have", () => {
  test.each(["Active", "Sealing", "Sealed"] as const)("is missing when it was %s", (state) => {
    const [found] = plan({ recorded: [entry({ state, publishedTo: ["a"] })] });
    expect(found).toEqual({ epoch: 1, directory: "1", state, incarnation: "i", poolUUID: "p", missing: true });
  });
  test.each(["Incoming", "Trash"] as const)("goes when it was %s", (state) => {
    expect(plan({ recorded: [entry({ state })] })).toEqual([]);
  });
  test("stays as it was told where its pool cannot be read", () => {
    const recorded = [entry({ publishedTo: ["a"] }), entry({ epoch: 2, directory: "2", state: "Trash" })];
    expect(plan({ recorded, readable: new Set() })).toEqual(recorded);
  });
  test("is missing beside a new one", () => {
    const found = plan({ onDisk: [copy({ epoch: 2, directory: "2" })], recorded: [entry()] });
    expect(found.map(({ epoch, missing }) => [epoch, missing])).toEqual([
      [1, true],
      [2, undefined],
    ]);
  });
  test("that is back is not missing any more", () => {
    expect(plan({ onDisk: [copy()], recorded: [entry({ missing: true })] })).toEqual([entry()]);
  });
});

test("figures are written again only when they have changed by a twentieth", () => {
  const figures = (bytes: number): unknown =>
    plan({
      onDisk: [copy()],
      recorded: [entry({ bytes: 1000, files: 1 })],
      usage: new Map([["1", { bytes, files: 1 }]]),
    })[0]?.bytes;
  expect(figures(1010)).toBe(1000);
  expect(figures(1100)).toBe(1100);
  expect(figures(0)).toBe(0);
});

test("names of objects are readable, and cut with a hash where they are too long", () => {
  expect(copyNameOf("pvc-1", "node-a")).toBe("pvc-1.node-a");
  const long = copyNameOf("v".repeat(63), "n".repeat(253));
  expect(long).toHaveLength(253);
  expect(long).not.toBe(copyNameOf("v".repeat(63), `${"n".repeat(252)}m`));
});
