import { describe, expect, test } from "vitest";
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { Pod } from "../../kube/kinds.ts";
import type { Stored } from "../../kube/objects.ts";
import { planSweep } from "./plan.ts";

const at = (nodeName: string, fence?: string): Stored<LocalVolume> =>
  ({
    metadata: { name: "v", uid: "u", resourceVersion: "1" },
    spec: { nodeName, ...(fence === undefined ? {} : { fence }) },
  }) as Stored<LocalVolume>;
const pod = (change: { metadata?: object; spec?: object; status?: object } = {}): Stored<Pod> => ({
  metadata: {
    name: "p",
    uid: "p-uid",
    resourceVersion: "1",
    ownerReferences: [{ apiVersion: "apps/v1", kind: "StatefulSet", name: "s", uid: "u", controller: true }],
    ...change.metadata,
  },
  spec: { nodeName: "a", containers: [], ...change.spec },
  status: { phase: "Pending", ...change.status },
});
const started = { name: "c", image: "i", imageID: "", ready: false, restartCount: 0 };

test("a pod that waits on a node its volume is not on is deleted", () => {
  expect(planSweep(pod(), [at("a"), at("b")])).toEqual({ step: "delete", volume: "v", where: "b" });
});

describe("a pod that no node was chosen for", () => {
  const waits = pod({
    spec: { nodeName: undefined },
    status: { conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable" }] },
  });
  test("is told of when its volumes are on two nodes", () => {
    expect(planSweep(waits, [at("a"), at("b")])).toEqual({
      step: "tell-apart",
      places: [
        ["v", "a"],
        ["v", "b"],
      ],
    });
  });
  test("is left alone otherwise", () => {
    expect(planSweep(waits, [at("a"), at("a")])).toEqual({ step: "nothing" });
    expect(planSweep(waits, [at("a"), at("b", "move")])).toEqual({ step: "nothing" });
    expect(planSweep(pod({ spec: { nodeName: undefined } }), [at("a"), at("b")])).toEqual({ step: "nothing" });
  });
});

describe("a pod is left alone", () => {
  test.each<[string, Stored<Pod>, Stored<LocalVolume>[]]>([
    ["on the node of its volume", pod(), [at("a")]],
    ["without movable volumes", pod(), []],
    ["while its volume is cut over", pod(), [at("b", "move")]],
    ["that no node was chosen for", pod({ spec: { nodeName: undefined } }), [at("b")]],
    ["that ends already", pod({ metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } }), [at("b")]],
    ["that runs", pod({ status: { phase: "Running" } }), [at("b")]],
    [
      "whose init container has run",
      pod({ status: { initContainerStatuses: [{ ...started, state: { terminated: { exitCode: 0 } } }] } }),
      [at("b")],
    ],
    [
      "whose container runs",
      pod({ status: { containerStatuses: [{ ...started, state: { running: {} } }] } }),
      [at("b")],
    ],
    [
      "whose container has run before",
      pod({ status: { containerStatuses: [{ ...started, restartCount: 1 }] } }),
      [at("b")],
    ],
    ["that nobody makes again", pod({ metadata: { ownerReferences: [] } }), [at("b")]],
    ["of a DaemonSet", pod({ metadata: { ownerReferences: [{ kind: "DaemonSet", controller: true }] } }), [at("b")]],
  ])("%s", (_title, waiting, volumes) => {
    expect(planSweep(waiting, volumes)).toEqual({ step: "nothing" });
  });
});
