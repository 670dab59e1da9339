import { expect, test } from "vitest";
import { DRIVER, DRIVER_FINALIZER, KEEPER_LABEL, LOCAL_VOLUME_FINALIZER } from "../api/names.ts";
import { manualClock } from "../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../kube/client.ts";
import type { Kube, KubeRequest } from "../kube/kube.ts";
import { MemoryKube } from "../kube/testing/memory-kube.fixture.ts";
import { silentLog } from "../observe/log.ts";
import { holdDriver, letEverythingGo } from "./uninstall.ts";

const CSI_DRIVER = `/apis/storage.k8s.io/v1/csidrivers/${DRIVER}`;
const VOLUME = "/apis/mooring.dev/v1alpha1/localvolumes/pvc-1";
const AGENT = "/api/v1/namespaces/mooring/pods/agent";

function newCluster() {
  const kube = new MemoryKube();
  const clock = manualClock();
  kube.put(CSI_DRIVER, { metadata: { name: DRIVER } });
  // The memory server knows no selectors, and there are no keepers here.
  const withoutKeepers: Kube = {
    request: <T>(request: KubeRequest) =>
      request.query?.["labelSelector"] === `${KEEPER_LABEL}=true`
        ? Promise.resolve({ metadata: {}, items: [] } as T)
        : kube.request<T>(request),
    stream: (request) => kube.stream(request),
  };
  const finalizers = () => kube.at(CSI_DRIVER)?.metadata?.finalizers;
  return { kube, clock, client: new KubeClient(withoutKeepers), finalizers };
}

test("the CSIDriver is held once", async () => {
  const { client, finalizers, kube } = newCluster();
  const { signal } = new AbortController();
  await holdDriver(client, signal);
  await holdDriver(client, signal);
  expect(finalizers()).toEqual([DRIVER_FINALIZER]);
  expect(kube.log.filter((line) => line.startsWith("PATCH"))).toHaveLength(1);
});

test("without a CSIDriver there is nothing to hold", async () => {
  const { client, kube } = newCluster();
  kube.remove(CSI_DRIVER);
  await holdDriver(client, new AbortController().signal);
  expect(kube.at(CSI_DRIVER)).toBeUndefined();
});

test("the CSIDriver is let go last: after the finalizers, and after the agents that could put them back", async () => {
  const { client, clock, finalizers, kube } = newCluster();
  const { signal } = new AbortController();
  const agent = { name: "agent", namespace: "mooring", labels: { "app.kubernetes.io/component": "agent" } };
  kube.put(AGENT, { metadata: agent });
  kube.put(VOLUME, { metadata: { name: "pvc-1", finalizers: [LOCAL_VOLUME_FINALIZER] } });
  await holdDriver(client, signal);
  const ending = letEverythingGo({ client, clock, log: silentLog }, "mooring", signal);
  await clock.advance(3000);
  expect(kube.at(VOLUME)?.metadata?.finalizers ?? []).toEqual([]);
  expect(finalizers()).toEqual([DRIVER_FINALIZER]);
  kube.remove(AGENT);
  await clock.advance(2000);
  await ending;
  expect(finalizers() ?? []).toEqual([]);
});

test("an agent on a dead node does not hold the end up for ever", async () => {
  const { client, clock, finalizers, kube } = newCluster();
  const { signal } = new AbortController();
  const agent = { name: "agent", namespace: "mooring", labels: { "app.kubernetes.io/component": "agent" } };
  kube.put(AGENT, { metadata: agent });
  await holdDriver(client, signal);
  const ending = letEverythingGo({ client, clock, log: silentLog }, "mooring", signal);
  await clock.advance(14_000);
  expect(finalizers()).toEqual([DRIVER_FINALIZER]);
  await clock.advance(3000);
  await ending;
  expect(finalizers() ?? []).toEqual([]);
});
