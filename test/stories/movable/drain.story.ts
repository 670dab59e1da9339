import { expect, test } from "vitest";
import { drain, ENDED_WELL, endOf, podsLeftOn, useDrains } from "../support/drains.ts";
import { toYaml } from "../support/manifest.ts";
import { MOVABLE_CLASS } from "../support/movable.ts";
import { localVolume, nodeNameOf, readyOn, volumeOf } from "../support/movable-objects.ts";
import { cordon } from "../support/nodes.ts";
import { checkRecords, followAcknowledged, moreRecords, recordWriter } from "../support/records.ts";
import { statefulSet } from "../support/workloads.ts";

const NS = "movable-drain";
const on = useDrains(NS, ["node-files", "drain"]);

test("kubectl drain ends well: the pod runs elsewhere with the same claim and every acknowledged byte", async () => {
  const { ground } = on;
  await ground.apply(toYaml(recordWriter(NS, "w", MOVABLE_CLASS)));
  const before = await readyOn(ground, NS, "w-0");
  const from = nodeNameOf(before);
  const volume = await volumeOf(ground, NS, "data-w-0");
  await moreRecords(ground, NS, "w-0");
  const following = await followAcknowledged(ground, NS, "w-0");
  const result = await drain(ground, from);
  expect(`${result.stdout}${result.stderr}`).toMatch(/Eviction triggered evacuation: volume pvc-/);
  expect(endOf(result)).toEqual(ENDED_WELL);
  expect(await podsLeftOn(ground, from)).toEqual([]);
  const acknowledged = await following.last;
  const after = await readyOn(ground, NS, "w-0", before.metadata.uid);
  expect(nodeNameOf(after)).not.toBe(from);
  await moreRecords(ground, NS, "w-0");
  expect((await checkRecords(ground, NS, "w-0", acknowledged)).faults).toEqual([]);
  const { spec, status } = (await localVolume(ground, volume)) ?? {};
  expect(spec).toMatchObject({ nodeName: nodeNameOf(after), epoch: 2 });
  // What kubectl has asked for was about the volume on its old node.
  expect(status?.asked?.epoch).toBe(1);
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
  expect(endOf(await drain(ground, from))).toEqual(ENDED_WELL);
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
  const { code, stderr } = await drain(ground, from);
  expect(code).toBe(0);
  expect(stderr).toMatch(/onDrain: Stay/);
  expect((await localVolume(ground, volume))?.spec).toMatchObject({ nodeName: from, epoch: 1 });
  await cordon(ground, from, false);
  expect(nodeNameOf(await readyOn(ground, NS, "stay-0", before.metadata.uid))).toBe(from);
  await ground.delete("StatefulSet", "stay", NS);
  await ground.delete("PersistentVolumeClaim", "data-stay-0", NS);
  await ground.delete("StorageClass", "mooring-stay");
});
