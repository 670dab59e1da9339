import type { KubeClient } from "../../../src/kube/client.ts";
import { nodes, persistentVolumeClaims, persistentVolumes, pods } from "../../../src/kube/kinds.ts";

/** Requests under way at once. */
const WIDTH = 32;

/** Makes so many nodes. */
export async function createNodes(client: KubeClient, count: number): Promise<void> {
  await each(count, async (index) => {
    const name = `node-${String(index)}`;
    const labels = { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64" };
    const capacity = { cpu: "16", memory: "64Gi", pods: "110", "ephemeral-storage": "1Ti" };
    const conditions = ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"].map((type) => ({
      type,
      status: type === "Ready" ? ("True" as const) : ("False" as const),
      reason: "Bench",
      message: "a Node object without a machine",
    }));
    await client.create(nodes, { metadata: { name, labels }, status: { capacity, allocatable: capacity, conditions } });
  });
}

/**
 * Makes so many pods, each with a claim that is bound to a volume on its node: six writes, as the
 * parts of a cluster make them.
 */
export async function createVolumes(client: KubeClient, count: number, nodeCount: number): Promise<void> {
  await each(count, async (index) => {
    const name = `data-db-${String(index)}`;
    const node = `node-${String(index % nodeCount)}`;
    const at = { name, namespace: "default" };
    const resources = { requests: { storage: "10Gi" } };
    const annotations = {
      "volume.kubernetes.io/selected-node": node,
      "volume.kubernetes.io/storage-provisioner": "rancher.io/local-path",
      "pv.kubernetes.io/bind-completed": "yes",
      "pv.kubernetes.io/bound-by-controller": "yes",
    };
    const common = { accessModes: ["ReadWriteOnce"], storageClassName: "local-path" };
    const { metadata } = await client.create(persistentVolumeClaims, {
      metadata: { ...at, labels: { app: "db" }, annotations },
      spec: { ...common, resources, volumeName: `pvc-${name}` },
    });
    await client.create(persistentVolumes, {
      metadata: { name: `pvc-${name}`, annotations: { "pv.kubernetes.io/provisioned-by": "rancher.io/local-path" } },
      spec: {
        ...common,
        capacity: { storage: "10Gi" },
        claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", ...at, uid: metadata?.uid ?? "" },
        hostPath: { path: `/opt/local-path-provisioner/${name}`, type: "DirectoryOrCreate" },
        persistentVolumeReclaimPolicy: "Delete",
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [node] }] },
            ],
          },
        },
      },
    });
    const status = { subresource: "status" } as const;
    await client.patchMerge(persistentVolumes, { name: `pvc-${name}` }, { status: { phase: "Bound" } }, status);
    const bound = { phase: "Bound", accessModes: ["ReadWriteOnce"], capacity: { storage: "10Gi" } };
    await client.patchMerge(persistentVolumeClaims, at, { status: bound }, status);
    const pod = { name: `db-${String(index)}`, namespace: "default" };
    await client.create(pods, {
      metadata: { ...pod, labels: { app: "db", "statefulset.kubernetes.io/pod-name": pod.name } },
      spec: {
        nodeName: node,
        containers: [{ name: "main", image: "busybox:1", volumeMounts: [{ name: "data", mountPath: "/data" }] }],
        volumes: [{ name: "data", persistentVolumeClaim: { claimName: name } }],
      },
    });
    const conditions = ["Initialized", "Ready", "ContainersReady", "PodScheduled"].map((type) => ({
      type,
      status: "True",
    }));
    await client.patchMerge(pods, pod, { status: { phase: "Running", conditions } }, status);
  });
}

/** Changes a label of every pod. */
export async function labelPods(client: KubeClient, count: number): Promise<void> {
  await each(count, async (index) => {
    const at = { name: `db-${String(index)}`, namespace: "default" };
    await client.patchMerge(pods, at, { metadata: { labels: { seen: "yes" } } });
  });
}

/** Calls `make` for 0 … count-1, some at once. */
async function each(count: number, make: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await make(next++);
  };
  await Promise.all(Array.from({ length: WIDTH }, worker));
}
