import { expect, it } from "vitest";
import type { Pod } from "../../kube/kinds.ts";
import type { ClusterSnapshot } from "../cluster/view.ts";
import { NOTHING } from "../testing/nothing.fixture.ts";
import { unsettled } from "./settled.ts";

const metadata = { name: "db", namespace: "default", uid: "1", generation: 2 };
const waiting = { metadata: { name: "slow" }, provisioner: "p", volumeBindingMode: "WaitForFirstConsumer" };
const claim = {
  metadata: { name: "data", namespace: "default", uid: "2" },
  spec: { storageClassName: "slow" },
  status: { phase: "Pending" },
};
const spec = { selector: {}, serviceName: "", template: {}, replicas: 2 };
const ready: Pod = {
  metadata: { name: "p", namespace: "default" },
  status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
};
const user: Pod = {
  ...ready,
  spec: { containers: [], volumes: [{ name: "d", persistentVolumeClaim: { claimName: "data" } }] },
};

it.each<[string, Partial<ClusterSnapshot>]>([
  ["nothing was asked for", {}],
  ["a pod has ended well", { pods: [{ metadata: ready.metadata ?? {}, status: { phase: "Succeeded" } }] }],
  [
    "a StatefulSet has all its pods",
    { statefulSets: [{ metadata, spec, status: { observedGeneration: 2, replicas: 2, readyReplicas: 2 } }] },
  ],
  ["a claim waits for its first consumer, and there is none", { claims: [claim], classes: [waiting] }],
  [
    "only the product's own pod is not Ready",
    { pods: [{ metadata: { name: "x", namespace: "local-path-storage" }, status: { phase: "Pending" } }] },
  ],
])("all runs when %s", (_, change) => {
  expect(unsettled({ ...NOTHING, ...change })).toEqual([]);
});

it.each<[string, Partial<ClusterSnapshot>, string]>([
  [
    "a StatefulSet's change has not been seen by its controller",
    { statefulSets: [{ metadata, spec, status: { observedGeneration: 1, replicas: 2, readyReplicas: 2 } }] },
    "default/db has 2 of 2 pods Ready",
  ],
  [
    "a StatefulSet has a pod too few",
    { statefulSets: [{ metadata, spec, status: { observedGeneration: 2, replicas: 2, readyReplicas: 1 } }] },
    "default/db has 1 of 2 pods Ready",
  ],
  [
    "a pod is being deleted",
    { pods: [{ ...ready, metadata: { ...ready.metadata, deletionTimestamp: "2030-01-01T00:00:00Z" } }] },
    "pod default/p is being deleted",
  ],
  [
    "a pod fits nowhere",
    {
      pods: [
        {
          metadata: ready.metadata ?? {},
          status: {
            phase: "Pending",
            conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/1 nodes" }],
          },
        },
      ],
    },
    "pod default/p is Pending: 0/1 nodes",
  ],
  [
    "a pod wants a claim that is not bound, for the reason of its last warning",
    {
      pods: [user],
      claims: [claim],
      classes: [waiting],
      events: [
        {
          metadata: {},
          involvedObject: { uid: "2" },
          type: "Warning",
          message: "later",
          lastTimestamp: "2030-01-01T00:00:02Z",
        },
        {
          metadata: {},
          involvedObject: { uid: "2" },
          type: "Warning",
          message: "earlier",
          lastTimestamp: "2030-01-01T00:00:01Z",
        },
      ],
    },
    "claim default/data is Pending: later",
  ],
  [
    "a claim's class is not there",
    { claims: [claim] },
    "claim default/data is Pending: there is no storage class slow",
  ],
])("not all runs when %s, and that is said", (_, change, sentence) => {
  expect(unsettled({ ...NOTHING, ...change })).toEqual([sentence]);
});
