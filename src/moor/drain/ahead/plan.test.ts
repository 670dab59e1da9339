import { describe, expect, test } from "vitest";
import type { VolumeMoveStatus } from "../../../api/kinds/volume-move.ts";
import { cluster, move, movable, node, pod, storageNode } from "../../testing/objects.fixture.ts";
import { planAhead } from "./plan.ts";
import { aheadState, toCallOff } from "./state.ts";

const third = { nodes: [node("node-c")], storageNodes: [storageNode("node-c", undefined, 10 * 1024 ** 3)] };
const db = { pods: [pod("db-0", { claims: ["data", "log"], on: "node-a" })] };
const both = [movable("data", "node-a"), movable("log", "node-a"), db];
const options = { suffix: () => "0001" };

describe("what is moved before the cordon", () => {
  test("a group goes in one move that a person asks for, and the controller chooses its target", () => {
    const { moves } = planAhead(cluster(...both), ["node-a"], options);
    expect(moves).toEqual([
      {
        metadata: { name: "drain-node-a-0001", labels: { "mooring.dev/drain-ahead": "true" } },
        spec: {
          volumes: [
            { name: "pvc-data", mode: "Copy" },
            { name: "pvc-log", mode: "Copy" },
          ],
          from: "node-a",
          reason: "Request",
        },
      },
    ]);
  });

  test("of several nodes nothing goes to one that is drained as well", () => {
    // Without the drain of node-b, it would be the target: it has more room.
    const on = cluster(movable("one", "node-a"), movable("two", "node-b"), third);
    const { moves } = planAhead(on, ["node-b", "node-a"], options);
    expect(moves.map(({ spec }) => [spec.volumes[0]?.name, spec.from, spec.to])).toEqual([
      ["pvc-two", "node-b", "node-c"],
      ["pvc-one", "node-a", "node-c"],
    ]);
  });

  test("several nodes share the room of a target", () => {
    const big = { capacity: "6Gi" };
    const on = cluster(movable("one", "node-a", big), movable("two", "node-b", big), third);
    const plan = planAhead(on, ["node-a", "node-b"], options);
    expect(plan.moves.map(({ spec }) => spec.from)).toEqual(["node-a"]);
    expect(plan.groups.at(-1)?.later?.code).toBe("MOVE_NO_TARGET");
  });

  test("a limit of bandwidth is each move's", () => {
    const { moves } = planAhead(cluster(...both), ["node-a"], { ...options, bandwidth: "20Mi" });
    expect(moves.map(({ spec }) => spec.bandwidth)).toEqual(["20Mi"]);
  });

  test("what is under way is followed, and what stays is not moved", () => {
    const moving = move("m", { from: "node-a", volumes: ["pvc-data"] }, { phase: "Copying", target: "node-b" });
    const policies = { onDrain: "Stay", onNodeLoss: "Wait", maxDowntime: "60s" } as const;
    const on = cluster(movable("data", "node-a"), movable("log", "node-a", { policies }), { moves: [moving] });
    const plan = planAhead(on, ["node-a"], options);
    expect([plan.moves, plan.follow]).toEqual([[], [moving]]);
    expect(plan.stays).toMatchObject([{ node: "node-a", claim: "app/log" }]);
  });

  test("a pod that nobody would make again is left to the drain", () => {
    const alone = { pods: [pod("db-0", { claims: ["data"], on: "node-a", metadata: { ownerReferences: [] } })] };
    const plan = planAhead(cluster(movable("data", "node-a"), alone), ["node-a"], options);
    expect([plan.moves, plan.groups[0]?.later?.code]).toEqual([[], "MOVE_POD_UNMOVABLE"]);
  });

  test("a node that is not there is an error before anything is made", () => {
    expect(() => planAhead(cluster(), ["node-a", "node-x"], options)).toThrow(
      expect.objectContaining({ code: "MOOR_NODE_MISSING" }),
    );
  });
});

describe("when the nodes are cordoned", () => {
  const blocked = (reason: string): VolumeMoveStatus["conditions"] => [
    { type: "Blocked", status: "True", reason, message: "m", lastTransitionTime: "2026-11-27T11:00:00Z" },
  ];
  const moveIs = (status: VolumeMoveStatus) => {
    const made = move("m", { from: "node-a", volumes: ["pvc-data"] }, status);
    return { ...made, metadata: { ...made.metadata, labels: { "mooring.dev/drain-ahead": "true" } } };
  };
  const copying = moveIs({ phase: "Copying" });
  const held = moveIs({ phase: "Prepared", conditions: blocked("MOVE_EVICTION_HELD") });
  const inLine = moveIs({ phase: "Planned", conditions: blocked("MOVE_IN_LINE") });
  const nowhere = moveIs({ phase: "Planned", conditions: blocked("MOVE_NO_TARGET") });
  const done = moveIs({ phase: "Done" });

  test.each([
    ["nothing was begun", [], "ended"],
    ["all have ended", [done, moveIs({ phase: "Cancelled" })], "ended"],
    ["one copies", [copying, held], "moving"],
    ["the controller has not seen one", [moveIs({}), held], "moving"],
    ["only budgets hold them", [held, done], "stuck"],
    ["others are first in the line", [inLine], "moving"],
    ["the first in the line is stuck", [inLine, held], "stuck"],
  ])("%s", (_title, moves, state) => {
    expect(aheadState(moves)).toBe(state);
  });

  test("only what has not begun and cannot is called off", () => {
    expect(toCallOff([copying, held, inLine, nowhere, done])).toEqual([nowhere]);
    expect(toCallOff([move("hand", { from: "node-a", volumes: ["pvc-data"] }, nowhere.status)])).toEqual([]);
  });
});
