import { expect, test } from "vitest";
import { localVolumeSpec } from "../api/testing/local-volume.fixture.ts";
import { DRIVER, DRIVER_FINALIZER, LOCAL_VOLUME_FINALIZER } from "../api/names.ts";
import { manualClock } from "../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../kube/client.ts";
import { LabKube } from "../lab/api/testing/lab-kube.fixture.ts";
import { silentLog } from "../observe/log.ts";
import { holdDriver, removeOurFinalizers } from "./uninstall.ts";

const CSI_DRIVER = `/apis/storage.k8s.io/v1/csidrivers/${DRIVER}`;
const VOLUME = "/apis/mooring.dev/v1alpha1/localvolumes/pvc-1";
const AGENT = "/api/v1/namespaces/mooring/pods/agent";

function newCluster() {
  const clock = manualClock();
  const kube = new LabKube({ clock });
  kube.put(CSI_DRIVER, { metadata: { name: DRIVER } });
  const finalizers = () => kube.at(CSI_DRIVER)?.metadata?.finalizers;
  return { kube, clock, client: new KubeClient(kube), finalizers };
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
  kube.put(AGENT, { metadata: agent, spec: { containers: [{ name: "agent", image: "mooring" }] } });
  kube.put(VOLUME, {
    metadata: { name: "pvc-1", finalizers: [LOCAL_VOLUME_FINALIZER] },
    spec: localVolumeSpec("node-a"),
  });
  await holdDriver(client, signal);
  const ending = removeOurFinalizers({ client, clock, log: silentLog }, "mooring", signal);
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
  kube.put(AGENT, { metadata: agent, spec: { containers: [{ name: "agent", image: "mooring" }] } });
  await holdDriver(client, signal);
  const ending = removeOurFinalizers({ client, clock, log: silentLog }, "mooring", signal);
  await clock.advance(14_000);
  expect(finalizers()).toEqual([DRIVER_FINALIZER]);
  await clock.advance(3000);
  await ending;
  expect(finalizers() ?? []).toEqual([]);
});

test("scouts go with the installation", async () => {
  const { client, clock, kube } = newCluster();
  const metadata = { name: "scout-1", namespace: "mooring", labels: { "mooring.dev/scout": "uid" } };
  const pod = "/api/v1/namespaces/mooring/pods/scout-1";
  const claim = "/api/v1/namespaces/mooring/persistentvolumeclaims/scout-1";
  kube.put(pod, { metadata, spec: { containers: [{ name: "like", image: "mooring" }] } });
  kube.put(claim, {
    metadata,
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } },
  });
  const ending = removeOurFinalizers({ client, clock, log: silentLog }, "mooring", new AbortController().signal);
  await clock.advance(3000);
  await ending;
  expect(kube.log.filter((line) => line.startsWith("DELETE"))).toEqual([`DELETE ${pod}`, `DELETE ${claim}`]);
});
