import { Registry } from "prom-client";
import { PROVISIONED_BY, SELECTED_NODE, STORAGE_PROVISIONER } from "../../api/names.ts";
import { systemRandom } from "../../effects/node/random.ts";
import { manualClock, settle } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../../kube/client.ts";
import { Informer } from "../../kube/watch/informer.ts";
import {
  nodes,
  pods,
  persistentVolumeClaims,
  persistentVolumes,
  storageClasses,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  type StorageClass,
} from "../../kube/kinds.ts";
import { manyListeners } from "../../kube/many-listeners.ts";
import { KubeMetrics } from "../../kube/metrics.ts";
import { LabKube } from "../../lab/api/testing/lab-kube.fixture.ts";
import { silentLog } from "../../observe/log.ts";
import type { Driver } from "../driver.ts";
import type { EventContent } from "../events.ts";
import { podIndexes, volumeIndexes } from "../indexes.ts";
import { provisionMetrics } from "../metrics.ts";
import { runProvisioner, type ProvisionerOptions } from "../provisioner.ts";
import { refusalOf } from "../refusals.ts";
import type { RetryPolicy } from "../retry-policy.ts";

export const PROVISIONER = "example.com/fake";
const CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims/";
const VOLUMES = "/api/v1/persistentvolumes/";

const RETRY: RetryPolicy = { firstMs: 15_000, longestMs: 1_000_000, limit: 15, restingMs: 900_000 };

/** A driver that makes nothing and remembers what it was asked. */
export function fakeDriver(overrides: Partial<Driver> = {}): Driver & { readonly calls: string[] } {
  const calls: string[] = [];
  return {
    calls,
    name: "fake",
    provisioner: PROVISIONER,
    retry: { provision: RETRY, reclaim: RETRY },
    refusal: refusalOf(PROVISIONER),
    admit: () => undefined,
    chooseNode: (_, candidates) => candidates[0],
    provision: ({ volumeName, node }) => {
      calls.push(`provision ${volumeName} on ${node?.metadata?.name ?? "no node"}`);
      return Promise.resolve({ annotations: { made: "yes" }, spec: { hostPath: { path: `/data/${volumeName}` } } });
    },
    stored: (name) => {
      calls.push(`stored ${name}`);
      return Promise.resolve();
    },
    attempts: () => [],
    removeAttempt: (name) => {
      calls.push(`removeAttempt ${name}`);
      return Promise.resolve();
    },
    remove: (volume) => {
      calls.push(`remove ${volume.metadata?.name ?? ""}`);
      return Promise.resolve({ outcome: "removed" } as const);
    },
    ...overrides,
  };
}

/** What a PersistentVolume must have, whatever else a test says of it. */
export const VOLUME_SPEC = {
  capacity: { storage: "1Gi" },
  accessModes: ["ReadWriteOnce"],
  hostPath: { path: "/data" },
} as const satisfies PersistentVolume["spec"];

/** The provisioning loop on the lab's API server, with a driver of the test's. */
export async function startProvisioner(drivers: Driver | readonly Driver[], options: Partial<ProvisionerOptions> = {}) {
  const clock = manualClock();
  const kube = new LabKube({ clock });
  const client = new KubeClient(kube);
  const deps = { client, clock, random: systemRandom(), log: silentLog, freeze: true };
  const stop = new AbortController();
  manyListeners(stop.signal);
  const informers = {
    claims: new Informer<PersistentVolumeClaim>(deps, { resource: persistentVolumeClaims }),
    volumes: new Informer<PersistentVolume>(deps, { resource: persistentVolumes, indexes: volumeIndexes }),
    classes: new Informer<StorageClass>(deps, { resource: storageClasses }),
    nodes: new Informer<Node>(deps, { resource: nodes }),
    pods: new Informer<Pod>(deps, { resource: pods, indexes: podIndexes }),
  };
  const registry = new Registry();
  const metrics = provisionMetrics(registry);
  const kubeMetrics = new KubeMetrics(registry);
  const leading = { now: true };
  const events: (EventContent & { about: string })[] = [];
  const recorder = {
    record: (about: { kind: string; name: string }, event: EventContent) => {
      events.push({ ...event, about: `${about.kind} ${about.name}` });
    },
  };
  kube.put("/apis/storage.k8s.io/v1/storageclasses/fast", {
    metadata: { name: "fast" },
    provisioner: PROVISIONER,
    reclaimPolicy: "Delete",
    volumeBindingMode: "WaitForFirstConsumer",
  } as StorageClass);
  kube.put("/apis/storage.k8s.io/v1/storageclasses/now", {
    metadata: { name: "now" },
    provisioner: PROVISIONER,
    reclaimPolicy: "Delete",
    volumeBindingMode: "Immediate",
  } as StorageClass);
  kube.put("/api/v1/nodes/a", {
    metadata: { name: "a" },
    status: { conditions: [{ type: "Ready", status: "True" }] },
  } as Node);
  const running = Object.values(informers).map((informer) => informer.run(stop.signal));
  await Promise.all(Object.values(informers).map((informer) => informer.synced()));
  const run = (served: readonly Driver[]): Promise<void> =>
    runProvisioner(
      { ...deps, ...informers, recorder, isLeading: () => leading.now, metrics, kubeMetrics },
      served,
      { express: false, owner: "test", namespace: "test", ...options },
      stop.signal,
    );
  running.push(run([drivers].flat()));
  await settle();
  return {
    kube,
    clock,
    events,
    leading,
    run,
    /** What a scrape shows. */
    scrape: () => registry.metrics(),
    /** Events of one object as `reason: message`. */
    said: (about: string) => events.filter((e) => e.about === about).map((e) => `${e.reason}: ${e.message}`),
    claim: (name: string) => kube.at(`${CLAIMS}${name}`) as PersistentVolumeClaim | undefined,
    volume: (name: string) => kube.at(`${VOLUMES}${name}`) as PersistentVolume | undefined,
    putClaim: (name: string, change: Partial<PersistentVolumeClaim> & { selectedNode?: string } = {}) => {
      const { selectedNode, ...rest } = change;
      kube.put(`${CLAIMS}${name}`, {
        ...rest,
        metadata: {
          name,
          namespace: "default",
          uid: `claim-${name}`,
          annotations: {
            [STORAGE_PROVISIONER]: PROVISIONER,
            ...(selectedNode === undefined ? {} : { [SELECTED_NODE]: selectedNode }),
          },
          ...rest.metadata,
        },
        spec: {
          accessModes: ["ReadWriteOnce"],
          storageClassName: "fast",
          resources: { requests: { storage: "1Gi" } },
          ...rest.spec,
        },
        status: rest.status ?? { phase: "Pending" },
      } as PersistentVolumeClaim);
    },
    removeClaim: (name: string) => {
      kube.remove(`${CLAIMS}${name}`);
    },
    putVolume: (name: string, change: Partial<PersistentVolume> = {}) => {
      kube.put(`${VOLUMES}${name}`, {
        ...change,
        metadata: { name, annotations: { [PROVISIONED_BY]: PROVISIONER }, ...change.metadata },
        spec: {
          ...VOLUME_SPEC,
          persistentVolumeReclaimPolicy: "Delete",
          claimRef: { namespace: "default", name: "gone", uid: "claim-gone" },
          ...change.spec,
        },
        status: change.status ?? { phase: "Released" },
      } as PersistentVolume);
    },
    stop: async () => {
      stop.abort();
      await Promise.all(running);
    },
  };
}
