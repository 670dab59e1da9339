import { expect, test } from "vitest";
import type { Node } from "./kinds.ts";
import { hostnameOf, isDead, isLeaving, isReady } from "./nodes.ts";

const tainted = (key: string): Node => ({ spec: { taints: [{ key, effect: "NoSchedule" }] } });
const ready = (status: string): Node => ({ status: { conditions: [{ type: "Ready", status }] } });

test.each<[string, boolean, Node | undefined]>([
  ["one whose kubelet reports", true, ready("True")],
  ["one whose kubelet is silent", false, ready("Unknown")],
  ["one without conditions", false, {}],
  ["one that is gone", false, undefined],
])("ready: %s, %s", (_, expected, node) => {
  expect(isReady(node)).toBe(expected);
});

test.each<[string, boolean, Node]>([
  ["a cordoned node", true, { spec: { unschedulable: true } }],
  ["a node that is being deleted", true, { metadata: { deletionTimestamp: "2030-01-01T00:00:00Z" } }],
  ["a node that the cluster autoscaler removes", true, tainted("ToBeDeletedByClusterAutoscaler")],
  ["a node that Karpenter disrupts", true, tainted("karpenter.sh/disrupted")],
  ["a node for special pods", false, tainted("dedicated")],
  ["any other node", false, {}],
])("leaving: %s, %s", (_, expected, node) => {
  expect(isLeaving(node)).toBe(expected);
});

test.each<[string, boolean, Node | undefined]>([
  ["one whose object is gone", true, undefined],
  ["one that is out of service", true, tainted("node.kubernetes.io/out-of-service")],
  ["one that only does not answer", false, ready("Unknown")],
])("dead: %s, %s", (_, expected, node) => {
  expect(isDead(node)).toBe(expected);
});

test("an administrator's own taint counts when it is named", () => {
  expect(isLeaving(tainted("maintenance"), ["maintenance"])).toBe(true);
  expect(isLeaving(tainted("karpenter.sh/disrupted"), ["maintenance"])).toBe(false);
});

test("a node's hostname is that of its label", () => {
  expect(hostnameOf({ metadata: { name: "a", labels: { "kubernetes.io/hostname": "host-a" } } })).toBe("host-a");
  expect(hostnameOf({ metadata: { name: "a" } })).toBeUndefined();
});
