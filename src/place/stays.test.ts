import { describe, expect, test } from "vitest";
import type { LocalVolume } from "../api/kinds/local-volume.ts";
import type { StoragePool } from "../api/kinds/storage-pool.ts";
import type { Node } from "../kube/kinds.ts";
import type { Stored } from "../kube/objects.ts";
import { whyStays } from "./stays.ts";

const node = (
  name: string,
  annotations: Record<string, string> = {},
  labels: Record<string, string> = {},
): Stored<Node> => ({
  metadata: { name, uid: name, resourceVersion: "1", annotations, labels },
});
const volume = (spec: Partial<LocalVolume["spec"]> = {}): Stored<LocalVolume> =>
  ({
    metadata: { name: "v", uid: "u", resourceVersion: "1" },
    spec: { pool: "default", policies: { onDrain: "Move" }, reclaim: false, ...spec },
  }) as Stored<LocalVolume>;
const pool = (nodeSelector?: Record<string, string>): StoragePool => ({
  spec: { path: "/p", backend: "Directory", reserve: "0", ...(nodeSelector === undefined ? {} : { nodeSelector }) },
});
const a = node("a");
const b = node("b");

test("a volume moves when its pool has another node, Ready or not", () => {
  expect(whyStays({ volume: volume(), node: a, pool: pool(), nodes: [a, b] })).toBeUndefined();
});

describe("a volume stays", () => {
  const stay = volume({ policies: { onDrain: "Stay", onNodeLoss: "Wait", maxDowntime: "60s" } });
  test.each([
    ["by its policy", { volume: stay, node: a, pool: pool(), nodes: [a, b] }, /onDrain: Stay/],
    [
      "when its node keeps its volumes",
      { volume: volume(), node: node("a", { "mooring.dev/drain": "stay" }), pool: pool(), nodes: [a, b] },
      /keeps its volumes/,
    ],
    [
      "when its node was released",
      { volume: volume(), node: node("a", { "mooring.dev/release": "true" }), pool: pool(), nodes: [a, b] },
      /was released/,
    ],
    [
      "when it is being removed",
      { volume: volume({ reclaim: true }), node: a, pool: pool(), nodes: [a, b] },
      /being removed/,
    ],
    [
      "in a pool of one node",
      { volume: volume(), node: a, pool: pool({ disk: "fast" }), nodes: [a, b] },
      /on no other node/,
    ],
  ])("%s", (_title, snapshot, why) => {
    expect(whyStays(snapshot)).toMatch(why);
  });
});

test("a node is released by the word true alone", () => {
  const released = node("a", { "mooring.dev/release": "yes" });
  expect(whyStays({ volume: volume(), node: released, pool: pool(), nodes: [released, b] })).toBeUndefined();
});
