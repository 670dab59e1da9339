import { describe, expect, test } from "vitest";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";
import type { Stored } from "../../kube/objects.ts";
import { affinityOf } from "../../movable/affinity.ts";
import type { Objects } from "../cluster/cluster.ts";
import {
  cluster,
  move,
  movable,
  node,
  pod,
  storageNode,
  unbound,
  warning,
  type PodParts,
} from "../testing/objects.fixture.ts";
import { explain } from "./explain.ts";
import { explanationText } from "./table.ts";

const asked = { namespace: "app", name: "data" };
const cordoned = { nodes: [node("node-a", { unschedulable: true })] };
const used = (parts: Partial<PodParts> = {}): Partial<Objects> => ({
  pods: [pod("db-0", { claims: ["data"], ...parts })],
});
const held = { activeMove: { name: "m", uid: "/m" } };
const status = {
  phase: "Fenced" as const,
  target: "node-b",
  message: "Waiting for pods to end.",
};
const blocked = {
  phase: "Planned" as const,
  message: "The move has not begun: there is no other node.",
  conditions: [
    {
      type: "Blocked",
      status: "True" as const,
      reason: "MOVE_NO_TARGET",
      message: "there is no other node. Make room on a node, or add a node. The move then begins by itself.",
      lastTransitionTime: "2026-11-27T11:00:00Z",
    },
  ],
};

describe("why a pod waits, and what helps", () => {
  test.each<[string, readonly Partial<Objects>[], RegExp, RegExp]>([
    [
      "its volume is being cut over",
      [
        movable("data", "node-a", { ...held, fence: "/m" }),
        { moves: [move("m", { from: "node-a", volumes: ["pvc-data"] }, status)] },
      ],
      /pvc-data moves to node node-b \(VolumeMove m, Fenced\): Waiting for pods to end/,
      /moor cancel data -n app/,
    ],
    [
      "its volume is closed by a move that was removed by force",
      [movable("data", "node-a", { ...held, fence: "/m" })],
      /pvc-data is closed by a VolumeMove that does not exist any more/,
      /controller opens the volume within seconds/,
    ],
    [
      "the move of its drained volume finds no node",
      [
        movable("data", "node-a"),
        cordoned,
        { moves: [move("m", { from: "node-a", reason: "Drain", volumes: ["pvc-data"] }, blocked)] },
      ],
      /pvc-data is on node node-a, which is cordoned, and has not begun to move \(VolumeMove m\): there is no other node$/,
      /^Make room on a node.*kubectl uncordon node-a lets the pod start there\.$/,
    ],
    [
      "its volume is on a cordoned node and no move has begun",
      [movable("data", "node-a"), cordoned],
      /pvc-data is on node node-a, which is cordoned; its move has not begun yet/,
      /kubectl uncordon node-a/,
    ],
    [
      "its volume is on a cordoned node and rests after a move that was undone",
      [
        movable("data", "node-a"),
        cordoned,
        {
          moves: [
            move(
              "m",
              { from: "node-a", reason: "Drain", volumes: ["pvc-data"] },
              { phase: "Cancelled", finishedAt: "2026-11-27T11:00:00Z", message: "Cancelled. the disk has failed." },
            ),
          ],
        },
      ],
      /which is cordoned; its last move: Cancelled\. the disk has failed; the next move begins after 2026-11-27T11:00:05/,
      /^Mend the cause that the message gives\. kubectl uncordon node-a/,
    ],
    [
      "its volume stays on a cordoned node",
      [movable("data", "node-a", { policies: { onDrain: "Stay", onNodeLoss: "Wait", maxDowntime: "60s" } }), cordoned],
      /which is cordoned, and does not move: volume pvc-data has the policy onDrain: Stay/,
      /^kubectl uncordon node-a/,
    ],
    [
      "the node of its volume is not Ready",
      [movable("data", "node-a"), { nodes: [node("node-a", {}, false)] }],
      /which is not Ready/,
      /Bring node node-a back/,
    ],
    [
      "the node of its volume is gone",
      [movable("data", "node-z")],
      /that Node does not exist any more/,
      /docs\/operating\.md/,
    ],
    [
      "it cannot run where its volume is",
      [movable("data", "node-a"), { nodes: [node("node-a", { taints: [{ key: "gpu", effect: "NoSchedule" }] })] }],
      /node-a, where the pod cannot run: the pod does not tolerate its taint gpu/,
      /moor move data -n app/,
    ],
    [
      "nothing of ours is in the way",
      [movable("data", "node-a")],
      /^0\/2 nodes are available$/,
      /fix the problem that the scheduler reports/,
    ],
  ])("%s", (_title, objects, why, advice) => {
    const [explained] = explain(cluster(...objects, used()), asked).pods;
    expect(explained?.state).toBe("Waiting");
    expect(explained?.trouble?.why).toMatch(why);
    expect(explained?.trouble?.advice).toMatch(advice);
  });

  test("its volumes are on two nodes", () => {
    const on = cluster(movable("data", "node-a"), movable("log", "node-b"), {
      pods: [pod("db-0", { claims: ["data", "log"] })],
    });
    expect(explain(on, asked).pods[0]?.trouble).toEqual({
      why: "its volumes are on different nodes: pvc-data on node-a, pvc-log on node-b",
      advice: "Bring them together: moor move data -n app --to node-b",
    });
  });

  test.each<[string, Partial<Objects>, string, RegExp]>([
    ["its classic volume is on a cordoned node", cordoned, "node-a (Ready, cordoned)", /^kubectl uncordon node-a/],
    [
      "its classic volume is on a node that is not Ready",
      { nodes: [node("node-a", {}, false)] },
      "node-a (NotReady)",
      /Bring node node-a back/,
    ],
  ])("%s", (_title, nodes, where, advice) => {
    const classic = movable("data", "node-a").persistentVolumes?.map((volume) => ({
      ...volume,
      spec: { hostPath: { path: "/x" }, nodeAffinity: affinityOf("pvc-data", "node-a") },
    }));
    const { claims = [] } = movable("data", "node-a");
    const on = cluster({ claims, persistentVolumes: classic ?? [] }, nodes, used());
    const trouble = explain(on, asked).pods[0]?.trouble;
    expect(trouble?.why).toBe(`its volume pvc-data does not move, and is on node ${where}`);
    expect(trouble?.advice).toMatch(advice);
  });

  test("it was put on another node than its volume", () => {
    const on = cluster(movable("data", "node-a"), used({ on: "node-b", status: { phase: "Pending" } }));
    expect(explain(on, asked).pods[0]?.trouble?.why).toBe(
      "it was scheduled to node node-b, but volume pvc-data is on node node-a",
    );
  });

  test("its agent is silent", () => {
    const silent = { storageNodes: [storageNode("node-a", "2026-11-27T11:50:00Z")] };
    const on = cluster(movable("data", "node-a"), silent, used({ on: "node-a", status: { phase: "Pending" } }));
    expect(explain(on, asked).pods[0]?.trouble?.why).toMatch(/its mooring agent was last seen at 2026-11-27T11:50:00Z/);
  });

  test("what its container says comes before an event, and the latest event counts", () => {
    const starting = pod("db-0", { claims: ["data"], on: "node-a", status: { phase: "Pending" } });
    const events = [
      warning(starting, "the latest", "2026-11-27T11:59:00Z"),
      warning(starting, "an old one", "2026-11-27T11:00:00Z"),
    ];
    expect(explain(cluster(movable("data", "node-a"), { pods: [starting], events }), asked).pods[0]?.trouble?.why).toBe(
      "the latest",
    );
    const waiting = {
      name: "main",
      image: "",
      imageID: "",
      ready: false,
      restartCount: 0,
      state: { waiting: { reason: "ImagePullBackOff" } },
    };
    const pulling = pod("db-0", {
      claims: ["data"],
      on: "node-a",
      status: { phase: "Pending", containerStatuses: [waiting] },
    });
    const why = explain(cluster(movable("data", "node-a"), { pods: [pulling], events }), asked).pods[0]?.trouble?.why;
    expect(why).toBe("container main waits: ImagePullBackOff");
  });
});

test("an error of ours in a kubelet's event comes with what helps against it", () => {
  const starting = pod("db-0", { claims: ["data"], on: "node-a", status: { phase: "Pending" } });
  const message =
    "MountVolume.SetUp failed for volume pvc-data: rpc error: data missing: volume pvc-data was on node node-a (AGENT_DATA_MISSING)";
  const events = [warning(starting, message, "2026-11-27T11:59:00Z")];
  expect(explain(cluster(movable("data", "node-a"), { pods: [starting], events }), asked).pods[0]?.trouble).toEqual({
    why: message,
    advice: expect.stringMatching(/^Mooring makes no new directory in its place\. .*\(AGENT_DATA_MISSING\)$/) as string,
  });
});

describe("pods that do not wait", () => {
  test.each<[string, Partial<PodParts>, string]>([
    ["runs", { on: "node-a" }, "Running"],
    ["has finished", { on: "node-a", status: { phase: "Succeeded" } }, "Finished"],
    [
      "is ending",
      { on: "node-a", metadata: { deletionTimestamp: "2026-11-27T12:00:30Z", deletionGracePeriodSeconds: 30 } },
      "Ending",
    ],
  ])("one that %s", (_title, parts, state) => {
    expect(explain(cluster(movable("data", "node-a"), used(parts)), asked).pods[0]?.state).toBe(state);
  });
});

describe("why a claim is not bound", () => {
  const waitsFor = { "volume.kubernetes.io/selected-node": "node-a" };
  const selected =
    unbound("data").claims?.map((claim) => ({ ...claim, metadata: { ...claim.metadata, annotations: waitsFor } })) ??
    [];
  const [claim] = unbound("data").claims ?? [];
  if (claim === undefined) throw new Error("no claim");
  test.each<[string, readonly Partial<Objects>[], RegExp]>([
    ["no pod uses it", [unbound("data")], /^no pod uses it yet/],
    ["its class is not there", [unbound("data", { storageClassName: "slow" })], /^there is no StorageClass slow$/],
    ["it names no class", [unbound("data", {})], /^it names no StorageClass$/],
    ["its pod fits nowhere", [unbound("data"), used()], /^the scheduler finds no node for pod db-0: 0\/2 nodes/],
    ["its volume is being made", [{ claims: selected }], /^its volume is being made on node node-a$/],
    [
      "the driver refused",
      [
        unbound("data"),
        { events: [warning(claim, "pool default on node node-a has no room", "2026-11-27T11:00:00Z")] },
      ],
      /^pool default on node node-a has no room$/,
    ],
  ])("%s", (_title, objects, why) => {
    expect(explain(cluster(...objects), asked).trouble?.why).toMatch(why);
  });
});

describe("where a volume is", () => {
  test("its node, its bytes and what earlier moves left", () => {
    const old = movable("data", "node-b").copies?.map((copy) => ({
      ...copy,
      status: { copies: copy.status?.copies?.map((one) => ({ ...one, state: "Trash" as const, bytes: 2048 })) ?? [] },
    }));
    const on = cluster(movable("data", "node-a", {}, 3 * 1024 ** 2), { copies: old ?? [] }, used({ on: "node-a" }));
    expect(explanationText(explain(on, asked)).split("\n")).toEqual([
      "Claim app/data: Bound, 1Gi, class mooring",
      "Volume pvc-data: on node node-a (Ready), pool default, 3.0 MiB used",
      "  Copy on node node-b: Trash, 2.0 KiB",
      "  In a drain: moves with its pod",
      "Pod db-0: Running on node node-a",
    ]);
  });

  test("a claim that is not there is an error with a code", () => {
    expect(() => explain(cluster(), asked)).toThrow(expect.objectContaining({ code: "MOOR_CLAIM_MISSING" }));
  });

  test("a directory that is not on the disk", () => {
    const missing = movable("data", "node-a").copies?.map((copy) => ({
      ...copy,
      status: { copies: copy.status?.copies?.map((one) => ({ ...one, missing: true })) ?? [] },
    }));
    expect(explain(cluster(movable("data", "node-a"), { copies: missing ?? [] }), asked).trouble?.why).toBe(
      "its directory is not on the disk of node node-a any more",
    );
  });

  test("a volume that has moved since the backup that etcd was restored from", () => {
    const parts = movable("data", "node-a");
    const [copy] = parts.copies ?? [];
    const [here] = copy?.status?.copies ?? [];
    if (copy === undefined || here === undefined) throw new Error("there is no copy");
    const on = (nodeName: string, one: object): Stored<VolumeCopy> => ({
      ...copy,
      metadata: { ...copy.metadata, name: `pvc-data.${nodeName}` },
      spec: { ...copy.spec, nodeName },
      status: { ...copy.status, copies: [{ ...here, ...one }] },
    });
    const copies = [
      on("node-a", { state: "Trash" }),
      on("node-b", { state: "Trash", epoch: 2, directory: "2" }),
      on("node-c", { epoch: 3, directory: "3" }),
    ];
    expect(explain(cluster(parts, { copies: [] }, { copies }), asked).trouble?.why).toBe(
      "node node-c has a later copy (epoch 3) than the one that its LocalVolume names (epoch 1 on node node-a)",
    );
    // What a move brings is none yet, and never becomes one when the move is undone.
    for (const state of ["Incoming", "Trash"]) {
      const brought = [on("node-b", { state, epoch: 2, directory: "2-uid-move-1" })];
      expect(explain(cluster(parts, { copies: brought }), asked).trouble).toBeUndefined();
    }
  });
});
