import { expect, test } from "vitest";
import { cluster, move, movable, node, pod } from "../testing/objects.fixture.ts";
import { planRelease } from "./plan.ts";
import { releaseText } from "./table.ts";

test("what becomes of each volume is said before anything is done", () => {
  const volumes = (name: string) => ({ from: "node-a", volumes: [`pvc-${name}`] });
  const on = cluster(
    movable("data", "node-a", {}, 2048),
    movable("idle", "node-a", {}, 2048),
    movable("copied", "node-a", {}, 2048),
    movable("elsewhere", "node-b"),
    {
      pods: [pod("db-0", { claims: ["data"], on: "node-a" })],
      moves: [move("m", volumes("copied"), { phase: "Copying", target: "node-b" })],
    },
  );
  expect(releaseText(planRelease(on, "node-a")).split("\n")).toEqual([
    "Node node-a (Ready)",
    "",
    "CLAIM        VOLUME       SIZE      PODS       WHEN IT IS RELEASED",
    "app/data     pvc-data     2.0 KiB   app/db-0   the only copy stays on node node-a; once evicted, its pods wait until the node is back",
    "app/idle     pvc-idle     2.0 KiB   -          the only copy stays on node node-a",
    "app/copied   pvc-copied   2.0 KiB   -          VolumeMove m is Copying: no eviction waits for it any more",
  ]);
});

test("a volume that a move brings to the node is listed, too", () => {
  const on = cluster(movable("data", "node-a", {}, 2048), {
    pods: [pod("db-0", { claims: ["data"], on: "node-a" })],
    nodes: [node("node-b")],
    moves: [move("m", { from: "node-a", volumes: ["pvc-data"] }, { phase: "Fenced", target: "node-b" })],
  });
  expect(planRelease(on, "node-b").volumes).toEqual([
    {
      name: "pvc-data",
      claim: "app/data",
      bytes: 2048,
      pods: ["app/db-0"],
      means: "VolumeMove m brings it here from node node-a, and nothing waits for that any more",
    },
  ]);
});

test("a node that is released already says so, and one that is not there is an error", () => {
  const released = node("node-a");
  const annotations = { "mooring.dev/release": "true" };
  const on = cluster({ nodes: [{ ...released, metadata: { ...released.metadata, annotations } }] });
  expect(releaseText(planRelease(on, "node-a"))).toBe("Node node-a (Ready, released)\n\nNo volume is on it.");
  expect(() => planRelease(on, "node-x")).toThrow(expect.objectContaining({ code: "MOOR_NODE_MISSING" }));
});
