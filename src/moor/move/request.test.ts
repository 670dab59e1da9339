import { describe, expect, test } from "vitest";
import type { PersistentVolume } from "../../kube/kinds.ts";
import type { Stored } from "../../kube/objects.ts";
import type { Objects } from "../cluster/cluster.ts";
import { cluster, move, movable, node, pod, unbound } from "../testing/objects.fixture.ts";
import { planCancel } from "./cancel.ts";
import { planRequest } from "./request.ts";

const asked = { namespace: "app", name: "data" };
const db = { pods: [pod("db-0", { claims: ["data", "log"], on: "node-a" })] };
const both = [movable("data", "node-a"), movable("log", "node-a"), db];
const cordoned = { nodes: [node("node-a", { unschedulable: true })] };

const claimVolume = (claimName: string) => ({ name: claimName, persistentVolumeClaim: { claimName } });

describe("moor move", () => {
  test("makes one VolumeMove for all volumes of the pod", () => {
    expect(planRequest(cluster(...both), { ...asked, to: "node-b" }, "0001")).toEqual({
      step: "create",
      move: {
        metadata: { name: "data-0001" },
        spec: {
          volumes: [
            { name: "pvc-data", mode: "Copy" },
            { name: "pvc-log", mode: "Copy" },
          ],
          from: "node-a",
          to: "node-b",
          reason: "Request",
        },
      },
    });
  });

  test("hands a limit of bandwidth on", () => {
    const plan = planRequest(cluster(movable("data", "node-a")), { ...asked, bandwidth: "20Mi" }, "0001");
    expect(plan).toMatchObject({ step: "create", move: { spec: { bandwidth: "20Mi" } } });
  });

  test("makes a move that has to wait, and says for what", () => {
    const on = cluster(movable("data", "node-a", { capacity: "60Gi" }));
    expect(planRequest(on, { ...asked, to: "node-b" }, "0001")).toMatchObject({
      step: "create",
      notYet: { code: "MOVE_TARGET_UNFIT" },
    });
  });

  describe("of a pod with an emptyDir", () => {
    const cache = { volumes: [...["data"].map(claimVolume), { name: "cache", emptyDir: {} }] };
    const beside = {
      volumes: [...["data", "log"].map(claimVolume), { name: "cache", emptyDir: { medium: "Memory" } }],
    };
    const refusal = (name: string) => {
      const message = `these pods are evicted only with your permission: app/${name} (the data in its emptyDir cache would be lost; give --delete-emptydir-data to evict it)`;
      return expect.objectContaining({ code: "MOOR_PODS_REFUSED", message }) as unknown;
    };
    const at = { claims: [], on: "node-a" };

    test("is refused without permission, also if only other volumes of the move are the pod's", () => {
      const one = cluster(movable("data", "node-a"), { pods: [pod("db-0", { ...at, spec: cache })] });
      expect(() => planRequest(one, asked, "0001")).toThrow(refusal("db-0"));
      const two = cluster(movable("data", "node-a"), movable("log", "node-a"), {
        pods: [pod("db-0", { ...at, spec: beside })],
      });
      expect(() => planRequest(two, { ...asked, name: "log" }, "0001")).toThrow(refusal("db-0"));
    });
    test("is made with permission", () => {
      const on = cluster(movable("data", "node-a"), { pods: [pod("db-0", { ...at, spec: cache })] });
      const plan = planRequest(on, { ...asked, deleteEmptyDirData: true }, "0001");
      expect(plan).toMatchObject({ step: "create" });
    });
    test("is made when the pod does not run: it has no data", () => {
      const on = cluster(movable("data", "node-a"), {
        pods: [pod("db-0", { claims: [], spec: cache })],
      });
      expect(planRequest(on, asked, "0001")).toMatchObject({ step: "create" });
    });
  });

  test("follows the move that is under way to the same node", () => {
    const running = move(
      "m",
      { from: "node-a", to: "node-b", volumes: ["pvc-data"] },
      { phase: "Copying", target: "node-b" },
    );
    const on = cluster(movable("data", "node-a"), { moves: [running] });
    expect(planRequest(on, { ...asked, to: "node-b" }, "0001")).toEqual({ step: "follow", move: running });
    expect(planRequest(on, asked, "0001")).toEqual({ step: "follow", move: running });
  });

  const classic = {
    metadata: { name: "pvc-data", uid: "pv", resourceVersion: "2" },
    spec: { hostPath: { path: "/x" } },
  } as Stored<PersistentVolume>;
  test.each<[string, readonly Partial<Objects>[], string | undefined, string]>([
    ["a claim that is not there", [], undefined, "MOOR_CLAIM_MISSING"],
    ["a claim without a volume", [unbound("data")], undefined, "MOOR_CLAIM_UNBOUND"],
    [
      "a volume of another driver",
      [movable("data", "node-a"), { persistentVolumes: [classic] }],
      undefined,
      "MOOR_NOT_MOVABLE",
    ],
    ["a node that is not there", [movable("data", "node-a")], "node-q", "MOOR_NODE_MISSING"],
    ["the node it is on", [movable("data", "node-a")], "node-a", "MOOR_ALREADY_THERE"],
    [
      "a pod that nobody would make again",
      [
        movable("data", "node-a"),
        { pods: [pod("p", { claims: ["data"], on: "node-a", metadata: { ownerReferences: [] } })] },
      ],
      "node-b",
      "MOVE_POD_UNMOVABLE",
    ],
    [
      "a volume that moves elsewhere already",
      [
        movable("data", "node-a"),
        { moves: [move("m", { from: "node-a", to: "node-c", volumes: ["pvc-data"] }, { phase: "Copying" })] },
      ],
      "node-b",
      "MOOR_MOVE_OTHER",
    ],
  ])("refuses %s", (_title, objects, to, code) => {
    expect(() => planRequest(cluster(...objects), { ...asked, to }, "0001")).toThrow(expect.objectContaining({ code }));
  });
});

describe("moor cancel", () => {
  const underWay = (
    reason: "Request" | "Drain",
    phase: "Copying" | "Committed",
    ...more: readonly Partial<Objects>[]
  ) =>
    cluster(movable("data", "node-a"), ...more, {
      moves: [move("m", { from: "node-a", reason, volumes: ["pvc-data"] }, { phase, target: "node-b" })],
    });

  test("deletes the move of a person, also while its node is cordoned", () => {
    expect(planCancel(underWay("Request", "Copying", cordoned), asked).metadata.name).toBe("m");
  });

  test("deletes what a person asked for before what a drain made, unless that holds the volume", () => {
    const moves = [
      move("d", { from: "node-a", reason: "Drain", volumes: ["pvc-data"] }, { phase: "Planned" }),
      move("r", { from: "node-a", volumes: ["pvc-data"] }, { phase: "Planned" }),
      move("old", { from: "node-b", volumes: ["pvc-data"] }, { phase: "Cancelled" }),
    ];
    expect(planCancel(cluster(movable("data", "node-a"), { moves }), asked).metadata.name).toBe("r");
    const held = movable("data", "node-a", { activeMove: { name: "d", uid: "/d" } });
    expect(planCancel(cluster(held, { moves }), asked).metadata.name).toBe("d");
  });

  test("deletes the move of a drain once the node stays", () => {
    expect(planCancel(underWay("Drain", "Copying"), asked).metadata.name).toBe("m");
  });

  test.each([
    ["while the drain would make another one", underWay("Drain", "Copying", cordoned), "MOOR_DRAIN_ASKS"],
    ["after the commit", underWay("Request", "Committed"), "MOOR_MOVE_COMMITTED"],
    ["when there is none", cluster(movable("data", "node-a")), "MOOR_NO_MOVE"],
  ])("refuses %s", (_title, on, code) => {
    expect(() => planCancel(on, asked)).toThrow(expect.objectContaining({ code }));
  });
});
