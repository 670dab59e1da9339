// A big cluster as it is when nothing happens, with objects as large as an API server's: nodes with
// their images, pods with what an admission controller and a kubelet add, and managedFields.
import { localVolumes } from "../../../src/api/kinds/local-volume.ts";
import { storageNodes, type StorageNode } from "../../../src/api/kinds/storage-node.ts";
import { storagePools } from "../../../src/api/kinds/storage-pool.ts";
import { volumeCopies } from "../../../src/api/kinds/volume-copy.ts";
import {
  BIND_COMPLETED,
  BOUND_BY_CONTROLLER,
  CONTROLLER,
  COPY_FINALIZER,
  DRIVER,
  LOCAL_VOLUME_FINALIZER,
  PROVISIONED_BY,
  SELECTED_NODE,
  STORAGE_NODE_FINALIZER,
  STORAGE_PROVISIONER,
  VOLUME_FINALIZER,
} from "../../../src/api/names.ts";
import { localVolumeSpec } from "../../../src/api/testing/local-volume.fixture.ts";
import { systemRandom } from "../../../src/effects/node/random.ts";
import { nodes, persistentVolumeClaims, persistentVolumes, pods, storageClasses } from "../../../src/kube/kinds.ts";
import type { KubeObject, Stored } from "../../../src/kube/objects.ts";
import { pathOf, type Resource } from "../../../src/kube/resource.ts";
import { deployments } from "../../../src/lab/index.ts";
import type { LabKube, Put } from "../../../src/lab/api/testing/lab-kube.fixture.ts";
import { keeperPod } from "../../../src/movable/keepers/pod.ts";
import { persistentVolumePart } from "../../../src/movable/local-volume.ts";

export const NAMESPACE = "mooring";
export const CONTROLLER_POD = "mooring-controller-0";
/** The node of which the agent runs. */
export const AGENTS_NODE = nodeName(0);
const IMAGE = "ghcr.io/mooring-dev/mooring:bench";
const WHEN = "2026-11-29T00:00:00Z";

const random = systemRandom();
const uuid = (): string => random.uuid();

/** Fills the lab. `root` is where the pool is on the node whose agent runs. */
export function fill(lab: LabKube, size: { nodes: number; volumes: number; root: string }): void {
  const put = (resource: Resource, metadata: KubeObject["metadata"], rest: object): void => {
    const object = { metadata: { ...metadata, managedFields: managedFields(rest) }, ...rest } as Put;
    lab.put(pathOf(resource, { name: metadata?.name ?? "", namespace: metadata?.namespace }), object);
  };
  putProduct(put, size.root);
  for (let at = 0; at < size.nodes; at += 1) putNode(put, nodeName(at), size.root);
  for (let at = 0; at < size.volumes; at += 1) putVolume(put, at, nodeName(at % size.nodes));
}

type PutObject = (resource: Resource, metadata: KubeObject["metadata"], rest: object) => void;

function nodeName(index: number): string {
  return `ip-10-0-${String(index >> 8)}-${String(index & 255)}.eu-central-1.compute.internal`;
}

/** The Deployment must be there: without it a controller that ends removes all finalizers. */
function putProduct(put: PutObject, root: string): void {
  const labels = { "app.kubernetes.io/name": "mooring", "app.kubernetes.io/component": "controller" };
  const spec = { containers: [{ name: "controller", image: IMAGE }] };
  put(
    deployments,
    { name: CONTROLLER, namespace: NAMESPACE },
    { spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } } },
  );
  put(pods, { name: CONTROLLER_POD, namespace: NAMESPACE, labels }, { spec: { ...spec, nodeName: AGENTS_NODE } });
  put(storagePools, { name: "default" }, { spec: { path: `${root}/default`, backend: "Directory", reserve: "0" } });
  put(storageClasses, { name: "mooring" }, { provisioner: DRIVER, volumeBindingMode: "WaitForFirstConsumer" });
}

function putNode(put: PutObject, name: string, root: string): void {
  const uid = uuid();
  const capacity = { cpu: "16", memory: "64Gi", pods: "110", "ephemeral-storage": "1Ti", "hugepages-2Mi": "0" };
  const labels = {
    "kubernetes.io/hostname": name,
    "kubernetes.io/os": "linux",
    "kubernetes.io/arch": "amd64",
    "node.kubernetes.io/instance-type": "m6id.4xlarge",
    "topology.kubernetes.io/region": "eu-central-1",
    "topology.kubernetes.io/zone": "eu-central-1a",
  };
  const conditions = ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"].map((type) => ({
    type,
    status: type === "Ready" ? "True" : "False",
    reason: "KubeletReady",
    message: "kubelet is posting ready status",
    lastHeartbeatTime: WHEN,
    lastTransitionTime: WHEN,
  }));
  const images = Array.from({ length: 50 }, (_, at) => {
    const repository = `registry.example.com/team-${String(at)}/service`;
    return {
      names: [`${repository}@sha256:${"0".repeat(64)}`, `${repository}:v1.2.${String(at)}`],
      sizeBytes: 123_456,
    };
  });
  const addresses = [
    { type: "InternalIP", address: "10.0.0.1" },
    { type: "Hostname", address: name },
  ];
  put(nodes, { name, labels }, { status: { capacity, allocatable: capacity, conditions, images, addresses } });
  const pool = { name: "default", path: `${root}/default`, uuid: uuid(), ready: true, reason: "Ready" };
  const space = { capacityBytes: 1e12, availableBytes: 9e11, inodes: 0, inodesFree: 0 };
  const agent = { address: "10.0.0.1", port: 9899, fingerprints: ["0".repeat(64)], version: "bench" };
  const owner = { name, uid, finalizers: [STORAGE_NODE_FINALIZER] };
  put(storageNodes, owner, {
    status: { agent, bootID: uuid(), renewedAt: WHEN, readyPools: "1/1", pools: [{ ...pool, ...space }] },
  });
  const node = { metadata: { name, uid, resourceVersion: "1" } } satisfies Stored<StorageNode>;
  const keeper = keeperPod(node, uuid().slice(0, 5), { namespace: NAMESPACE, image: IMAGE });
  const { metadata, ...rest } = keeper;
  put(pods, metadata, { ...rest, status: { phase: "Running", conditions: podConditions() } });
}

/** A claim with all that belongs to it, of a pod of a StatefulSet that is Running. */
function putVolume(put: PutObject, index: number, node: string): void {
  const namespace = `team-${String(index % 50)}`;
  const [claimUid, incarnation] = [uuid(), uuid()];
  const name = `pvc-${claimUid}`;
  const claim = `data-db-${String(index)}`;
  const common = { accessModes: ["ReadWriteOnce"], storageClassName: "mooring", volumeMode: "Filesystem" };
  const capacity = { storage: "10Gi" };
  const volume = localVolumeSpec(node, {
    capacity: "10Gi",
    incarnation,
    claim: { namespace, name: claim, uid: claimUid },
  });
  const finalizers = [LOCAL_VOLUME_FINALIZER];
  put(localVolumes, { name, finalizers }, { spec: volume });
  const part = persistentVolumePart({ metadata: { name, uid: name, resourceVersion: "1" }, spec: volume });
  const claimRef = { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name: claim, uid: claimUid };
  put(
    persistentVolumes,
    {
      name,
      annotations: { [PROVISIONED_BY]: DRIVER },
      finalizers: ["kubernetes.io/pv-protection", VOLUME_FINALIZER],
    },
    {
      spec: { ...common, ...part.spec, capacity, claimRef, persistentVolumeReclaimPolicy: "Delete" },
      status: { phase: "Bound", lastPhaseTransitionTime: WHEN },
    },
  );
  const copy = { epoch: 1, directory: "1", state: "Active", incarnation, poolUUID: incarnation };
  put(
    volumeCopies,
    { name: `${name}-${String(index)}`, finalizers: [COPY_FINALIZER] },
    {
      spec: { volume: name, nodeName: node },
      status: { copies: [{ ...copy, publishedTo: [uuid()], bytes: 123_456_789, files: 1_234 }] },
    },
  );
  put(
    persistentVolumeClaims,
    {
      name: claim,
      namespace,
      uid: claimUid,
      labels: { app: "db" },
      finalizers: ["kubernetes.io/pvc-protection"],
      annotations: {
        [BIND_COMPLETED]: "yes",
        [BOUND_BY_CONTROLLER]: "yes",
        [SELECTED_NODE]: node,
        [STORAGE_PROVISIONER]: DRIVER,
      },
    },
    {
      spec: { ...common, resources: { requests: capacity }, volumeName: name },
      status: { phase: "Bound", accessModes: ["ReadWriteOnce"], capacity },
    },
  );
  putPod(put, { name: `db-${String(index)}`, namespace, node, claim });
}

function putPod(put: PutObject, at: { name: string; namespace: string; node: string; claim: string }): void {
  const { name, namespace, node, claim } = at;
  const image = "registry.example.com/team/database:15.4";
  const mounts = [
    { name: "data", mountPath: "/var/lib/data" },
    { name: "kube-api-access", mountPath: "/var/run/secrets/kubernetes.io/serviceaccount", readOnly: true },
  ];
  const env = Array.from({ length: 10 }, (_, n) => ({ name: `SETTING_${String(n)}`, value: "a value of a setting" }));
  const probe = { httpGet: { path: "/healthz", port: 8080 }, periodSeconds: 10, failureThreshold: 3 };
  const notReady = { operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 };
  const owner = { apiVersion: "apps/v1", kind: "StatefulSet", name: "db", uid: uuid(), controller: true };
  put(
    pods,
    {
      name,
      namespace,
      generateName: "db-",
      labels: { app: "db", "statefulset.kubernetes.io/pod-name": name, "controller-revision-hash": "db-6d4cf56db6" },
      ownerReferences: [owner],
    },
    {
      spec: {
        nodeName: node,
        serviceAccountName: "default",
        containers: [{ name: "main", image, env, volumeMounts: mounts, livenessProbe: probe, readinessProbe: probe }],
        tolerations: ["not-ready", "unreachable"].map((one) => ({ ...notReady, key: `node.kubernetes.io/${one}` })),
        volumes: [
          { name: "data", persistentVolumeClaim: { claimName: claim } },
          { name: "kube-api-access", projected: { sources: [{ serviceAccountToken: { path: "token" } }] } },
        ],
      },
      status: {
        phase: "Running",
        podIP: "10.1.2.3",
        hostIP: "10.0.0.1",
        startTime: WHEN,
        conditions: podConditions(),
        containerStatuses: [
          { name: "main", image, imageID: `${image}@sha256`, ready: true, restartCount: 0, started: true },
        ],
      },
    },
  );
}

function podConditions(): object[] {
  return ["Initialized", "Ready", "ContainersReady", "PodScheduled"].map((type) => ({
    type,
    status: "True",
    lastProbeTime: null,
    lastTransitionTime: WHEN,
  }));
}

/** Two writers, each of whom owns all fields: about as long as on a real cluster. */
function managedFields(object: object): NonNullable<KubeObject["metadata"]>["managedFields"] {
  const fieldsV1 = ownedFields(object);
  return ["kube-controller-manager", "mooring"].map((manager) => ({
    manager,
    operation: "Update",
    apiVersion: "v1",
    time: WHEN,
    fieldsType: "FieldsV1",
    fieldsV1,
  }));
}

function ownedFields(value: unknown): object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [`f:${key}`, ownedFields(one)]));
}
