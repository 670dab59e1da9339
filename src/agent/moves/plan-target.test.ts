import { describe, expect, test } from "vitest";
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { CopyReport } from "../../api/kinds/volume-copy.ts";
import type { MovePhase, VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Stored } from "../../kube/objects.ts";
import { planTarget } from "./plan-target.ts";
import type { CopyView, VolumeView } from "./view.ts";

const MOVE = "move-uid";

function localVolume(change: Partial<LocalVolume["spec"]> = {}): Stored<LocalVolume> {
  return {
    metadata: { name: "v", uid: "u", resourceVersion: "1" },
    spec: {
      nodeName: "a",
      epoch: 1,
      incarnation: "i",
      reclaim: false,
      fence: MOVE,
      activeMove: { name: "m", uid: MOVE },
      ...change,
    },
  } as Stored<LocalVolume>;
}

function move(phase: MovePhase, sealing = 2): Stored<VolumeMove> {
  return {
    metadata: { name: "m", uid: MOVE, resourceVersion: "1" },
    spec: { volumes: [{ name: "v", mode: "Copy" }], from: "a", reason: "Request" },
    status: { phase, sealing, target: "b", volumes: [{ name: "v", epoch: 1, incarnation: "i" }] },
  };
}

const report = (change: Partial<CopyReport>): CopyReport => ({
  moveUID: MOVE,
  sealing: 2,
  role: "Source",
  state: "Sealed",
  digest: "d",
  bootID: "boot",
  at: "2026-01-01T00:00:00Z",
  ...change,
});

const incoming: CopyView = {
  directory: `2-${MOVE}`,
  epoch: 2,
  incarnation: "i",
  state: "Incoming",
  tombstone: false,
  moveUID: MOVE,
};

const view = (change: Partial<VolumeView> = {}): VolumeView => ({
  volume: "v",
  nodeName: "b",
  bootID: "boot",
  localVolume: localVolume(),
  move: move("Sealed"),
  copies: [],
  publishedTo: [],
  report: undefined,
  found: {},
  ...change,
});

const COPY = { step: "copy", epoch: 2, incarnation: "i", digest: "d" };

describe("the target's part of a move", () => {
  test("a sealed source is copied", () => {
    expect(planTarget(view(), report({}))).toEqual(COPY);
  });

  test("nothing is copied for a seal of before", () => {
    expect(planTarget(view(), report({ sealing: 1 }))).toEqual({ step: "nothing" });
  });

  test("a new process does not touch what was reported as copied", () => {
    const copied = report({ role: "Target", state: "Copied" });
    expect(planTarget(view({ copies: [incoming], report: copied }), report({}))).toEqual({ step: "nothing" });
  });

  test("what was reported as copied is only compared after a restart of the machine", () => {
    const copied = report({ role: "Target", state: "Copied", bootID: "before" });
    const step = { step: "compare", epoch: 2, moveUID: MOVE };
    expect(planTarget(view({ copies: [incoming], report: copied }), report({}))).toEqual(step);
  });

  test("for a new seal it is copied again", () => {
    const copied = report({ role: "Target", state: "Copied", sealing: 1 });
    expect(planTarget(view({ copies: [incoming], report: copied }), report({}))).toEqual(COPY);
  });

  test("the copy of the move that holds the volume is opened after the commit", () => {
    const placed = localVolume({ nodeName: "b", epoch: 2, fence: undefined });
    const step = { step: "promote", epoch: 2, moveUID: MOVE };
    expect(planTarget(view({ localVolume: placed, copies: [incoming], move: move("Committed") }), undefined)).toEqual(
      step,
    );
  });

  test("what another move left is not opened", () => {
    const placed = localVolume({ nodeName: "b", epoch: 2, fence: undefined, activeMove: undefined });
    expect(planTarget(view({ localVolume: placed, copies: [incoming], move: undefined }), undefined)).toEqual({
      step: "nothing",
    });
  });
});
