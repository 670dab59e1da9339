import { expect, test } from "vitest";
import { manualClock } from "../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../kube/client.ts";
import {
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  storageClasses,
  type PersistentVolumeClaim,
  namespaces,
} from "../kube/kinds.ts";
import { recordingLog } from "../kube/testing/recording-log.fixture.ts";
import { seededRandom } from "../kube/testing/seeded-random.fixture.ts";
import { LabApi } from "./api/lab-api.ts";
import { MemoryNodeFiles } from "./kubelet/memory-node-files.ts";
import { ScriptedRuntime } from "./kubelet/runtimes/scripted-runtime.ts";
import { deployments, statefulSets } from "./objects/kinds.ts";
import { QueueController, type Process } from "./process/process.ts";
import { startControllers } from "./start.ts";
import { startController } from "./controllers/testing/fast-forward.fixture.ts";

/** A provisioner of the plainest kind. */
function provisioner(process: Process): QueueController {
  const client = new KubeClient(process.kube);
  const claims = process.informers.of(persistentVolumeClaims);
  const volumes = process.informers.of(persistentVolumes);
  const controller = new QueueController(process, { name: "provisioner" }, async (key) => {
    const claim: PersistentVolumeClaim | undefined = claims.store.get(key);
    const node = claim?.metadata?.annotations?.["volume.kubernetes.io/selected-node"];
    if (claim === undefined || node === undefined || claim.spec?.volumeName !== undefined) return;
    const { name = "", namespace = "", uid = "" } = claim.metadata ?? {};
    if (volumes.store.get(`pvc-${uid}`) !== undefined) return;
    const terms = [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [node] }] }];
    await client.create(persistentVolumes, {
      metadata: { name: `pvc-${uid}`, annotations: { "pv.kubernetes.io/provisioned-by": "example.com/p" } },
      spec: {
        capacity: { storage: "1Gi" },
        accessModes: ["ReadWriteOnce"],
        storageClassName: "slow",
        persistentVolumeReclaimPolicy: "Retain",
        claimRef: { kind: "PersistentVolumeClaim", apiVersion: "v1", namespace, uid, name },
        hostPath: { path: `/opt/${name}`, type: "DirectoryOrCreate" },
        nodeAffinity: { required: { nodeSelectorTerms: terms } },
      },
    });
  });
  claims.onChange(({ key }) => {
    controller.queue.add(key);
  });
  return controller;
}

async function life(seed: number) {
  const clock = manualClock();
  const random = seededRandom(seed);
  const log = recordingLog();
  const trace: string[] = [];
  const observe = ({ method, path }: { method: string; path: string }, code: number): void => {
    trace.push(`${clock.monotonic()} ${method} ${path} ${code}`);
  };
  const api = new LabApi({ clock, random, log }, { observe });
  const client = new KubeClient(api.kube());
  const machines = ["a", "b", "c"].map((name) => ({
    name,
    files: new MemoryNodeFiles(),
    runtime: new ScriptedRuntime({ clock, log }),
  }));
  const controllers = startControllers({ kube: api.kube(), clock, random, log }, { machines });
  api.servePodLogs(controllers.podLogs);
  const started = await startController(api.kube(), provisioner, { clock, random, log });
  await clock.advance(2_000);
  const binding = { provisioner: "example.com/p", volumeBindingMode: "WaitForFirstConsumer" };
  await client.create(storageClasses, { metadata: { name: "slow" }, ...binding });
  const workload = (app: string) => ({
    replicas: 2,
    selector: { matchLabels: { app } },
    template: { metadata: { labels: { app } }, spec: { containers: [{ name: "main", image: "x" }] } },
  });
  const resources = { requests: { storage: "1Gi" } };
  const claim = { accessModes: ["ReadWriteOnce"], storageClassName: "slow", resources };
  await client.create(statefulSets, {
    metadata: { name: "web", namespace: "default" },
    spec: {
      ...workload("web"),
      serviceName: "web",
      volumeClaimTemplates: [{ metadata: { name: "data" }, spec: claim }],
    },
  });
  const other = await client.create(namespaces, { metadata: { name: "other" } });
  const owner = { apiVersion: "v1", kind: "Namespace", name: "other", uid: other.metadata.uid };
  await client.create(persistentVolumes, {
    metadata: { name: "of-other", ownerReferences: [owner] },
    spec: { capacity: { storage: "1" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/of-other" } },
  });
  await client.create(deployments, { metadata: { name: "d", namespace: "other" }, spec: workload("d") });
  await clock.advance(30_000);
  const alive = (await client.list(pods)).map(({ metadata, status }) => [metadata?.namespace, status?.phase]);
  const bound = (await client.list(persistentVolumeClaims)).map(({ status }) => status?.phase);
  await client.delete(namespaces, { name: "other" });
  await client.delete(statefulSets, { name: "web", namespace: "default" }, { propagationPolicy: "Foreground" });
  await clock.advance(40_000);
  const owned = (await client.list(persistentVolumes)).filter(({ metadata }) => metadata.name === "of-other");
  const left = [await client.list(pods), await client.list(statefulSets), await client.list(deployments), owned].flat();
  const names = (await client.list(namespaces)).map(({ metadata }) => metadata?.name);
  await started.stop();
  await controllers.stop();
  const complaints = log.lines.filter(({ level }) => level === "error" || level === "warn").map(({ msg }) => msg);
  return { alive, bound, left, names, complaints, trace };
}

test("on the lab's own API workloads come to life with their volumes, and go with their owner and their namespace", async () => {
  const { alive, bound, left, names, complaints } = await life(3);
  expect(alive.toSorted(([a = ""], [b = ""]) => a.localeCompare(b))).toEqual([
    ["default", "Running"],
    ["default", "Running"],
    ["other", "Running"],
    ["other", "Running"],
  ]);
  expect(bound).toEqual(["Bound", "Bound"]);
  expect(left).toEqual([]);
  expect(names).not.toContain("other");
  expect(complaints).toEqual([]);
});

test("a run repeats exactly from its seed, to the millisecond of each request", async () => {
  const first = await life(5);
  const second = await life(5);
  expect(second.trace).toEqual(first.trace);
});
