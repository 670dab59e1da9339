import { describe, expect, test } from "vitest";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from "../../kube/kinds.ts";
import { keyOf, type KubeObject, type Stored } from "../../kube/objects.ts";
import { IndexedStore } from "../../kube/watch/store.ts";
import type { NodeView } from "../plan/snapshot.ts";
import { timeOf } from "../plan/timing.ts";
import { askFor, chooseTarget, findCandidates, type Candidates } from "./choose-target.ts";
import { volumeIndexes } from "../../provision/indexes.ts";
import type { MoveCaches } from "./sources.ts";

const NOW = Date.UTC(2030, 0, 1);
const move = {
  metadata: { name: "m", uid: "move", resourceVersion: "1" },
  spec: { volumes: [{ name: "v" }], from: "a" },
} as unknown as Stored<VolumeMove>;
const spec = { pool: "pool", capacity: "1000", nodeName: "a", epoch: 1, incarnation: "i" };
const pod = { metadata: { name: "p", namespace: "ns", uid: "p", resourceVersion: "1" }, spec: { containers: [] } };

/** What live passes of an earlier move have brought to a node. */
function begunOn(node: string, bytes: number): VolumeCopy {
  const report = { role: "Target", state: "Copying", copyingAt: timeOf(NOW), bytes: 1000, toRead: 1000 - bytes };
  return {
    metadata: { name: `v.${node}` },
    spec: { volume: "v", nodeName: node },
    status: {
      copies: [{ epoch: 2, directory: "2-u", state: "Incoming", incarnation: "i", poolUUID: "p" }],
      move: { ...report, moveUID: "u", sealing: 0, bootID: "boot", at: timeOf(NOW) },
    },
  } as VolumeCopy;
}

function claimOf({ metadata }: PersistentVolume): PersistentVolumeClaim {
  const name = metadata?.name ?? "";
  return { metadata: { name, namespace: "ns" }, spec: { volumeName: name } };
}

/** The nodes b, c and d, of which d has the most room and b the least. */
function candidates(
  begun: readonly VolumeCopy[],
  pods: readonly object[] = [pod],
  gone = "",
  persistentVolumes: readonly PersistentVolume[] = [],
): Candidates {
  const free = new Map([
    ["b", 2000],
    ["c", 3000],
    ["d", 4000],
  ]);
  const cached = (objects: readonly KubeObject[] = [], indexes = {}) => {
    const store = new IndexedStore<KubeObject>(indexes, () => undefined);
    for (const object of objects) store.set(keyOf(object), object);
    return { store };
  };
  const nodes = ["a", ...free.keys()].map((name) => ({ metadata: { name, labels: {} }, spec: {}, status: {} }) as Node);
  const sources = {
    nodes: cached(nodes),
    copies: cached(begun),
    moves: cached(),
    pods: cached(),
    claims: cached(persistentVolumes.map((volume) => claimOf(volume))),
    persistentVolumes: cached(persistentVolumes, volumeIndexes),
  } as unknown as MoveCaches;
  const view = (name: string): NodeView => {
    const pools = [
      { name: "pool", path: "/p", ready: true, reason: "Ready" as const, availableBytes: free.get(name) ?? 0 },
    ];
    const status = { bootID: "boot", renewedAt: timeOf(NOW), pools };
    return { name, exists: name !== gone, ready: true, leaving: undefined, storage: { status }, reserved: new Map() };
  };
  const snapshot = { move, volumes: [{ name: "v", volume: { metadata: { name: "v" }, spec } }], source: { name: "a" } };
  return findCandidates(snapshot as never, sources, pods as readonly Stored<Pod>[], view, NOW);
}

describe("without a part of a copy anywhere", () => {
  test("the node with the most room is first, and the scheduler is asked without a preference", () => {
    const found = candidates([]);
    expect(found.fitting).toEqual(["d", "c", "b"]);
    expect(askFor(move, found)).toMatchObject({ nodes: ["b", "c", "d"], preferred: undefined });
  });
});

describe("the other volumes of a pod", () => {
  /** What only node a may have, of a claim of the same name. */
  const onlyOnA = (name: string, csi: { driver: string; volumeHandle: string }): PersistentVolume => {
    const matchFields = [{ key: "metadata.name", operator: "In", values: ["a"] }];
    const nodeAffinity = { required: { nodeSelectorTerms: [{ matchFields }] } };
    return { metadata: { name }, spec: { csi, nodeAffinity } };
  };
  const using = (claimName: string, phase: string): object => ({
    metadata: { name: "p", namespace: "ns" },
    spec: { containers: [], volumes: [{ name: "data", persistentVolumeClaim: { claimName } }] },
    status: { phase },
  });
  const other = onlyOnA("other", { driver: "disk.example.com", volumeHandle: "v" });

  test("keep it where they are", () => {
    expect(candidates([], [using("other", "Running")], "", [other]).fitting).toEqual([]);
  });

  test.each(["Succeeded", "Failed"])("do not count once it has %s", (phase) => {
    expect(candidates([], [using("other", phase)], "", [other]).fitting).toEqual(["d", "c", "b"]);
  });

  test("are told from the one that moves by the handle, not by the name", () => {
    const moving = onlyOnA("by-hand", { driver: "mooring.dev", volumeHandle: "v" });
    expect(candidates([], [using("by-hand", "Running")], "", [moving]).fitting).toEqual(["d", "c", "b"]);
    const staying = onlyOnA("v", { driver: "mooring.dev", volumeHandle: "w" });
    expect(candidates([], [using("v", "Running")], "", [staying]).fitting).toEqual([]);
  });
});

describe("the node with the most of the volumes from an earlier move", () => {
  const begun = [begunOn("b", 700), begunOn("c", 200)];

  test("is the one that the scheduler is asked to prefer, among all that fit", () => {
    expect(askFor(move, candidates(begun))).toMatchObject({ nodes: ["b", "c", "d"], preferred: "b" });
  });

  test("gives way to the scheduler's choice", () => {
    const answers = { to: () => ({ kind: "node", node: "d" }) as const };
    expect(chooseTarget(move, candidates(begun), answers)).toEqual({ node: "d" });
  });

  test("is the target where no scheduler is asked", () => {
    expect(chooseTarget(move, candidates(begun, []), undefined)).toEqual({ node: "b" });
  });

  test("is not preferred when it does not fit", () => {
    const found = candidates(begun, [pod], "b");
    expect(found.fitting).toEqual(["c", "d"]);
    expect(askFor(move, found)?.preferred).toBe("c");
  });
});
