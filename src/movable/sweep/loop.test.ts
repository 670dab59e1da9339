import { afterEach, expect, test, vi } from "vitest";
import { localVolumes, type LocalVolume } from "../../api/kinds/local-volume.ts";
import { localVolumeSpec } from "../../api/testing/local-volume.fixture.ts";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../../kube/client.ts";
import {
  persistentVolumeClaims,
  persistentVolumes,
  pods as podResource,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
} from "../../kube/kinds.ts";
import type { Stored } from "../../kube/objects.ts";
import { seededRandom } from "../../kube/testing/seeded-random.fixture.ts";
import { Informer } from "../../kube/watch/informer.ts";
import { LabKube } from "../../lab/api/testing/lab-kube.fixture.ts";
import { silentLog } from "../../observe/log.ts";
import { podIndexes, volumeIndexes } from "../../provision/indexes.ts";
import { runSweep } from "./loop.ts";

const VOLUMES = "/apis/mooring.dev/v1alpha1/localvolumes";
const PODS = "/api/v1/namespaces/default/pods";
const stop = new AbortController();
afterEach(() => {
  stop.abort(new Error("the test is over"));
});

const localVolume = (name: string, nodeName: string): LocalVolume => ({
  metadata: { name },
  spec: localVolumeSpec(nodeName),
});

/** A pod that waits on node a, with a claim that is bound to a volume there. */
function put(kube: LabKube, name: string): void {
  const claim = { namespace: "default", name };
  const common = { accessModes: ["ReadWriteOnce"] };
  kube.put(`${VOLUMES}/${name}`, localVolume(name, "a"));
  kube.put(`/api/v1/persistentvolumes/${name}`, {
    metadata: { name },
    spec: {
      ...common,
      capacity: { storage: "1Gi" },
      csi: { driver: "mooring.dev", volumeHandle: name },
      claimRef: claim,
    },
  });
  kube.put(`/api/v1/namespaces/default/persistentvolumeclaims/${name}`, {
    metadata: claim,
    spec: { ...common, resources: { requests: { storage: "1Gi" } }, volumeName: name },
  });
  kube.put(`${PODS}/${name}`, {
    metadata: {
      ...claim,
      ownerReferences: [{ apiVersion: "apps/v1", kind: "StatefulSet", name: "db", uid: "db", controller: true }],
    },
    spec: {
      nodeName: "a",
      containers: [{ name: "main", image: "busybox" }],
      volumes: [{ name: "data", persistentVolumeClaim: { claimName: name } }],
    },
    status: { phase: "Pending" },
  });
}

test("a pod whose volume leaves while it waits is deleted, without a search through all pods", async () => {
  const clock = manualClock();
  const kube = new LabKube({ clock });
  const deps = { client: new KubeClient(kube), clock, random: seededRandom(1), log: silentLog };
  const volumes = new Informer<LocalVolume>(deps, { resource: localVolumes });
  const claims = new Informer<PersistentVolumeClaim>(deps, { resource: persistentVolumeClaims });
  const stored = new Informer<PersistentVolume>(deps, { resource: persistentVolumes, indexes: volumeIndexes });
  const pods = new Informer<Pod>(deps, { resource: podResource, indexes: podIndexes });
  for (const name of ["one", "two"]) put(kube, name);
  const informers = [volumes, claims, stored, pods];
  const running = informers.map((informer) => informer.run(stop.signal));
  await Promise.all(informers.map((informer) => informer.synced(stop.signal)));
  const metadataOf = (name: string) => (kube.at(`${PODS}/${name}`) as Stored<Pod>).metadata;
  const list = vi.spyOn(pods.store, "list");
  const recorder = { record: vi.fn() };
  running.push(runSweep({ ...deps, recorder, volumes, claims, persistentVolumes: stored, pods }, stop.signal));
  await clock.advance(1000);
  expect(metadataOf("one").deletionTimestamp).toBeUndefined();

  list.mockClear();
  kube.put(`${VOLUMES}/one`, localVolume("one", "b"));
  await clock.advance(1000);
  expect(metadataOf("one").deletionTimestamp).toBeDefined();
  expect(metadataOf("two").deletionTimestamp).toBeUndefined();
  expect(list).not.toHaveBeenCalled();
  stop.abort(new Error("the test is over"));
  await Promise.allSettled(running);
});
