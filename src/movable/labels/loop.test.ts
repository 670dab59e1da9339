import { afterEach, expect, test, vi } from "vitest";
import { localVolumes, type LocalVolume } from "../../api/kinds/local-volume.ts";
import { AT_PREFIX, AWAY_PREFIX, HOSTNAME_LABEL } from "../../api/names.ts";
import { localVolumeSpec } from "../../api/testing/local-volume.fixture.ts";
import { manualClock } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../../kube/client.ts";
import { nodes as nodeResource, type Node } from "../../kube/kinds.ts";
import { seededRandom } from "../../kube/testing/seeded-random.fixture.ts";
import { Informer } from "../../kube/watch/informer.ts";
import { LabKube } from "../../lab/api/testing/lab-kube.fixture.ts";
import { silentLog } from "../../observe/log.ts";
import { labelIndexes, runLabelLoop } from "./loop.ts";

const VOLUMES = "/apis/mooring.dev/v1alpha1/localvolumes";
const stop = new AbortController();
const ends: Promise<unknown>[] = [];
afterEach(async () => {
  stop.abort(new Error("the test is over"));
  await Promise.allSettled(ends);
});

const movedTo = (nodeName: string, name: string): LocalVolume => ({
  metadata: { name },
  spec: { ...localVolumeSpec(nodeName), originHostname: "node-0" },
});

test("a term begins without looking at all nodes for each volume, and then follows each volume", async () => {
  const clock = manualClock();
  const kube = new LabKube({ clock });
  for (let index = 0; index < 30; index++) {
    const name = `node-${String(index)}`;
    kube.put(`/api/v1/nodes/${name}`, { metadata: { name, labels: { [HOSTNAME_LABEL]: name } } });
    kube.put(`${VOLUMES}/v-${String(index)}`, movedTo("node-1", `v-${String(index)}`));
  }
  const deps = { client: new KubeClient(kube), clock, random: seededRandom(1), log: silentLog };
  const nodes = new Informer<Node>(deps, { resource: nodeResource });
  const volumes = new Informer<LocalVolume>(deps, { resource: localVolumes, indexes: labelIndexes });
  ends.push(nodes.run(stop.signal), volumes.run(stop.signal));
  await Promise.all([nodes.synced(stop.signal), volumes.synced(stop.signal)]);

  const looks = vi.spyOn(nodes.store, "list");
  ends.push(runLabelLoop({ ...deps, nodes, volumes }, stop.signal));
  await clock.advance(10_000);
  const labelsOf = (name: string): readonly string[] => {
    const { labels = {} } = (kube.at(`/api/v1/nodes/${name}`) as Node).metadata ?? {};
    return Object.keys(labels).filter((key) => key !== HOSTNAME_LABEL);
  };
  const names = Array.from({ length: 30 }, (_, index) => `v-${String(index)}`);
  expect(labelsOf("node-0").toSorted()).toEqual(names.map((name) => AWAY_PREFIX + name).toSorted());
  expect(labelsOf("node-1").toSorted()).toEqual(names.map((name) => AT_PREFIX + name).toSorted());
  expect(looks.mock.calls.length).toBeLessThan(5);

  kube.put(`${VOLUMES}/v-7`, movedTo("node-2", "v-7"));
  await clock.advance(10_000);
  expect(labelsOf("node-1")).not.toContain(`${AT_PREFIX}v-7`);
  expect(labelsOf("node-2")).toEqual([`${AT_PREFIX}v-7`]);
});
