import { describe, expect, test } from "vitest";
import type { Lease } from "../../kube/kinds.ts";
import { cluster, move, movable, node, pod, storageNode } from "../testing/objects.fixture.ts";
import { status } from "./status.ts";
import { statusText } from "./table.ts";

const GI = 1024 ** 3;

describe("moor status", () => {
  test("counts volumes and room by node and pool", () => {
    const on = cluster(movable("data", "node-a"), movable("log", "node-a"), {
      nodes: [node("node-b", { unschedulable: true })],
    });
    const { nodes } = status(on);
    expect(nodes.map(({ node: { name }, volumes }) => [name, volumes])).toEqual([
      ["node-a", 2],
      ["node-b", 0],
    ]);
    expect(nodes[0]?.pools).toEqual([
      {
        pool: "default",
        capacityBytes: 100 * GI,
        freeBytes: 98 * GI,
        volumes: 2,
        volumeBytes: 2 * GI,
        oldCopyBytes: 0,
      },
    ]);
    expect(nodes[1]?.node.leaving).toBe("it is cordoned");
  });

  test("shows a node that is gone while volumes name it", () => {
    const [, , gone] = status(cluster(movable("data", "node-z"))).nodes;
    expect(gone?.node).toMatchObject({ name: "node-z", exists: false });
    expect(gone?.pools[0]?.trouble).toMatch(/no agent of mooring\.dev has reported/);
  });

  test("leaves moves out that have ended", () => {
    const moves = [
      move("old", { from: "node-b", volumes: ["pvc-data"] }, { phase: "Done" }),
      move(
        "new",
        { from: "node-a", volumes: ["pvc-data"] },
        { phase: "Copying", target: "node-b", progress: "1.0 of 2.0 GiB", startedAt: "2026-11-27T11:50:00Z" },
      ),
    ];
    const text = statusText(
      status(cluster(movable("data", "node-a"), { moves, pods: [pod("db-0", { claims: ["data"], on: "node-a" })] })),
    );
    expect(text).toMatch(/^new +app\/data +node-a +node-b +Copying +1\.0 of 2\.0 GiB +10m$/m);
    expect(text).not.toMatch(/^old/m);
  });

  test("says below the table which agent is silent, and since when", () => {
    const text = statusText(status(cluster({ storageNodes: [storageNode("node-a", "2026-11-27T11:50:00Z")] })));
    expect(text).toMatch(/^node node-a: its mooring agent was last seen at 2026-11-27T11:50:00Z$/m);
    expect(text).toMatch(/^node-a +Ready +silent/m);
  });

  test.each<[string, Lease["spec"] | undefined, RegExp]>([
    [
      "who leads",
      { holderIdentity: "c-1", renewTime: "2026-11-27T11:59:58.000000Z" },
      /1 of 2 pods ready, c-1 leads \(seen 2s ago\)$/m,
    ],
    ["that nobody leads", undefined, /no controller leads, so nothing is made or moved$/m],
    ["that the Lease was given back", { holderIdentity: "" }, /no controller leads/],
    [
      "that the leader is silent",
      { holderIdentity: "c-1", renewTime: "2026-11-27T11:50:00.000000Z" },
      /its leader c-1 was last seen at 2026-11-27T11:50:00/,
    ],
  ])("says %s", (_title, spec, line) => {
    const labels = { "app.kubernetes.io/name": "mooring", "app.kubernetes.io/component": "controller" };
    const pods = [
      pod("c-1", { claims: [], on: "node-a", metadata: { labels } }),
      pod("c-2", { claims: [], metadata: { labels } }),
      pod("other", { claims: [], on: "node-a" }),
    ];
    const found =
      spec === undefined
        ? undefined
        : { metadata: { name: "mooring-controller", uid: "l", resourceVersion: "1" }, spec };
    expect(statusText(status({ ...cluster({ pods }), lease: { found } }))).toMatch(line);
  });
});
