import { afterEach, expect, test } from "vitest";
import { manualClock } from "../effects/testing/manual-clock.fixture.ts";
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from "../kube/kinds.ts";
import { seededRandom } from "../kube/testing/seeded-random.fixture.ts";
import { silentLog } from "../observe/log.ts";
import { LabKube } from "./api/testing/lab-kube.fixture.ts";
import { MemoryNodeFiles } from "./kubelet/memory-node-files.ts";
import { ScriptedRuntime } from "./kubelet/runtimes/scripted-runtime.ts";
import { MANAGER, SCHEDULER, startControllers, type Controllers } from "./start.ts";

const CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims";
const PODS = "/api/v1/namespaces/default/pods";
const running: Controllers[] = [];
afterEach(async () => {
  for (const controllers of running.splice(0)) await controllers.stop();
});

/**
 * Three nodes, all controllers, and a provisioner that makes a volume as soon as a claim has its
 * node.
 */
async function start(seed = 1) {
  const clock = manualClock();
  const random = seededRandom(seed);
  const kube = new LabKube({ clock, random });
  const machines = ["a", "b", "c"].map((name) => ({
    name,
    files: new MemoryNodeFiles(),
    runtime: new ScriptedRuntime({ clock, log: silentLog }),
  }));
  kube.put("/apis/storage.k8s.io/v1/storageclasses/slow", {
    metadata: { name: "slow" },
    provisioner: "example.com/p",
    volumeBindingMode: "WaitForFirstConsumer",
    reclaimPolicy: "Delete",
  } as never);
  kube.onWrite(CLAIMS, (_, object) => {
    const claim = object as PersistentVolumeClaim;
    const node = claim.metadata?.annotations?.["volume.kubernetes.io/selected-node"];
    const name = `pvc-${claim.metadata?.uid ?? ""}`;
    const { namespace = "", uid = "" } = claim.metadata ?? {};
    if (node === undefined || claim.metadata?.annotations?.["volume.kubernetes.io/storage-provisioner"] === undefined)
      return;
    if (kube.at(`/api/v1/persistentvolumes/${name}`) !== undefined) return;
    const terms = [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [node] }] }];
    kube.put(`/api/v1/persistentvolumes/${name}`, {
      metadata: { name, annotations: { "pv.kubernetes.io/provisioned-by": "example.com/p" } },
      spec: {
        capacity: { storage: "1Gi" },
        accessModes: ["ReadWriteOnce"],
        storageClassName: "slow",
        persistentVolumeReclaimPolicy: "Delete",
        claimRef: { namespace, uid, name: claim.metadata?.name ?? "" },
        hostPath: { path: `/opt/${name}`, type: "DirectoryOrCreate" },
        nodeAffinity: { required: { nodeSelectorTerms: terms } },
      },
      status: { phase: "Pending" },
    } as PersistentVolume);
  });
  const controllers = startControllers({ kube, clock, random, log: silentLog }, { machines });
  running.push(controllers);
  await clock.advance(2_000);
  const pod = (name: string) => kube.at(`${PODS}/${name}`) as Pod | undefined;
  return { kube, clock, controllers, machines, pod };
}

function putSet(on: Awaited<ReturnType<typeof start>>, replicas: number): void {
  const spec = {
    accessModes: ["ReadWriteOnce"],
    storageClassName: "slow",
    resources: { requests: { storage: "1Gi" } },
  };
  const containers = [{ name: "main", image: "x", volumeMounts: [{ name: "data", mountPath: "/data" }] }];
  on.kube.put("/apis/apps/v1/namespaces/default/statefulsets/web", {
    metadata: { name: "web", namespace: "default" },
    spec: {
      replicas,
      serviceName: "web",
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers } },
      volumeClaimTemplates: [{ metadata: { name: "data" }, spec }],
    },
  } as never);
}

test("a StatefulSet's pods come one after the other, each with its claim bound on its node", async () => {
  const on = await start();
  putSet(on, 3);
  await on.clock.advance(20_000);
  const nodes = ["web-0", "web-1", "web-2"].map((name) => on.pod(name)?.spec?.nodeName);
  expect(["web-0", "web-1", "web-2"].map((name) => on.pod(name)?.status?.phase)).toEqual(Array(3).fill("Running"));
  expect(new Set(nodes).size).toBe(3);
  const claim = on.kube.at(`${CLAIMS}/data-web-0`) as PersistentVolumeClaim;
  expect(claim).toMatchObject({
    metadata: { finalizers: ["kubernetes.io/pvc-protection"] },
    status: { phase: "Bound" },
  });
  const machine = on.machines.find(({ name }) => name === on.pod("web-0")?.spec?.nodeName);
  expect(machine?.files.names("/opt")).toEqual([claim.spec?.volumeName]);
  expect(on.kube.at("/apis/apps/v1/namespaces/default/statefulsets/web")).toMatchObject({
    status: { replicas: 3, readyReplicas: 3 },
  });
});

test("a pod whose node is cordoned and which is deleted stays Pending with the scheduler's words until the uncordon", async () => {
  const on = await start();
  putSet(on, 1);
  await on.clock.advance(10_000);
  const nodeName = on.pod("web-0")?.spec?.nodeName ?? "";
  const path = `/api/v1/nodes/${nodeName}`;
  const cordon = (unschedulable: boolean): void => {
    const node = on.kube.at(path) as Node;
    on.kube.put(path, { ...node, spec: { ...node.spec, unschedulable } } as Node);
  };
  cordon(true);
  await on.kube.delete(`${PODS}/web-0`);
  await on.clock.advance(10_000);
  expect((on.kube.at(path) as Node).spec?.taints?.[0]?.key).toBe("node.kubernetes.io/unschedulable");
  expect(on.pod("web-0")?.status?.conditions?.find(({ type }) => type === "PodScheduled")?.message).toBe(
    "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match PersistentVolume's node affinity. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
  );
  cordon(false);
  await on.clock.advance(15_000);
  expect(on.pod("web-0")?.spec?.nodeName).toBe(nodeName);
  expect(on.pod("web-0")?.status?.phase).toBe("Running");
});

test("a claim that a pod uses is kept until the pod is gone, then its volume is Released", async () => {
  const on = await start();
  putSet(on, 1);
  await on.clock.advance(10_000);
  const volumeName = (on.kube.at(`${CLAIMS}/data-web-0`) as PersistentVolumeClaim).spec?.volumeName ?? "";
  await on.kube.delete(`${CLAIMS}/data-web-0`);
  await on.clock.advance(5_000);
  expect(on.kube.at(`${CLAIMS}/data-web-0`)?.metadata?.deletionTimestamp).toBeDefined();
  putSet(on, 0);
  await on.clock.advance(5_000);
  expect(on.pod("web-0")).toBeUndefined();
  expect(on.kube.at(`${CLAIMS}/data-web-0`)).toBeUndefined();
  expect(on.kube.at(`/api/v1/persistentvolumes/${volumeName}`)).toMatchObject({ status: { phase: "Released" } });
});

test("a Deployment changes its template by rolling, and what is deleted with it is collected", async () => {
  const on = await start();
  const path = "/apis/apps/v1/namespaces/default/deployments/d";
  const put = (image: string): void => {
    on.kube.put(path, {
      metadata: { name: "d", namespace: "default" },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: "d" } },
        template: { metadata: { labels: { app: "d" } }, spec: { containers: [{ name: "main", image }] } },
      },
    } as never);
  };
  const images = (): (string | undefined)[] =>
    on.kube
      .list(PODS)
      .map((object) => object as Pod)
      .filter((pod) => pod.metadata?.deletionTimestamp === undefined)
      .map((pod) => pod.spec?.containers[0]?.image);
  put("one");
  await on.clock.advance(5_000);
  expect(images()).toEqual(["one", "one"]);
  put("two");
  await on.clock.advance(10_000);
  expect(images()).toEqual(["two", "two"]);
  on.kube.remove(path);
  await on.clock.advance(10_000);
  expect(on.kube.list(PODS)).toEqual([]);
  expect(on.kube.list("/apis/apps/v1/namespaces/default/replicasets")).toEqual([]);
});

test("a node whose plug is pulled becomes Unknown and unreachable, and Ready again when it is switched on", async () => {
  const on = await start();
  const ready = () => (on.kube.at("/api/v1/nodes/a") as Node).status?.conditions?.find(({ type }) => type === "Ready");
  const keys = () =>
    ((on.kube.at("/api/v1/nodes/a") as Node).spec?.taints ?? []).map(({ key, effect }) => `${key}:${effect}`);
  on.controllers.pullPlug("a");
  await on.clock.advance(45_000);
  expect(ready()?.status).toBe("True");
  await on.clock.advance(20_000);
  expect(ready()).toMatchObject({ status: "Unknown", reason: "NodeStatusUnknown" });
  expect(keys()).toEqual(["node.kubernetes.io/unreachable:NoSchedule", "node.kubernetes.io/unreachable:NoExecute"]);
  on.controllers.restart("kubelet/a");
  await on.clock.advance(20_000);
  expect(ready()?.status).toBe("True");
  expect(keys()).toEqual([]);
});

test("a scheduler that dies after its first write leaves the rest to the next one", async () => {
  const on = await start();
  on.controllers.killAfterWrites(SCHEDULER, 1);
  putSet(on, 1);
  await on.clock.advance(5_000);
  expect(on.controllers.isRunning(SCHEDULER)).toBe(false);
  expect(on.pod("web-0")?.spec?.nodeName).toBeUndefined();
  on.controllers.restart(SCHEDULER);
  await on.clock.advance(10_000);
  expect(on.pod("web-0")?.status?.phase).toBe("Running");
});

test("a manager that is killed writes nothing more", async () => {
  const on = await start();
  on.controllers.kill(MANAGER);
  putSet(on, 1);
  await on.clock.advance(5_000);
  expect(on.pod("web-0")).toBeUndefined();
});

test("two runs of one seed send the same requests in the same order", async () => {
  const traces: string[][] = [];
  for (let run = 0; run < 2; run += 1) {
    const on = await start(7);
    putSet(on, 2);
    await on.clock.advance(40_000);
    await running.pop()?.stop();
    traces.push(on.kube.log);
  }
  expect(traces[0]?.length).toBeGreaterThan(100);
  expect(traces[0]).toEqual(traces[1]);
});
