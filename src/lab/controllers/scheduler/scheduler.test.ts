import { afterEach, expect, test } from "vitest";
import { manualClock, settle } from "../../../effects/testing/manual-clock.fixture.ts";
import type { Event, Node, PersistentVolume, PersistentVolumeClaim, Pod } from "../../../kube/kinds.ts";
import { LabKube } from "../../api/testing/lab-kube.fixture.ts";
import { startController } from "../testing/fast-forward.fixture.ts";
import { Scheduler } from "./scheduler.ts";

const PODS = "/api/v1/namespaces/default/pods/";
const CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims/";
const VOLUMES = "/api/v1/persistentvolumes/";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function start(nodeNames: readonly string[] = ["a", "b", "c"]) {
  const clock = manualClock();
  const kube = new LabKube({ clock });
  const putNode = (name: string, spec: Node["spec"] = {}, labels: Record<string, string> = {}): void => {
    const object: Node = {
      metadata: { name, labels: { "kubernetes.io/hostname": name, ...labels } },
      spec,
      status: { allocatable: { cpu: "2", memory: "4Gi", pods: "10" } },
    };
    kube.put(`/api/v1/nodes/${name}`, object);
  };
  for (const name of nodeNames) putNode(name);
  for (const [name, mode] of [
    ["slow", "WaitForFirstConsumer"],
    ["now", "Immediate"],
  ] as const) {
    const object = { metadata: { name }, provisioner: "example.com/p", volumeBindingMode: mode };
    kube.put(`/apis/storage.k8s.io/v1/storageclasses/${name}`, object);
  }
  const started = await startController(kube, (process) => new Scheduler(process), { clock });
  stops.push(started.stop);
  const pod = (name: string) => kube.at(`${PODS}${name}`) as Pod | undefined;
  return {
    ...started,
    kube,
    pod,
    putNode,
    nodeOf: (name: string) => pod(name)?.spec?.nodeName,
    putPod: (name: string, spec: Partial<NonNullable<Pod["spec"]>> = {}, labels: Record<string, string> = {}) => {
      kube.put(`${PODS}${name}`, {
        metadata: { name, namespace: "default", labels },
        spec: { containers: [{ name: "main", image: "x" }], ...spec },
        status: { phase: "Pending" },
      } as Pod);
    },
    claim: (name: string) => kube.at(`${CLAIMS}${name}`) as PersistentVolumeClaim | undefined,
    putClaim: (name: string, spec: PersistentVolumeClaim["spec"] = {}) => {
      kube.put(`${CLAIMS}${name}`, {
        metadata: { name, namespace: "default", uid: `uid-of-${name}` },
        spec: {
          storageClassName: "slow",
          accessModes: ["ReadWriteOnce"],
          resources: { requests: { storage: "1Gi" } },
          ...spec,
        },
        status: { phase: "Pending" },
      } as PersistentVolumeClaim);
    },
    putVolume: (name: string, host: string, spec: PersistentVolume["spec"] = {}) => {
      const terms = [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [host] }] }];
      kube.put(`${VOLUMES}${name}`, {
        metadata: { name },
        spec: {
          capacity: { storage: "1Gi" },
          accessModes: ["ReadWriteOnce"],
          storageClassName: "slow",
          hostPath: { path: `/data/${name}` },
          nodeAffinity: { required: { nodeSelectorTerms: terms } },
          ...spec,
        },
        status: { phase: "Available" },
      } as PersistentVolume);
    },
    /** As the binder does it. */
    bind: (claimName: string, volumeName: string) => {
      const path = `${CLAIMS}${claimName}`;
      const claim = kube.at(path) as PersistentVolumeClaim;
      const annotations = { ...claim.metadata?.annotations, "pv.kubernetes.io/bind-completed": "yes" };
      kube.put(path, {
        ...claim,
        metadata: { ...claim.metadata, annotations },
        spec: { ...claim.spec, volumeName },
        status: { phase: "Bound" },
      } as PersistentVolumeClaim);
    },
    said: (name: string) =>
      kube
        .list("/api/v1/events")
        .map((object) => object as Event)
        .filter((event) => event.involvedObject.name === name)
        .map((event) => `${event.reason ?? ""}: ${event.message ?? ""}`),
    condition: (name: string) => pod(name)?.status?.conditions?.find(({ type }) => type === "PodScheduled"),
  };
}

const withClaim = (claimName: string) => ({ volumes: [{ name: "data", persistentVolumeClaim: { claimName } }] });
const requests = (cpu: string) => ({ containers: [{ name: "c", image: "x", resources: { requests: { cpu } } }] });
const PREEMPTION = "preemption: 0/3 nodes are available:";

test("pods without wishes are spread", async () => {
  const on = await start();
  for (const name of ["p1", "p2", "p3"]) {
    on.putPod(name);
    await settle();
  }
  expect(new Set(["p1", "p2", "p3"].map(on.nodeOf))).toEqual(new Set(["a", "b", "c"]));
  expect(on.said("p1")).toEqual([`Scheduled: Successfully assigned default/p1 to ${on.nodeOf("p1") ?? ""}`]);
});

test("a pod that fits nowhere is told why, per node and in the real words, and a cordon is among them", async () => {
  const on = await start([]);
  on.putNode("a", { unschedulable: true });
  on.putNode("b", { taints: [{ key: "k", effect: "NoSchedule" }] });
  on.putNode("c");
  await settle();
  on.putPod("p", { ...requests("3"), nodeSelector: {} });
  await settle();
  const message = `0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable. ${PREEMPTION} 3 Preemption is not helpful for scheduling.`;
  expect(on.said("p")).toEqual([`FailedScheduling: ${message}`]);
  expect(on.condition("p")).toMatchObject({ status: "False", reason: "Unschedulable", message });
});

test("an uncordon brings a pod back after its back-off", async () => {
  const on = await start([]);
  on.putNode("a", { unschedulable: true });
  on.putPod("p");
  await settle();
  on.putNode("a");
  await settle();
  expect(on.nodeOf("p")).toBeUndefined();
  await on.clock.advance(1_000);
  expect(on.nodeOf("p")).toBe("a");
});

test("resources of pods on a node are counted, and room that a deleted pod leaves is used", async () => {
  const on = await start(["a"]);
  on.putPod("p1", requests("1500m"));
  on.putPod("p2", requests("1500m"));
  await settle();
  const [placed, waiting] = on.nodeOf("p1") === "a" ? ["p1", "p2"] : ["p2", "p1"];
  expect(on.nodeOf(waiting)).toBeUndefined();
  expect(on.said(waiting)[0]).toBe(
    "FailedScheduling: 0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
  );
  on.kube.remove(`${PODS}${placed}`);
  await on.clock.advance(1_000);
  expect(on.nodeOf(waiting)).toBe("a");
});

test("a bound claim ties its pod to the volume's nodes; a label on another node frees it", async () => {
  const on = await start();
  on.putVolume("v", "gone");
  on.putClaim("c");
  on.bind("c", "v");
  on.putPod("p", withClaim("c"));
  await settle();
  expect(on.said("p")).toEqual([
    `FailedScheduling: 0/3 nodes are available: 3 node(s) didn't match PersistentVolume's node affinity. ${PREEMPTION} 3 Preemption is not helpful for scheduling.`,
  ]);
  on.putNode("b", {}, { "kubernetes.io/hostname": "gone" });
  await on.clock.advance(1_000);
  expect(on.nodeOf("p")).toBe("b");
});

test("a claim of a delayed class gets its selected node, and the pod its binding when the once-a-second look sees the claim bound", async () => {
  const on = await start(["a"]);
  on.putClaim("c");
  on.putPod("p", withClaim("c"));
  await settle();
  expect(on.claim("c")?.metadata?.annotations).toEqual({ "volume.kubernetes.io/selected-node": "a" });
  await on.clock.advance(300);
  on.putVolume("pvc-1", "a");
  on.bind("c", "pvc-1");
  await on.clock.advance(600);
  expect(on.nodeOf("p")).toBeUndefined();
  await on.clock.advance(100);
  expect(on.nodeOf("p")).toBe("a");
});

test("a claim whose selected node is taken away sends its pod back, and the next try chooses anew", async () => {
  const on = await start(["a"]);
  on.putClaim("c");
  on.putPod("p", withClaim("c"));
  await settle();
  on.putClaim("c", {});
  on.kube.put(`${CLAIMS}c`, {
    ...on.claim("c"),
    metadata: { ...on.claim("c")?.metadata, annotations: { other: "x" } },
  });
  await on.clock.advance(1_000);
  const why = 'running PreBind plugin "VolumeBinding": binding volumes: provisioning failed for PVC "c"';
  expect(on.said("p")).toEqual([`FailedScheduling: ${why}`]);
  expect(on.condition("p")).toMatchObject({ reason: "SchedulerError", message: why });
  await on.clock.advance(1_000);
  expect(on.claim("c")?.metadata?.annotations?.["volume.kubernetes.io/selected-node"]).toBe("a");
});

test("a volume that is not for the chosen node is found out before the binding", async () => {
  const on = await start(["a"]);
  on.putClaim("c");
  on.putPod("p", withClaim("c"));
  await settle();
  on.putVolume("pvc-1", "elsewhere");
  on.bind("c", "pvc-1");
  await on.clock.advance(1_000);
  expect(on.said("p")[0]).toContain(`pv "pvc-1" node affinity doesn't match node "a": no matching NodeSelectorTerms`);
});

test("a static volume decides the node of a delayed claim and is set aside for it", async () => {
  const on = await start();
  on.putVolume("v", "b");
  on.putClaim("c");
  on.putPod("p", { ...withClaim("c"), nodeSelector: { "kubernetes.io/hostname": "b" } });
  await settle();
  expect(on.claim("c")?.metadata?.annotations).toBeUndefined();
  const volume = on.kube.at(`${VOLUMES}v`) as PersistentVolume;
  expect(volume.spec?.claimRef).toMatchObject({ name: "c", uid: "uid-of-c" });
  on.bind("c", "v");
  await on.clock.advance(1_000);
  expect(on.nodeOf("p")).toBe("b");
});

test("claims that are missing, Immediate and unbound, Lost or being deleted keep a pod from every node", async () => {
  const on = await start();
  on.putClaim("immediate", { storageClassName: "now" });
  on.putClaim("lost", { volumeName: "v" });
  on.kube.put(`${CLAIMS}lost`, { ...on.claim("lost"), status: { phase: "Lost" } } as PersistentVolumeClaim);
  on.putClaim("going");
  on.kube.put(`${CLAIMS}going`, {
    ...on.claim("going"),
    metadata: {
      ...on.claim("going")?.metadata,
      finalizers: ["kubernetes.io/pvc-protection"],
      deletionTimestamp: "2030-01-01T00:00:00Z",
    },
  });
  await settle();
  for (const name of ["immediate", "lost", "going", "missing"]) on.putPod(name, withClaim(name));
  await settle();
  const why = (name: string) => on.said(name)[0]?.split(/: |\. no/)[2];
  expect(why("immediate")).toBe("pod has unbound immediate PersistentVolumeClaims");
  expect(why("lost")).toBe('persistentvolumeclaim "lost" bound to non-existent persistentvolume "v"');
  expect(why("going")).toBe('persistentvolumeclaim "going" is being deleted');
  expect(why("missing")).toBe('persistentvolumeclaim "missing" not found');
});

test("required anti-affinity and topology spread hold, also against pods that were there first", async () => {
  const on = await start(["a", "b"]);
  const labelSelector = { matchLabels: { app: "x" } };
  const term = { topologyKey: "kubernetes.io/hostname", labelSelector };
  const apart = { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } };
  for (const name of ["x1", "x2", "x3"]) on.putPod(name, apart, { app: "x" });
  await settle();
  expect(["x1", "x2", "x3"].filter((name) => on.nodeOf(name) === undefined)).toEqual(["x3"]);
  expect(on.said("x3")[0]).toContain("2 node(s) didn't match pod anti-affinity rules");
  on.putNode("b", { unschedulable: true });
  await settle();
  const constraint = { maxSkew: 1, topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "DoNotSchedule" };
  const spread = { topologySpreadConstraints: [{ ...constraint, labelSelector: { matchLabels: { app: "y" } } }] };
  on.putPod("y1", spread, { app: "y" });
  await settle();
  on.putPod("y2", spread, { app: "y" });
  await settle();
  expect(on.nodeOf("y1")).toBe("a");
  expect(on.said("y2")[0]).toContain(
    "1 node(s) didn't match pod topology spread constraints, 1 node(s) were unschedulable.",
  );
});
