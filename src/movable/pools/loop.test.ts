import { afterEach, expect, test } from "vitest";
import { storageNodes, type PoolOnNode, type StorageNode } from "../../api/kinds/storage-node.ts";
import { storagePools, type StoragePool } from "../../api/kinds/storage-pool.ts";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../../kube/client.ts";
import { Informer } from "../../kube/watch/informer.ts";
import { seededRandom } from "../../kube/testing/seeded-random.fixture.ts";
import { LabKube } from "../../lab/api/testing/lab-kube.fixture.ts";
import { silentLog } from "../../observe/log.ts";
import { runPoolCounts } from "./loop.ts";

const API = "/apis/mooring.dev/v1alpha1";
const stop = new AbortController();
afterEach(() => {
  stop.abort(new Error("the test is over"));
});

const storageNode = (name: string, ...pools: Pick<PoolOnNode, "name" | "ready">[]): StorageNode => ({
  metadata: { name },
  status: {
    pools: pools.map((pool) => ({ ...pool, path: `/pools/${pool.name}`, reason: pool.ready ? "Ready" : "Unreadable" })),
  },
});

test("a pool tells on how many nodes it is, and on how many it is ready", async () => {
  const clock = manualClock();
  const kube = new LabKube({ clock });
  const deps = { client: new KubeClient(kube), clock, random: seededRandom(1), log: silentLog };
  const pools = new Informer<StoragePool>(deps, { resource: storagePools });
  const nodes = new Informer<StorageNode>(deps, { resource: storageNodes });
  kube.put(`${API}/storagepools/fast`, { metadata: { name: "fast" }, spec: { path: "/pools/fast" } });
  kube.put(`${API}/storagenodes/a`, storageNode("a", { name: "fast", ready: true }, { name: "slow", ready: true }));
  kube.put(`${API}/storagenodes/b`, storageNode("b", { name: "fast", ready: false }));
  kube.put(`${API}/storagenodes/c`, storageNode("c"));
  const running = [pools.run(stop.signal), nodes.run(stop.signal)];
  await Promise.all([pools.synced(stop.signal), nodes.synced(stop.signal)]);
  running.push(runPoolCounts({ ...deps, pools, storageNodes: nodes }, stop.signal));
  const status = () => (kube.at(`${API}/storagepools/fast`) as StoragePool).status;
  await clock.advance(1000);
  expect(status()).toEqual({ nodes: 2, readyNodes: 1 });

  const writes = kube.log.length;
  kube.put(`${API}/storagenodes/a`, storageNode("a", { name: "fast", ready: true }));
  await clock.advance(1000);
  expect(kube.log.slice(writes)).toEqual([]);

  kube.put(`${API}/storagenodes/b`, storageNode("b", { name: "fast", ready: true }));
  await clock.advance(1000);
  expect(status()).toEqual({ nodes: 2, readyNodes: 2 });
  stop.abort(new Error("the test is over"));
  await Promise.allSettled(running);
});
