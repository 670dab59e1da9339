import { describe, expect, it } from "vitest";
import type { Event, Node, PersistentVolume, PersistentVolumeClaim, Pod } from "../../kube/kinds.ts";
import type { KubeObject } from "../../kube/objects.ts";
import type { Change } from "../../kube/watch/store.ts";
import { describeClaim } from "./describe/describe-claim.ts";
import { describeClass } from "./describe/describe-class.ts";
import { describeEvent } from "./describe/describe-event.ts";
import { describeLease } from "./describe/describe-lease.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { describeMove } from "./describe/describe-move.ts";
import { describeNode } from "./describe/describe-node.ts";
import { describePod } from "./describe/describe-pod.ts";
import { describeVolume } from "./describe/describe-volume.ts";
import type { Line } from "./line.ts";

const added = <T extends KubeObject>(object: T): Change<T> => ({ type: "added", key: "", object });
const updated = <T extends KubeObject>(old: T, object: T): Change<T> => ({ type: "updated", key: "", old, object });
const deleted = <T extends KubeObject>(object: T): Change<T> => ({ type: "deleted", key: "", object });
const told = (lines: readonly Line[]): string[] => lines.map(({ actor, text }) => `${actor}: ${text}`);

const pod: Pod = {
  metadata: {
    name: "db-0",
    namespace: "default",
    uid: "1",
    ownerReferences: [{ apiVersion: "apps/v1", kind: "StatefulSet", name: "db", uid: "2", controller: true }],
  },
  status: { phase: "Pending" },
};
const condition = (type: string, status: string, more: object = {}) => ({ type, status, ...more });

describe("a pod", () => {
  it("is created by the controller of its owner, or by the user", () => {
    expect(told(describePod(added(pod)))).toEqual(["statefulset: created pod db-0"]);
    expect(told(describePod(added({ metadata: { name: "p", namespace: "other" } })))).toEqual([
      "you: created pod other/p",
    ]);
  });

  it("goes to a node once, by the scheduler", () => {
    const placed = { ...pod, spec: { nodeName: "node-b", containers: [] } };
    expect(told(describePod(updated(pod, placed)))).toEqual(["scheduler: pod db-0 goes to node-b"]);
    expect(describePod(updated(placed, placed))).toEqual([]);
  });

  it("stays Pending in the scheduler's own words, once for each text", () => {
    const waits = (message: string): Pod => ({
      ...pod,
      status: { conditions: [condition("PodScheduled", "False", { reason: "Unschedulable", message })] },
    });
    expect(told(describePod(updated(pod, waits("0/3 nodes are available"))))).toEqual([
      "scheduler: pod db-0 stays Pending: 0/3 nodes are available",
    ]);
    expect(describePod(updated(waits("a"), waits("a")))).toEqual([]);
    expect(told(describePod(updated(waits("a"), waits("b"))))).toEqual(["scheduler: pod db-0 stays Pending: b"]);
  });

  it("is evicted by the user when it bears the mark of the eviction API, and of no other disruption", () => {
    const marked = (reason: string): Pod => ({
      ...pod,
      status: { conditions: [condition("DisruptionTarget", "True", { reason })] },
    });
    expect(told(describePod(updated(pod, marked("EvictionByEvictionAPI"))))).toEqual(["eviction: pod db-0 is evicted"]);
    expect(describePod(updated(pod, marked("DeletionByTaintManager")))).toEqual([]);
  });

  it("is Ready and gone by the kubelet of its node", () => {
    const placed: Pod = { ...pod, spec: { nodeName: "node-b", containers: [] } };
    const ready: Pod = { ...placed, status: { conditions: [condition("Ready", "True")] } };
    expect(told(describePod(updated(placed, ready)))).toEqual(["kubelet node-b: pod db-0 is Ready"]);
    expect(told(describePod(deleted(ready)))).toEqual(["kubelet node-b: pod db-0 is gone"]);
  });

  it("says why its container does not run", () => {
    const placed: Pod = { ...pod, spec: { nodeName: "node-b", containers: [] } };
    const ended: Pod = {
      ...placed,
      status: {
        containerStatuses: [
          {
            name: "main",
            image: "x",
            imageID: "",
            ready: false,
            restartCount: 2,
            state: { terminated: { exitCode: 128, message: "no such program" } },
          },
        ],
      },
    };
    expect(told(describePod(updated(placed, ended)))).toEqual([
      "kubelet node-b: pod db-0: main has ended with exit code 128 (restarts: 2): no such program",
    ]);
    expect(describePod(updated(ended, ended))).toEqual([]);
  });
});

describe("a helper pod", () => {
  const helper: Pod = {
    metadata: {
      name: "helper-pod-create-pvc-1",
      uid: "3",
      annotations: { "mooring.dev/helper-path": "/opt/pvc-01234567-89ab-cdef-0123-456789abcdef_default_data" },
    },
    spec: { nodeName: "node-a", containers: [{ name: "helper-pod", args: ["-p", "/x", "-a", "create"] }] },
    status: { phase: "Pending" },
  };

  it("is told as what it does for the provisioner, and not as a pod", () => {
    expect(told(describePod(added(helper)))).toEqual([
      "provisioner: sends a helper pod to node-a, to make the directory pvc-01234567…_default_data",
    ]);
    const done = { ...helper, status: { phase: "Succeeded" } };
    expect(told(describePod(updated(helper, done)))).toEqual(["kubelet node-a: the helper pod has made it"]);
    expect(describePod(deleted(done))).toEqual([]);
  });

  it("that fails is something to look at", () => {
    const [line] = describePod(updated(helper, { ...helper, status: { phase: "Failed" } }));
    expect(line).toMatchObject({ tone: "bad", actor: "kubelet node-a" });
  });
});

describe("a claim", () => {
  const claim: PersistentVolumeClaim = { metadata: { name: "data", namespace: "default", uid: "4" } };
  const on = (node: string): PersistentVolumeClaim => ({
    metadata: { ...claim.metadata, annotations: { "volume.kubernetes.io/selected-node": node } },
  });

  it("gets a node from the scheduler, and is given back to it", () => {
    expect(told(describeClaim(updated(claim, on("node-c"))))).toEqual(["scheduler: chose node-c for claim data"]);
    expect(told(describeClaim(updated(on("node-c"), claim)))).toEqual([
      "provisioner: node-c will not do for claim data, asks for another node",
    ]);
  });

  it("is Bound once, and Lost is something to look at", () => {
    const bound: PersistentVolumeClaim = { ...claim, spec: { volumeName: "pvc-1" }, status: { phase: "Bound" } };
    expect(told(describeClaim(updated(claim, bound)))).toEqual(["binder: claim data is Bound to pvc-1"]);
    expect(describeClaim(updated(bound, bound))).toEqual([]);
    expect(describeClaim(updated(bound, { ...claim, status: { phase: "Lost" } }))).toMatchObject([{ tone: "bad" }]);
  });
});

describe("a volume", () => {
  const volume: PersistentVolume = {
    metadata: { name: "pvc-1", uid: "5", annotations: { "local.path.provisioner/selected-node": "node-a" } },
    spec: { claimRef: { namespace: "default", name: "data" } },
  };

  it("is made by the provisioner, for a claim, on a node", () => {
    expect(told(describeVolume(added(volume)))).toEqual([
      "provisioner: made volume pvc-1 for claim data: a directory on node-a",
    ]);
  });

  it("of the acknowledgement is not told: nobody asked for it", () => {
    const canary = { metadata: { name: "mooring-canary", annotations: { "mooring.dev/canary": "acknowledgement" } } };
    expect(describeVolume(added(canary))).toEqual([]);
    expect(describeVolume(deleted(canary))).toEqual([]);
  });
});

it("a node is cordoned and uncordoned by the user", () => {
  const node = (unschedulable?: boolean): Node => ({
    metadata: { name: "node-a", uid: "6" },
    ...(unschedulable === undefined ? {} : { spec: { unschedulable } }),
    status: { conditions: [condition("Ready", "True")] },
  });
  expect(told(describeNode(added(node())))).toEqual(["kubelet node-a: registered its node, which is Ready"]);
  expect(told(describeNode(updated(node(), node(true))))).toEqual(["you: cordoned node-a"]);
  expect(told(describeNode(updated(node(true), node())))).toEqual(["you: uncordoned node-a"]);
});

it("a lease tells who leads, by the pod's name", () => {
  const lease = (holderIdentity: string) => ({ metadata: { name: "l", uid: "7" }, spec: { holderIdentity } });
  expect(told(describeLease(added(lease("provisioner-x_1-2-3"))))).toEqual(["provisioner: provisioner-x leads"]);
  expect(told(describeLease(updated(lease("a_1"), lease(""))))).toEqual(["provisioner: a has released the lease"]);
  expect(describeLease(updated(lease("a_1"), lease("a_1")))).toEqual([]);
});

it("a storage class becomes the default", () => {
  const plain = { metadata: { name: "local-path", uid: "8" }, provisioner: "rancher.io/local-path" };
  const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
  const marked = { ...plain, metadata: { ...plain.metadata, annotations } };
  expect(told(describeClass(added(plain)))).toEqual(["you: created StorageClass local-path"]);
  expect(told(describeClass(updated(plain, marked)))).toEqual(["you: made StorageClass local-path the default"]);
});

describe("an event", () => {
  const event = (reason: string, type: string): Event => ({
    metadata: { name: "e", namespace: "default" },
    involvedObject: { kind: "PersistentVolumeClaim", name: "data", namespace: "default" },
    reason,
    type,
    message: "no path on node-a",
    source: { component: "rancher.io/local-path_host_1-2" },
  });

  it("is told when it is a warning, in its writer's words", () => {
    expect(told(describeEvent(added(event("ProvisioningFailed", "Warning"))))).toEqual([
      "provisioner: PersistentVolumeClaim data: ProvisioningFailed: no path on node-a",
    ]);
    expect(describeEvent(added(event("Provisioning", "Normal")))).toEqual([]);
  });

  it("of the scheduler's is told by the pod's condition alone", () => {
    expect(describeEvent(added(event("FailedScheduling", "Warning")))).toEqual([]);
  });
});

it("a move tells where from, each phase once, and where to", () => {
  const move = (phase?: "Copying" | "Fenced" | "Done"): VolumeMove => ({
    metadata: { name: "m", uid: "9" },
    spec: { volumes: [{ name: "pvc-1", mode: "Copy" }], from: "node-a", reason: "Drain" },
    status: { target: "node-b", ...(phase === undefined ? {} : { phase }) },
  });
  expect(told(describeMove(added(move())))).toEqual(["mooring: begins to move pvc-1 away from node-a"]);
  expect(told(describeMove(updated(move(), move("Copying"))))).toEqual([
    "mooring: pvc-1: Copying: the data is copied while the pods run",
  ]);
  expect(told(describeMove(updated(move("Copying"), move("Fenced"))))).toEqual([
    "mooring: pvc-1: Fenced: nothing new is published, the pods are evicted",
  ]);
  expect(describeMove(updated(move("Fenced"), move("Fenced")))).toEqual([]);
  expect(told(describeMove(updated(move("Fenced"), move("Done"))))).toEqual([
    "mooring: pvc-1 has moved from node-a to node-b",
  ]);
});
