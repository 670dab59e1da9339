import { describe, expect, test } from "vitest";
import type { VolumeMoveStatus } from "../../api/kinds/volume-move.ts";
import { cluster, move, movable, node, pod } from "../testing/objects.fixture.ts";
import { findUndoable, planUndo } from "./plan.ts";

const asked = { namespace: "app", name: "data" };
const volumes = ["pvc-data"];
const recorded = (epoch: number) => [{ name: "pvc-data", epoch, incarnation: "incarnation-data" }];
/** The move that brought the volume to node-a, where it is now in epoch 3. */
const arrived: VolumeMoveStatus = { phase: "Done", target: "node-a", committed: true, volumes: recorded(2) };
const last = move("last", { from: "node-b", volumes }, arrived);
const earlier = move("earlier", { from: "node-a", volumes }, { ...arrived, target: "node-b", volumes: recorded(1) });
const here = movable("data", "node-a", { epoch: 3 });

describe("moor undo", () => {
  test("before the commit, the VolumeMove is deleted", () => {
    const running = move("m", { from: "node-a", volumes }, { phase: "Sealed", target: "node-b" });
    expect(planUndo(cluster(here, { moves: [last, running] }), asked, "1")).toEqual({ step: "delete", move: running });
  });

  test("after it, a pod with an emptyDir is evicted only with permission, as by moor move", () => {
    const volumes = [
      { name: "data", persistentVolumeClaim: { claimName: "data" } },
      { name: "cache", emptyDir: {} },
    ];
    const on = cluster(here, { moves: [last], pods: [pod("db-0", { claims: [], on: "node-a", spec: { volumes } })] });
    expect(() => planUndo(on, asked, "1")).toThrow(expect.objectContaining({ code: "MOOR_PODS_REFUSED" }));
    expect(planUndo(on, { ...asked, deleteEmptyDirData: true }, "1")).toMatchObject({ step: "move-home" });
  });

  test("after it, the volume moves back to where its last move took it from", () => {
    const plan = planUndo(cluster(here, { moves: [earlier, last] }), asked, "1");
    expect(plan).toMatchObject({
      step: "move-home",
      from: "node-a",
      to: "node-b",
      plan: { step: "create", move: { spec: { from: "node-a", to: "node-b", reason: "Request" } } },
    });
  });

  test("of several moves to the node, the last one counts", () => {
    const longAgo = move("a-first", { from: "node-x", volumes }, { ...arrived, volumes: recorded(0) });
    expect(planUndo(cluster(here, { moves: [longAgo, last] }), asked, "1")).toMatchObject({ to: "node-b" });
  });

  test("without its VolumeMove, the old copy says where that is", () => {
    const old = movable("data", "node-b").copies?.map((copy) => ({
      ...copy,
      status: { copies: copy.status?.copies?.map((one) => ({ ...one, epoch: 2, state: "Trash" as const })) ?? [] },
    }));
    expect(planUndo(cluster(here, { copies: old ?? [] }), asked, "1")).toMatchObject({
      step: "move-home",
      to: "node-b",
    });
  });

  test.each([
    ["a volume that never moved", cluster(movable("data", "node-a")), "MOOR_NOTHING_TO_UNDO"],
    [
      "a move that is committed and not done",
      cluster(here, { moves: [move("m", { from: "node-a", volumes }, { phase: "Committed", target: "node-b" })] }),
      "MOOR_MOVE_COMMITTED",
    ],
    [
      "a move of a drain that would make another one",
      cluster(here, {
        nodes: [node("node-a", { unschedulable: true })],
        moves: [move("m", { from: "node-a", volumes, reason: "Drain" }, { phase: "Copying", target: "node-b" })],
      }),
      "MOOR_DRAIN_ASKS",
    ],
  ])("refuses %s", (_title, on, code) => {
    expect(() => planUndo(on, asked, "1")).toThrow(expect.objectContaining({ code }));
  });

  test("only the last move can be undone by its name", () => {
    const on = cluster(here, { moves: [earlier, last] });
    expect(planUndo(on, asked, "1", last)).toMatchObject({ to: "node-b" });
    expect(() => planUndo(on, asked, "1", earlier)).toThrow(expect.objectContaining({ code: "MOOR_NOT_LAST" }));
  });
});

describe("what is named", () => {
  const on = cluster(here, { moves: [last, move("data", { from: "node-b", volumes }, arrived)] });
  test.each([
    ["pvc/data", { claim: asked }],
    // A claim comes before a move of its name.
    ["data", { claim: asked }],
    ["last", { claim: asked, move: last }],
    ["volumemove/last", { claim: asked, move: last }],
    ["nothing", { claim: { namespace: "app", name: "nothing" } }],
  ])("%s", (argument, found) => {
    expect(findUndoable(on, "app", argument)).toEqual(found);
  });

  test("a move is found from any namespace", () => {
    expect(findUndoable(on, "other", "last").claim).toEqual(asked);
  });

  test.each(["volumemove/nothing", "move/pvc-data"])("%s is not there", (argument) => {
    expect(() => findUndoable(on, "app", argument)).toThrow(expect.objectContaining({ code: "MOOR_MOVE_MISSING" }));
  });
});

test("a pod without a controller would not come back: nothing is begun", () => {
  const alone = { pods: [pod("p", { claims: ["data"], on: "node-a", metadata: { ownerReferences: [] } })] };
  expect(() => planUndo(cluster(here, alone, { moves: [last] }), asked, "1")).toThrow(
    expect.objectContaining({ code: "MOVE_POD_UNMOVABLE" }),
  );
});
