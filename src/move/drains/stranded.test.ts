import { expect, test } from "vitest";
import type { Pod } from "../../kube/kinds.ts";
import { isStranded } from "./stranded.ts";

const pod = (reason: string, spec: object = {}, metadata: object = {}): Pod =>
  ({
    metadata: { name: "p", ...metadata },
    spec: { containers: [], ...spec },
    status: { conditions: [{ type: "PodScheduled", status: "False", reason }] },
  }) as unknown as Pod;

test("a pod for which the scheduler finds no node asks for its volumes", () => {
  expect(isStranded(pod("Unschedulable"))).toBe(true);
});
test.each<[string, Pod]>([
  ["that waits for a gate", pod("SchedulingGated")],
  ["that has a node", pod("Unschedulable", { nodeName: "a" })],
  ["that is being deleted", pod("Unschedulable", {}, { deletionTimestamp: "2030-01-01T00:00:00Z" })],
  ["that the scheduler has not seen", { metadata: { name: "p" }, spec: { containers: [] } }],
])("a pod %s does not", (_title, one) => {
  expect(isStranded(one)).toBe(false);
});
