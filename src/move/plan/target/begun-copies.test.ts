import { expect, test } from "vitest";
import type { CopyOfEpoch, CopyReport, VolumeCopy } from "../../../api/kinds/volume-copy.ts";
import type { NodeView, VolumeView } from "../snapshot.ts";
import { bytesBegun, notThere } from "./begun-copies.ts";

const node = { name: "b", storage: { status: { bootID: "boot" } } } as unknown as NodeView;
const volume = (name: string): VolumeView =>
  ({ name, volume: { metadata: { name }, spec: { epoch: 3, incarnation: "i" } } }) as unknown as VolumeView;

const INCOMING: CopyOfEpoch = { epoch: 4, directory: "4-u", state: "Incoming", incarnation: "i", poolUUID: "p" };
/** The report of an earlier move that was called off while it copied. */
const REPORT: CopyReport = {
  moveUID: "u",
  sealing: 0,
  role: "Target",
  state: "Copying",
  copyingAt: "2030-01-01T00:00:00Z",
  bytes: 1000,
  toRead: 400,
  bootID: "boot",
  at: "2030-01-01T00:01:00Z",
};

function begun(report: Partial<CopyReport>, copy: Partial<CopyOfEpoch> = {}): number | undefined {
  const status = { copies: [{ ...INCOMING, ...copy }], move: { ...REPORT, ...report } };
  return bytesBegun({ volumes: [volume("v")] }, node, () => ({ spec: { volume: "v", nodeName: "b" }, status }));
}

test("a copy that an earlier move has begun counts with the bytes that have arrived", () => {
  expect(begun({})).toBe(600);
  expect(begun({ state: "Precopied", toRead: undefined, bytes: 900 })).toBe(900);
  expect(begun({ bytes: undefined, toRead: undefined })).toBe(0);
});

test.each<[string, Partial<CopyReport>, Partial<CopyOfEpoch>]>([
  ["was made for another epoch", {}, { epoch: 5 }],
  ["was made for another volume of that name", {}, { incarnation: "other" }],
  ["is in the trash", {}, { state: "Trash" }],
  ["is missing on the disk", {}, { missing: true }],
  ["comes from a final pass", { copyingAt: undefined }, {}],
  ["could not be finished", { state: "Refused", code: "TRANSFER_TARGET_FULL" }, {}],
  ["is older than the present boot of its machine", { bootID: "before" }, {}],
  ["is the volume's own copy, which the last report was about", { role: "Source", copyingAt: undefined }, {}],
])("a copy that %s does not count", (_what, report, copy) => {
  expect(begun(report, copy)).toBeUndefined();
});

test("the copies of a group add up, and a volume without one counts for nothing", () => {
  const status = { copies: [INCOMING], move: REPORT };
  const copyOn = (name: string): VolumeCopy | undefined =>
    name === "none" ? undefined : { spec: { volume: name, nodeName: "b" }, status };
  expect(bytesBegun({ volumes: [volume("v"), volume("w"), volume("none")] }, node, copyOn)).toBe(1200);
  expect(bytesBegun({ volumes: [volume("none")] }, node, copyOn)).toBeUndefined();
});

test.each<[string, Partial<CopyOfEpoch>, bigint]>([
  ["is the rest", { bytes: 300 }, 700n],
  ["is nothing when more is there", { bytes: 2000 }, 0n],
  ["is all before the agent has counted", {}, 1000n],
  ["is all beside a copy of another epoch", { bytes: 300, epoch: 3 }, 1000n],
  ["is all beside one in the trash", { bytes: 300, state: "Trash" }, 1000n],
  ["is all beside one that is missing on the disk", { bytes: 300, missing: true }, 1000n],
])("what still needs room %s", (_what, copy, expected) => {
  const { spec } = volume("v").volume ?? {};
  const status = { copies: [{ ...INCOMING, ...copy }] };
  const on = { spec: { volume: "v", nodeName: "b" }, status };
  expect(spec === undefined ? undefined : notThere(1000n, on, spec)).toBe(expected);
});
