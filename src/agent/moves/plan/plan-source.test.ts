import { describe, expect, test } from "vitest";
import type { LocalVolume } from "../../../api/kinds/local-volume.ts";
import type { CopyReport } from "../../../api/kinds/volume-copy.ts";
import type { MovePhase, VolumeMove } from "../../../api/kinds/volume-move.ts";
import type { Stored } from "../../../kube/objects.ts";
import { planSource } from "./plan-source.ts";
import { planFor } from "../read-view.ts";
import type { CopyView, VolumeView } from "../view.ts";

const NODE = "a";
const MOVE = "move-uid";
const RECORDED = [{ name: "v", epoch: 1, incarnation: "i" }];

function localVolume(change: Partial<LocalVolume["spec"]> = {}): Stored<LocalVolume> {
  return {
    metadata: { name: "v", uid: "u", resourceVersion: "1" },
    spec: {
      nodeName: NODE,
      epoch: 1,
      incarnation: "i",
      reclaim: false,
      activeMove: { name: "m", uid: MOVE },
      ...change,
    },
  } as Stored<LocalVolume>;
}
function move(phase: MovePhase, change: Partial<VolumeMove["status"]> = {}): Stored<VolumeMove> {
  return {
    metadata: { name: "m", uid: MOVE, resourceVersion: "1" },
    spec: { volumes: [{ name: "v", mode: "Copy" }], from: NODE, reason: "Request" },
    status: { phase, sealing: 1, target: "b", volumes: RECORDED, ...change },
  };
}
const copy = (change: Partial<CopyView> = {}): CopyView => ({
  directory: "1",
  epoch: 1,
  incarnation: "i",
  state: "Active",
  tombstone: false,
  moveUID: undefined,
  whole: undefined,
  ...change,
});
const view = (change: Partial<VolumeView> = {}): VolumeView => ({
  volume: "v",
  nodeName: NODE,
  bootID: "boot",
  localVolume: localVolume({ fence: MOVE }),
  move: move("Fenced"),
  copies: [copy()],
  pool: "ready",
  publishedTo: [],
  report: undefined,
  found: {},
  ...change,
});
const report = (change: Partial<CopyReport>): CopyReport => ({
  moveUID: MOVE,
  sealing: 1,
  role: "Source",
  state: "Sealed",
  bootID: "boot",
  at: "2026-01-01T00:00:00Z",
  ...change,
});
const summary = { digest: "d", bytes: 1, files: 1 };
const noMove = { move: undefined, localVolume: localVolume({ activeMove: undefined }) };

describe("a fenced volume is sealed in this order", () => {
  test.each<[string, Partial<VolumeView>, object]>([
    ["nothing before the fence is there", { localVolume: localVolume() }, { step: "look-again" }],
    [
      "its pods end first",
      { publishedTo: ["p"] },
      { step: "report", content: { role: "Source", state: "Waiting", message: "mounted for pod p" } },
    ],
    ["then it is closed to new ones", {}, { step: "begin-seal", epoch: 1 }],
    ["then the proof is asked for", { copies: [copy({ state: "Sealing" })] }, { step: "prove", epoch: 1 }],
    [
      "without the proof it is asked for again",
      { copies: [copy({ state: "Sealing" })], found: { proven: false } },
      { step: "look-again" },
    ],
    [
      "with it the copy is Sealed",
      { copies: [copy({ state: "Sealing" })], found: { proven: true } },
      { step: "finish-seal", epoch: 1 },
    ],
    [
      "then it is read",
      { copies: [copy({ state: "Sealed" })], found: { proven: true } },
      { step: "summarize", epoch: 1 },
    ],
    [
      "and reported",
      { copies: [copy({ state: "Sealed" })], found: { proven: true, summary } },
      { step: "report", content: { role: "Source", state: "Sealed", ...summary } },
    ],
    ["once", { copies: [copy({ state: "Sealed" })], report: report({}) }, { step: "nothing" }],
  ])("%s", (_title, change, step) => {
    expect(planSource(view(change))).toEqual(step);
  });
});

describe("the proof is made anew", () => {
  const sealed = [copy({ state: "Sealed" })];
  test.each<[string, Partial<VolumeView>]>([
    ["for another sealing", { move: move("Fenced", { sealing: 2 }), report: report({}) }],
    ["after a restart of the machine", { report: report({ bootID: "other" }) }],
    ["for another move", { report: report({ moveUID: "other" }) }],
  ])("%s", (_title, change) => {
    expect(planSource(view({ copies: sealed, ...change }))).toEqual({ step: "prove", epoch: 1 });
  });
});

describe("a volume that was never published", () => {
  const never = localVolume({ fence: MOVE, mayCreate: { nodeName: NODE, epoch: 1 } });
  test("gets a tombstone", () => {
    expect(planSource(view({ localVolume: never, copies: [] }))).toEqual({
      step: "make-tombstone",
      epoch: 1,
      incarnation: "i",
    });
  });
  test("is reported as one", () => {
    const copies = [copy({ state: "Sealed", tombstone: true })];
    expect(planSource(view({ localVolume: never, copies }))).toEqual({
      step: "report",
      content: { role: "Source", state: "Sealed", tombstone: true },
    });
  });
  test("gets none once the right to make it is gone: its data is missing", () => {
    expect(planSource(view({ copies: [] }))).toMatchObject({
      step: "report",
      content: { state: "Refused", code: "AGENT_DATA_MISSING" },
    });
  });
});

describe("a sealed copy is opened", () => {
  const copies = [copy({ state: "Sealed" })];
  test.each<[string, Partial<VolumeView>]>([
    ["by an undo", { move: move("Undoing") }],
    ["when its move has let go", noMove],
    ["when its move has gone back before the fence", { move: move("Prepared"), localVolume: localVolume() }],
  ])("%s", (_title, change) => {
    expect(planSource(view({ copies, ...change }))).toEqual({ step: "unseal", epoch: 1 });
  });
});

describe("a sealed copy stays closed", () => {
  const copies = [copy({ state: "Sealed" })];
  test.each<[string, Partial<VolumeView>]>([
    [
      "while the fence of another move is there",
      { ...noMove, localVolume: localVolume({ activeMove: undefined, fence: "other" }) },
    ],
    ["while its move cannot be read", { move: undefined, localVolume: localVolume() }],
    ["of a move that is committed", { move: move("Committed"), localVolume: localVolume({ fence: MOVE }) }],
    [
      "of another volume of the same name",
      { ...noMove, localVolume: localVolume({ activeMove: undefined, incarnation: "other" }) },
    ],
    [
      "of a volume that is elsewhere",
      { ...noMove, localVolume: localVolume({ activeMove: undefined, nodeName: "b" }) },
    ],
    [
      "of a volume that is being removed",
      { ...noMove, localVolume: localVolume({ activeMove: undefined, reclaim: true }) },
    ],
  ])("%s", (_title, change) => {
    expect(planSource(view({ copies, ...change })).step).not.toBe("unseal");
  });
});

describe("a copy of an earlier epoch", () => {
  const moved = localVolume({ nodeName: "b", epoch: 2 });
  const sealed = [copy({ state: "Sealed" })];
  test.each<[string, Partial<VolumeView>, object]>([
    ["goes to the trash when it was sealed", { copies: sealed }, { step: "to-trash", directory: "1" }],
    ["stays when it was not", { copies: [copy()] }, { step: "nothing" }],
    [
      "stays when the volume is being removed",
      { copies: sealed, localVolume: localVolume({ nodeName: "b", epoch: 2, reclaim: true }) },
      { step: "nothing" },
    ],
    [
      "waits for the steps of a move that brings the volume back",
      { copies: sealed, move: movingBack("Copying") },
      { step: "report", content: { role: "Target" } },
    ],
    [
      "goes to the trash when that move has nothing to do",
      { copies: sealed, move: movingBack("Fenced") },
      { step: "to-trash", directory: "1" },
    ],
  ])("%s", (_title, change, step) => {
    const source = { move: report({ sealing: 1, state: "Checked" }) };
    expect(planFor({ view: view({ localVolume: moved, ...change }), source })).toMatchObject(step);
  });
  function movingBack(phase: MovePhase): Stored<VolumeMove> {
    const { spec, ...rest } = move(phase, { target: NODE, volumes: [{ name: "v", epoch: 2, incarnation: "i" }] });
    return { ...rest, spec: { ...spec, from: "b" } };
  }
});

describe("before anything is closed", () => {
  const prepared = { move: move("Prepared", { sealing: 0 }), localVolume: localVolume() };
  test("what cannot be copied is looked for", () => {
    expect(planSource(view(prepared))).toEqual({ step: "find-unmovable" });
  });
  test("nothing found is reported", () => {
    expect(planSource(view({ ...prepared, found: { unmovable: "" } }))).toEqual({
      step: "report",
      content: { role: "Source", state: "Checked" },
    });
  });
  test("what was found is refused by name", () => {
    expect(planSource(view({ ...prepared, found: { unmovable: "x is immutable" } }))).toMatchObject({
      step: "report",
      content: { state: "Refused", message: "x is immutable" },
    });
  });
});

describe("without a copy, before anything is closed and after", () => {
  const refused = (code: string, message: string) => ({
    step: "report",
    content: { state: "Refused", code, message: expect.stringContaining(message) as string },
  });
  const unusable = { pool: { why: "no disk is mounted" } };
  test.each<[string, Partial<VolumeView>, object]>([
    ["its data is missing", {}, refused("AGENT_DATA_MISSING", "has no data on node a")],
    [
      "it is not told to be missing while the pool cannot be used",
      unusable,
      refused("AGENT_UNMOVABLE", "no disk is mounted"),
    ],
    ["it waits while nothing is known of the pool", { pool: "unknown" }, { step: "look-again" }],
  ])("%s", (_title, change, step) => {
    const copies: CopyView[] = [];
    const before = { move: move("Prepared", { sealing: 0 }), localVolume: localVolume() };
    expect(planSource(view({ ...before, copies, ...change }))).toMatchObject(step);
    expect(planSource(view({ copies, ...change }))).toMatchObject(step);
  });
  test("a volume that may still be made is no obstacle", () => {
    const mayCreate = { nodeName: NODE, epoch: 1 };
    const before = { move: move("Prepared", { sealing: 0 }), localVolume: localVolume({ mayCreate }) };
    expect(planSource(view({ ...before, copies: [] }))).toMatchObject({ content: { state: "Checked" } });
  });
});

test("an undo is reported once the copy is open", () => {
  expect(planSource(view({ move: move("Undoing") }))).toEqual({
    step: "report",
    content: { role: "Source", state: "Unsealed" },
  });
});
