import { afterEach, beforeEach, expect, test } from "vitest";
import { localVolumes, type LocalVolume } from "../../api/kinds/local-volume.ts";
import { storageNodes, type StorageNode } from "../../api/kinds/storage-node.ts";
import { volumeMoves, type VolumeMove } from "../../api/kinds/volume-move.ts";
import { localVolumeSpec } from "../../api/testing/local-volume.fixture.ts";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../../kube/client.ts";
import { nodes, pods, type Node, type Pod } from "../../kube/kinds.ts";
import { seededRandom } from "../../kube/testing/seeded-random.fixture.ts";
import { Informer } from "../../kube/watch/informer.ts";
import { LabKube } from "../../lab/api/testing/lab-kube.fixture.ts";
import { silentLog } from "../../observe/log.ts";
import { Keepers, keeperIndex } from "./keepers.ts";

const MOORING = "/apis/mooring.dev/v1alpha1";
const NAMESPACE = "mooring";
let stop = new AbortController();
const ends: Promise<unknown>[] = [];
beforeEach(() => {
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort(new Error("the test is over"));
  await Promise.allSettled(ends);
});

const volumeOn = (nodeName: string): LocalVolume => ({ metadata: { name: "v" }, spec: localVolumeSpec(nodeName) });

/** Keepers of the leaving node "a", which has the volume "v". `late` ends the watch of volumes. */
async function keepersOfA() {
  const clock = manualClock();
  const kube = new LabKube({ clock });
  kube.put(`/api/v1/namespaces/${NAMESPACE}`, { metadata: { name: NAMESPACE } });
  kube.put("/api/v1/nodes/a", { metadata: { name: "a" }, spec: { unschedulable: true } });
  kube.put(`${MOORING}/storagenodes/a`, { metadata: { name: "a" } });
  kube.put(`${MOORING}/localvolumes/v`, volumeOn("a"));
  const deps = { client: new KubeClient(kube), clock, random: seededRandom(1), log: silentLog };
  const watched = {
    nodes: new Informer<Node>(deps, { resource: nodes }),
    storageNodes: new Informer<StorageNode>(deps, { resource: storageNodes }),
    moves: new Informer<VolumeMove>(deps, { resource: volumeMoves }),
    pods: new Informer<Pod>(deps, { resource: pods, indexes: keeperIndex(NAMESPACE) }),
  };
  const volumes = new Informer<LocalVolume>(deps, {
    resource: localVolumes,
    indexes: { byNode: ({ spec }) => [spec.nodeName] },
  });
  const late = new AbortController();
  const informers = Object.values(watched) as Informer<Node>[];
  ends.push(volumes.run(late.signal), ...informers.map((informer) => informer.run(stop.signal)));
  await Promise.all([volumes, ...informers].map((informer) => informer.synced(stop.signal)));
  const keepers = new Keepers({
    ...deps,
    ...watched,
    volumes,
    settings: { namespace: NAMESPACE, image: "mooring" },
    toMove: (_node, here) => here.length > 0,
  });
  stop.signal.addEventListener("abort", () => {
    late.abort(stop.signal.reason);
  });
  return { client: deps.client, clock, kube, keepers, late };
}

test("a leaving node gets no new keeper for a volume that has left, although the cache still has it", async () => {
  const { clock, keepers, kube, late } = await keepersOfA();
  late.abort(new Error("the watch hears nothing more"));
  kube.put(`${MOORING}/localvolumes/v`, volumeOn("b"));

  ends.push(keepers.run(stop.signal));
  keepers.look("a");
  await clock.advance(10_000);
  expect(kube.list(`/api/v1/namespaces/${NAMESPACE}/pods`)).toEqual([]);

  kube.put(`${MOORING}/localvolumes/v`, volumeOn("a"));
  await clock.advance(10_000);
  expect(kube.list(`/api/v1/namespaces/${NAMESPACE}/pods`)).toHaveLength(1);
});

test("a release lets the keeper of a target go, although a move still brings a volume", async () => {
  const { client, clock, keepers, kube } = await keepersOfA();
  const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;
  kube.put(`${MOORING}/localvolumes/v`, volumeOn("b"));
  kube.put(`${MOORING}/volumemoves/m`, {
    metadata: { name: "m" },
    spec: { volumes: [{ name: "v" }], from: "b", reason: "Request" },
    status: { phase: "Copying", target: "a" },
  });
  ends.push(keepers.run(stop.signal));
  await clock.advance(10_000);
  const [keeper] = kube.list(PODS);
  // A drain evicts it.
  await client.delete(pods, { name: keeper?.metadata?.name ?? "", namespace: NAMESPACE });
  await clock.advance(10_000);
  const held = (): (string | undefined)[] =>
    kube.list(PODS).flatMap(({ metadata }) => ((metadata?.finalizers ?? []).length > 0 ? [metadata?.name] : []));
  expect(held()).toContain(keeper?.metadata?.name);

  const annotations = { "mooring.dev/release": "true" };
  kube.put("/api/v1/nodes/a", { metadata: { name: "a", annotations }, spec: { unschedulable: true } });
  await clock.advance(10_000);
  expect(held()).toEqual([]);
});
