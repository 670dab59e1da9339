import { expect, test } from "vitest";
import type { StorageNode } from "../../api/kinds/storage-node.ts";
import type { StoragePool } from "../../api/kinds/storage-pool.ts";
import type { Stored } from "../../kube/objects.ts";
import { planCounts } from "./loop.ts";

const pool = (status?: StoragePool["status"]): Stored<StoragePool> =>
  ({ metadata: { name: "fast", uid: "u", resourceVersion: "1" }, spec: {}, status }) as Stored<StoragePool>;
const node = (...pools: [name: string, ready: boolean][]): StorageNode =>
  ({ status: { pools: pools.map(([name, ready]) => ({ name, ready })) } }) as StorageNode;

test("a pool's nodes are those whose agents name it", () => {
  const nodes = [node(["fast", true]), node(["fast", false], ["slow", true]), node(["slow", true]), {}];
  expect(planCounts(pool(), nodes as StorageNode[])).toEqual({ nodes: 2, readyNodes: 1 });
});
test("a pool that says so already is left alone", () => {
  expect(planCounts(pool({ nodes: 1, readyNodes: 1 }), [node(["fast", true])])).toBeUndefined();
});
test("a pool on no node says 0", () => {
  expect(planCounts(pool({ nodes: 1, readyNodes: 1 }), [])).toEqual({ nodes: 0, readyNodes: 0 });
});
