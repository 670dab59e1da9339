import { afterEach, beforeEach, expect, it } from "vitest";
import { SELECTED_NODE, STORAGE_PROVISIONER } from "../../api/names.ts";
import { systemRandom } from "../../effects/node/random.ts";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import { Informer } from "../../kube/watch/informer.ts";
import {
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  storageClasses,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type StorageClass,
} from "../../kube/kinds.ts";
import { manyListeners } from "../../kube/many-listeners.ts";
import { silentLog } from "../../observe/log.ts";
import { volumeIndexes } from "../../provision/indexes.ts";
import { runProvisioner } from "../../provision/provisioner.ts";
import { succeeds, TestCluster } from "../testing/cluster.fixture.ts";
import { claim, node, storageClass, volume } from "../testing/objects.fixture.ts";

/* The provisioning loop with the classic driver. */

const VOLUMES = "/api/v1/persistentvolumes/";
const CLAIMS = "/api/v1/namespaces/shop/persistentvolumeclaims/";
const uid = (at: number): string => `0b1f0c1e-7d1c-4d6c-9c0a-${String(at).padStart(12, "0")}`;

let cluster = new TestCluster();
let stop = new AbortController();
let leading = true;

beforeEach(async () => {
  cluster = await new TestCluster().start();
  stop = new AbortController();
  manyListeners(stop.signal);
  leading = true;
});
afterEach(() => {
  cluster.stop.abort();
  stop.abort();
});

async function start(): Promise<void> {
  const { client, clock } = cluster;
  const deps = { client, clock, random: systemRandom(), log: silentLog, freeze: true };
  const informers = {
    claims: new Informer<PersistentVolumeClaim>(deps, { resource: persistentVolumeClaims }),
    volumes: new Informer<PersistentVolume>(deps, { resource: persistentVolumes, indexes: volumeIndexes }),
    classes: new Informer<StorageClass>(deps, { resource: storageClasses }),
    nodes: new Informer<Node>(deps, { resource: nodes }),
  };
  for (const informer of Object.values(informers)) void informer.run(stop.signal).catch(() => undefined);
  await settle();
  void runProvisioner(
    {
      ...deps,
      ...informers,
      recorder: { record: () => undefined },
      isLeading: () => leading,
    },
    [cluster.driver()],
    { express: false, owner: "test", namespace: "test" },
    stop.signal,
  );
  await settle();
}

function released(at: number): PersistentVolume {
  const name = `pvc-${uid(at)}`;
  const pv = volume({ name, path: `/opt/lpp/${name}_shop_c${at}` });
  return { ...pv, spec: { ...pv.spec, claimRef: { namespace: "shop", name: `c${at}`, uid: uid(at) } } };
}

function putClaim(at: number, name = `c${at}`): void {
  const pvc = claim({ uid: uid(at), name });
  cluster.kube.put(`${CLAIMS}${name}`, {
    ...pvc,
    metadata: {
      ...pvc.metadata,
      annotations: { [STORAGE_PROVISIONER]: "rancher.io/local-path", [SELECTED_NODE]: "node-a" },
    },
    spec: { ...pvc.spec, storageClassName: "local-path" },
    status: { phase: "Pending" },
  } as never);
}

async function seventeen(): Promise<void> {
  // Twelve teardowns hold all turns of the node that removals may have; the others wait.
  cluster.kubelet = () => undefined;
  for (let at = 1; at <= 17; at++) await cluster.putVolume(released(at));
  await start();
  await settle(60);
  expect(cluster.ran).toHaveLength(12);
}

const LAST = `pvc-${uid(17)}`;
const lastRan = (): boolean => cluster.ran.some((line) => line.includes(LAST));

it("a volume that an administrator sets to Retain while its teardown waits for its turn keeps its data", async () => {
  await seventeen();
  expect(lastRan()).toBe(false);
  const pv = cluster.kube.at(`${VOLUMES}${LAST}`) as PersistentVolume;
  await cluster.putVolume({ ...pv, spec: { ...pv.spec, persistentVolumeReclaimPolicy: "Retain" } });
  await cluster.setStatus(`helper-pod-delete-pvc-${uid(1)}`, { phase: "Succeeded" });
  await settle(60);
  expect({ dataRemoved: lastRan() }).toEqual({ dataRemoved: false });
});

it("the same for one that is bound to a new claim meanwhile", async () => {
  await seventeen();
  const pv = cluster.kube.at(`${VOLUMES}${LAST}`) as PersistentVolume;
  await cluster.putVolume({
    ...pv,
    spec: { ...pv.spec, claimRef: { namespace: "shop", name: "rescued", uid: uid(99) } },
    status: { phase: "Bound" },
  });
  await cluster.setStatus(`helper-pod-delete-pvc-${uid(1)}`, { phase: "Succeeded" });
  await settle(60);
  expect({ dataRemoved: lastRan() }).toEqual({ dataRemoved: false });
});

it("the same for one whose directory a volume made by hand uses meanwhile", async () => {
  await seventeen();
  const path = released(17).spec?.hostPath?.path ?? "";
  const byHand = volume({ name: "rescue", path, annotations: {}, status: { phase: "Bound" } });
  await cluster.putVolume(byHand);
  await cluster.setStatus(`helper-pod-delete-pvc-${uid(1)}`, { phase: "Succeeded" });
  await settle(60);
  expect({ dataRemoved: lastRan() }).toEqual({ dataRemoved: false });
});

it("the same for a PersistentVolume that was deleted meanwhile (kubectl delete pv keeps the data)", async () => {
  await seventeen();
  cluster.kube.remove(`${VOLUMES}${LAST}`);
  await settle();
  await cluster.setStatus(`helper-pod-delete-pvc-${uid(1)}`, { phase: "Succeeded" });
  await settle(60);
  expect({ dataRemoved: lastRan() }).toEqual({ dataRemoved: false });
});

it("a leader whose term ended while it waited for a turn starts no teardown (a stalled process runs on before its timers fire)", async () => {
  await seventeen();
  leading = false;
  await cluster.setStatus(`helper-pod-delete-pvc-${uid(1)}`, { phase: "Succeeded" });
  await settle(60);
  expect({ dataRemoved: lastRan() }).toEqual({ dataRemoved: false });
});

it("one leftover on a dead node does not end the sweep for all others", async () => {
  cluster.kubelet = () => undefined;
  cluster.kube.put("/apis/storage.k8s.io/v1/storageclasses/local-path", storageClass() as never);
  await start();
  putClaim(1);
  await settle(40);
  const stuck = `helper-pod-create-pvc-${uid(1)}`;
  await cluster.setStatus(stuck, { phase: "Running" });
  cluster.kube.put("/api/v1/nodes/node-a", node("node-a", {}, false));
  cluster.endsDeleted = (pod) => pod.metadata?.name !== stuck;
  cluster.kube.remove(`${CLAIMS}c1`);
  await settle(60);
  // Another claim, on a healthy node, is deleted while it is made.
  const other = `helper-pod-create-pvc-${uid(2)}`;
  const pvc = claim({ uid: uid(2), name: "c2" });
  cluster.kube.put(`${CLAIMS}c2`, {
    ...pvc,
    metadata: {
      ...pvc.metadata,
      annotations: { [STORAGE_PROVISIONER]: "rancher.io/local-path", [SELECTED_NODE]: "node-b" },
    },
    spec: { ...pvc.spec, storageClassName: "local-path" },
    status: { phase: "Pending" },
  } as never);
  await settle(60);
  expect(cluster.pod(other)).toBeDefined();
  await cluster.setStatus(other, { phase: "Running" });
  cluster.kube.remove(`${CLAIMS}c2`);
  await settle(60);
  cluster.kubelet = succeeds;
  for (let at = 0; at < 40; at++) await cluster.clock.advance(30_000);
  expect(cluster.pod(other)).toBeUndefined();
});

it("a teardown pod that has not begun is taken back when the volume becomes Retain", async () => {
  cluster.kubelet = () => undefined;
  await cluster.putVolume(released(1));
  await start();
  const pod = `helper-pod-delete-pvc-${uid(1)}`;
  expect(cluster.pod(pod)?.status?.phase).toBe("Pending");
  const pv = cluster.kube.at(`${VOLUMES}pvc-${uid(1)}`) as PersistentVolume;
  await cluster.putVolume({ ...pv, spec: { ...pv.spec, persistentVolumeReclaimPolicy: "Retain" } });
  await settle(60);
  await cluster.clock.advance(10_000);
  expect(cluster.pod(pod)).toBeUndefined();
});
