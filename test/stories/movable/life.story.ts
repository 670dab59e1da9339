import { describe, expect, test } from "vitest";
import { useNamespace } from "../support/cleanup.ts";
import { toYaml } from "../support/manifest.ts";
import { MOVABLE_CLASS, useMovable } from "../support/movable.ts";
import {
  copiesOf,
  copyDirectory,
  eventMatching,
  goneFrom,
  localVolume,
  nodeNameOf,
  readyOn,
  volumeOf,
} from "../support/movable-objects.ts";
import type { Volume } from "../support/objects.ts";
import { checkRecords, moreRecords, recordWriter } from "../support/records.ts";
import { claim, pod } from "../support/workloads.ts";

const on = useMovable(["node-files", "kubelet"]);
const NS = "movable-life";
useNamespace(on, NS);

describe("a StatefulSet on a movable volume", () => {
  test("runs, and its volume is a directory of its node", async () => {
    const { ground } = on;
    await ground.apply(toYaml(recordWriter(NS, "w", MOVABLE_CLASS)));
    const node = nodeNameOf(await readyOn(ground, NS, "w-0"));
    const volume = await volumeOf(ground, NS, "data-w-0");
    await moreRecords(ground, NS, "w-0");
    const stored = await localVolume(ground, volume);
    expect(stored?.spec).toMatchObject({ nodeName: node, epoch: 1, pool: "default", capacity: "64Mi", reclaim: false });
    const text = await ground.onNode(node).readFile(`${copyDirectory(volume, 1)}/data/records`);
    expect(text.split("\n")[0]).toMatch(/^1 [\da-f]{8} w-0 /);
    await ground.waitFor("the right to create to end", async () =>
      (await localVolume(ground, volume))?.spec.mayCreate === undefined ? true : undefined,
    );
  });

  test("finds its data again after its pod and its kubelet were restarted", async () => {
    const { ground } = on;
    const first = await readyOn(ground, NS, "w-0");
    const node = nodeNameOf(first);
    const acknowledged = [await moreRecords(ground, NS, "w-0")];
    await ground.delete("Pod", "w-0", NS);
    const second = await readyOn(ground, NS, "w-0", first.metadata.uid);
    expect(nodeNameOf(second)).toBe(node);

    await ground.stopKubelet(node);
    await ground.startKubelet(node);
    acknowledged.push(await moreRecords(ground, NS, "w-0"));
    await ground.delete("Pod", "w-0", NS);
    await readyOn(ground, NS, "w-0", second.metadata.uid);
    const { count, faults } = await checkRecords(ground, NS, "w-0", ...acknowledged);
    expect(faults).toEqual([]);
    expect(count).toBeGreaterThanOrEqual(acknowledged.at(-1)?.record ?? 0);
  });

  test("takes its volume with it when the claim is deleted: object at once, bytes soon after", async () => {
    const { ground } = on;
    const volume = await volumeOf(ground, NS, "data-w-0");
    const node = nodeNameOf(await readyOn(ground, NS, "w-0"));
    expect(await copiesOf(ground, volume)).toHaveLength(1);
    await ground.delete("StatefulSet", "w", NS);
    await ground.delete("PersistentVolumeClaim", "data-w-0", NS);
    await goneFrom(ground, volume, node);
  });
});

describe("a claim is refused with what to do instead", () => {
  test.each([
    ["ReadWriteMany", { accessModes: ["ReadWriteMany"] }, /one node at a time/],
    ["ReadOnlyMany", { accessModes: ["ReadOnlyMany"] }, /one node at a time/],
    ["a raw block device", { volumeMode: "Block" }, /does not support block/],
    ["a clone", { dataSource: { kind: "PersistentVolumeClaim", name: "other" } }, /cannot fill a volume from/],
  ])("%s", async (title, spec, message) => {
    const { ground } = on;
    const name = title.toLowerCase().replaceAll(/[^a-z]+/g, "-");
    await ground.apply(toYaml(claim(NS, name, MOVABLE_CLASS, { spec }), pod(NS, name, name)));
    const about = { kind: "PersistentVolumeClaim", name, namespace: NS };
    expect(await eventMatching(ground, about, message)).toMatch(/^ProvisioningFailed/);
    await ground.delete("Pod", name, NS);
    await ground.delete("PersistentVolumeClaim", name, NS);
  });
});

test("a class with an unknown parameter is refused with the valid ones", async () => {
  const { ground } = on;
  const storageClass = {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: "mooring-typo" },
    provisioner: "mooring.dev",
    volumeBindingMode: "Immediate",
    parameters: { pools: "default" },
  };
  await ground.apply(toYaml(storageClass, claim(NS, "typo", "mooring-typo")));
  const about = { kind: "PersistentVolumeClaim", name: "typo", namespace: NS };
  expect(await eventMatching(ground, about, /"pools"/)).toMatch(/valid parameters are pool, mode, uid, gid, onDrain/);
  await ground.delete("PersistentVolumeClaim", "typo", NS);
  await ground.delete("StorageClass", "mooring-typo");
});

test("no room: the event has the figures", async () => {
  const { ground } = on;
  const spec = { resources: { requests: { storage: "100Ti" } } };
  await ground.apply(toYaml(claim(NS, "huge", MOVABLE_CLASS, { spec }), pod(NS, "huge", "huge")));
  const about = { kind: "PersistentVolumeClaim", name: "huge", namespace: NS };
  expect(await eventMatching(ground, about, /has no room for 100Ti/)).toMatch(/free \(.* less .* of reserve/);
  await ground.delete("Pod", "huge", NS);
  await ground.delete("PersistentVolumeClaim", "huge", NS);
});

test("Retain: the PersistentVolume goes, the LocalVolume and the bytes stay until they are given up by name", async () => {
  const { ground } = on;
  await ground.apply(toYaml(claim(NS, "kept", MOVABLE_CLASS), pod(NS, "kept", "kept")));
  const node = nodeNameOf(await readyOn(ground, NS, "kept"));
  const volume = await volumeOf(ground, NS, "kept");
  await ground.patch("PersistentVolume", volume, { spec: { persistentVolumeReclaimPolicy: "Retain" } });
  await ground.delete("Pod", "kept", NS);
  await ground.delete("PersistentVolumeClaim", "kept", NS);
  await ground.waitFor("the volume to be Released", async (saw) => {
    const found = await ground.get<Volume>("PersistentVolume", volume);
    saw(found?.status);
    return found?.status.phase === "Released" ? true : undefined;
  });
  await ground.delete("PersistentVolume", volume);
  await ground.waitFor("the PersistentVolume to be gone", async () =>
    (await ground.get("PersistentVolume", volume)) === undefined ? true : undefined,
  );
  expect((await localVolume(ground, volume))?.spec.reclaim).toBe(false);
  expect(await ground.onNode(node).exists(`${copyDirectory(volume, 1)}/data`)).toBe(true);
  await ground.patch("localvolumes.mooring.dev", volume, { spec: { reclaim: true } });
  await goneFrom(ground, volume, node);
});
