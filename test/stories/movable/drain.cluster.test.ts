import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { closeNamespace, openNamespace } from "../support/cleanup.ts";
import { toYaml } from "../support/manifest.ts";
import { MOVABLE_CLASS, useMovable } from "../support/movable.ts";
import { localVolume, nodeNameOf, readyOn, volumeOf } from "../support/movable-objects.ts";
import { checkRecords, followAcknowledged, moreRecords, recordWriter } from "../support/records.ts";
import { statefulSet } from "../support/workloads.ts";

const on = useMovable(["node-files", "kubectl"]);
const NS = "movable-drain";

beforeAll(async () => {
  await openNamespace(on.ground, NS);
});
afterEach(async () => {
  for (const node of on.ground.nodes) await on.ground.kubectl(["uncordon", node]);
});
afterAll(async () => {
  await closeNamespace(on.ground, NS);
});

/** Plain kubectl, as everybody types it. Waits for its end. */
async function drain(node: string, ...flags: string[]) {
  return on.ground.kubectl(["drain", node, "--ignore-daemonsets", "--timeout=240s", ...flags]);
}

/** Everything that is scheduled on a node and is no DaemonSet's. */
async function podsLeftOn(node: string): Promise<string[]> {
  const pods = await on.ground.list<{ metadata: { name: string; ownerReferences?: { kind: string }[] } }>("pods", {
    fieldSelector: `spec.nodeName=${node}`,
  });
  return pods
    .filter(({ metadata }) => metadata.ownerReferences?.[0]?.kind !== "DaemonSet")
    .map(({ metadata }) => metadata.name);
}

test("kubectl drain ends well: the pod runs elsewhere with the same claim and every acknowledged byte", async () => {
  const { ground } = on;
  await ground.apply(toYaml(recordWriter(NS, "w", MOVABLE_CLASS)));
  const before = await readyOn(ground, NS, "w-0");
  const from = nodeNameOf(before);
  const volume = await volumeOf(ground, NS, "data-w-0");
  await moreRecords(ground, NS, "w-0");
  const following = followAcknowledged(ground, NS, "w-0");
  const { code, stderr, stdout } = await drain(from);
  expect(`${stdout}${stderr}`).toMatch(/Eviction triggered evacuation: volume pvc-/);
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  expect(await podsLeftOn(from)).toEqual([]);
  const acknowledged = await following;
  const after = await readyOn(ground, NS, "w-0", before.metadata.uid);
  expect(nodeNameOf(after)).not.toBe(from);
  await moreRecords(ground, NS, "w-0");
  expect((await checkRecords(ground, NS, "w-0", acknowledged)).faults).toEqual([]);
  expect((await localVolume(ground, volume))?.spec).toMatchObject({ nodeName: nodeNameOf(after), epoch: 2 });
});

test("a volume that no pod uses leaves with the drain: scaled to zero before, and up again after", async () => {
  const { ground } = on;
  await ground.apply(toYaml(recordWriter(NS, "idle", MOVABLE_CLASS)));
  const before = await readyOn(ground, NS, "idle-0");
  const from = nodeNameOf(before);
  const volume = await volumeOf(ground, NS, "data-idle-0");
  const acknowledged = await moreRecords(ground, NS, "idle-0");
  await ground.patch("StatefulSet", "idle", { spec: { replicas: 0 } }, NS);
  await ground.waitFor("the pod to be gone", async () =>
    (await ground.get("Pod", "idle-0", NS)) === undefined ? true : undefined,
  );
  const { code, stderr } = await drain(from);
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  expect((await localVolume(ground, volume))?.spec.nodeName).not.toBe(from);
  await ground.patch("StatefulSet", "idle", { spec: { replicas: 1 } }, NS);
  const after = await readyOn(ground, NS, "idle-0");
  expect(nodeNameOf(after)).not.toBe(from);
  expect((await checkRecords(ground, NS, "idle-0", acknowledged)).faults).toEqual([]);
});

test("a volume that stays does not hold the drain", async () => {
  const { ground } = on;
  const storageClass = {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: "mooring-stay" },
    provisioner: "mooring.dev",
    volumeBindingMode: "WaitForFirstConsumer",
    parameters: { onDrain: "Stay" },
  };
  await ground.apply(toYaml(storageClass, statefulSet(NS, "stay", "mooring-stay", ["sleep", "3600"])));
  const before = await readyOn(ground, NS, "stay-0");
  const from = nodeNameOf(before);
  const volume = await volumeOf(ground, NS, "data-stay-0");
  const { code, stderr } = await drain(from);
  expect(code).toBe(0);
  expect(stderr).toMatch(/onDrain: Stay/);
  expect((await localVolume(ground, volume))?.spec).toMatchObject({ nodeName: from, epoch: 1 });
  await ground.kubectl(["uncordon", from]);
  expect(nodeNameOf(await readyOn(ground, NS, "stay-0", before.metadata.uid))).toBe(from);
  await ground.delete("StatefulSet", "stay", NS);
  await ground.delete("PersistentVolumeClaim", "data-stay-0", NS);
  await ground.delete("StorageClass", "mooring-stay");
});

test("--disable-eviction waits for the data as well", async () => {
  const { ground } = on;
  await ground.apply(toYaml(recordWriter(NS, "deleted", MOVABLE_CLASS)));
  const before = await readyOn(ground, NS, "deleted-0");
  const from = nodeNameOf(before);
  const volume = await volumeOf(ground, NS, "data-deleted-0");
  await moreRecords(ground, NS, "deleted-0");
  const following = followAcknowledged(ground, NS, "deleted-0");
  const { code, stderr } = await drain(from, "--disable-eviction");
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  expect((await localVolume(ground, volume))?.spec.nodeName).not.toBe(from);
  const acknowledged = await following;
  await readyOn(ground, NS, "deleted-0", before.metadata.uid);
  expect((await checkRecords(ground, NS, "deleted-0", acknowledged)).faults).toEqual([]);
});
