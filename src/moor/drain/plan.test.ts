import { describe, expect, test } from "vitest";
import type { PersistentVolume } from "../../kube/kinds.ts";
import type { Stored } from "../../kube/objects.ts";
import { cluster, move, movable, node, pod, storageNode } from "../testing/objects.fixture.ts";
import { planDrain } from "./plan.ts";
import { drainPlanText } from "./table.ts";

const GI = 1024 ** 3;
const nothingRefused = new Map<string, string>();
const third = { nodes: [node("node-c")], storageNodes: [storageNode("node-c")] };

describe("moor plan drain", () => {
  test("a group goes as one, and its bytes are counted", () => {
    const on = cluster(movable("data", "node-a", {}, 1000), movable("log", "node-a", {}, 24), {
      pods: [pod("db-0", { claims: ["data", "log"], on: "node-a" })],
    });
    const plan = planDrain(on, "node-a", nothingRefused);
    expect(plan.groups).toMatchObject([
      { to: "node-b", pods: ["app/db-0"], volumes: [{ claim: "app/data" }, { claim: "app/log" }] },
    ]);
    expect(plan.totals).toEqual({ volumes: 2, bytes: 1024, askedBytes: 2 * GI, uncounted: 0 });
    expect(plan.blocked).toBe(false);
    expect(plan.node.leaving).toBeUndefined();
  });

  test("each group takes its room before the next one is placed", () => {
    const big = { capacity: "30Gi" };
    const on = cluster(movable("one", "node-a", big), movable("two", "node-a", big), third, {
      pods: [pod("a", { claims: ["one"], on: "node-a" }), pod("b", { claims: ["two"], on: "node-a" })],
    });
    expect(planDrain(on, "node-a", nothingRefused).groups.map(({ to }) => to)).toEqual(["node-b", "node-c"]);
  });

  test("no room on any node is in the way, with a reason for each", () => {
    const on = cluster(movable("data", "node-a", { capacity: "60Gi" }));
    const plan = planDrain(on, "node-a", nothingRefused);
    expect(plan.blocked).toBe(true);
    expect(plan.groups[0]?.to).toBeUndefined();
    expect(plan.groups[0]?.blocked).toMatchObject({
      code: "MOVE_NO_TARGET",
      message: expect.stringMatching(/node-b: pool default has \d+ bytes free/) as string,
    });
  });

  test("a pod that no other node takes is in the way", () => {
    const on = cluster(movable("data", "node-a"), {
      pods: [pod("db-0", { claims: ["data"], on: "node-a", spec: { nodeSelector: { disk: "fast" } } })],
    });
    expect(planDrain(on, "node-a", nothingRefused).groups[0]?.blocked?.message).toMatch(
      /node-b: the pod selects nodes with disk=fast/,
    );
  });

  test("a disruption budget is in the way, in the API server's words", () => {
    const db = pod("db-0", { claims: ["data"], on: "node-a" });
    const refused = new Map([[db.metadata.uid, "Cannot evict pod as it would violate the pod's disruption budget."]]);
    const plan = planDrain(cluster(movable("data", "node-a"), { pods: [db] }), "node-a", refused);
    expect(plan.groups[0]).toMatchObject({ to: "node-b", blocked: { code: "MOVE_EVICTION_HELD" } });
    expect(plan.blocked).toBe(true);
  });

  test("what stays is no obstacle, and says why", () => {
    const stay = { policies: { onDrain: "Stay" as const, onNodeLoss: "Wait" as const, maxDowntime: "60s" } };
    const plan = planDrain(cluster(movable("data", "node-a", stay)), "node-a", nothingRefused);
    expect(plan).toMatchObject({
      groups: [],
      blocked: false,
      stays: [{ claim: "app/data", why: "volume pvc-data has the policy onDrain: Stay" }],
    });
  });

  test("a volume of another driver that is on this node alone is named with its pods", () => {
    const classic = {
      metadata: { name: "pv", uid: "pv", resourceVersion: "1" },
      spec: {
        claimRef: { namespace: "app", name: "old" },
        hostPath: { path: "/x" },
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["node-a"] }] },
            ],
          },
        },
      },
    } as Stored<PersistentVolume>;
    const on = cluster({ persistentVolumes: [classic], pods: [pod("old-0", { claims: ["old"], on: "node-a" })] });
    expect(planDrain(on, "node-a", nothingRefused).stays).toMatchObject([{ claim: "app/old", pods: ["app/old-0"] }]);
    expect(planDrain(on, "node-b", nothingRefused).stays).toEqual([]);
  });

  test("a move that has begun is shown as it is, and not planned again", () => {
    const moves = [
      move("m", { from: "node-a", to: "node-c", volumes: ["pvc-data"] }, { phase: "Copying", target: "node-c" }),
    ];
    const plan = planDrain(cluster(movable("data", "node-a"), { moves }), "node-a", nothingRefused);
    expect(plan.groups).toMatchObject([{ to: "node-c", move: { name: "m", phase: "Copying" } }]);
  });

  test("a pod that nobody makes again is noted", () => {
    const lonely = pod("lonely", { claims: ["data"], on: "node-a", metadata: { ownerReferences: [] } });
    const text = drainPlanText(
      planDrain(cluster(movable("data", "node-a"), { pods: [lonely] }), "node-a", nothingRefused),
    );
    expect(text).toMatch(/^Note: pod app\/lonely has no controller/m);
    expect(text).toMatch(/^app\/data +pvc-data +300 B +1\.0 GiB +node-b +app\/lonely$/m);
  });

  test("a node that is not there is an error with a code", () => {
    expect(() => planDrain(cluster(), "node-q", nothingRefused)).toThrow(
      expect.objectContaining({ code: "MOOR_NODE_MISSING" }),
    );
  });
});
