import { afterAll, beforeAll, expect, test } from "vitest";
import type { LocalVolume } from "../../../src/api/kinds/local-volume.ts";
import { BASE_MANIFEST, WORKLOADS_MANIFEST } from "../../cluster/product-manifests.ts";
import { closeNamespace, openNamespace } from "../support/cleanup.ts";
import { toYaml } from "../support/manifest.ts";
import { deleteManifest, installMovable, MOVABLE_CLASS, MOVABLE_NAMESPACE, useMovable } from "../support/movable.ts";
import {
  copyDirectory,
  endPod,
  eventMatching,
  goneFrom,
  localVolume,
  nodeNameOf,
  readyOn,
  volumeOf,
} from "../support/movable-objects.ts";
import type { Pod } from "../support/objects.ts";
import { checkRecords, moreRecords, recordWriter } from "../support/records.ts";
import { claim, pod } from "../support/workloads.ts";

const on = useMovable(["node-files", "kubectl"]);
const NS = "movable-uninstall";

beforeAll(async () => {
  await openNamespace(on.ground, NS);
});
// The files after this one find the driver installed, as they would without it.
afterAll(async () => {
  await installMovable(on.ground);
  await closeNamespace(on.ground, NS);
});

async function podsOfProduct(): Promise<string[]> {
  return (await on.ground.list<Pod>("pods", { namespace: MOVABLE_NAMESPACE })).map(({ metadata }) => metadata.name);
}

test("without its workloads pods run on, and once they are back the volumes go on", async () => {
  const { ground } = on;
  await ground.apply(toYaml(recordWriter(NS, "w", MOVABLE_CLASS, { gracePeriodSeconds: 1 })));
  const before = await readyOn(ground, NS, "w-0");
  const volume = await volumeOf(ground, NS, "data-w-0");
  await moreRecords(ground, NS, "w-0");
  const { code, stderr } = await deleteManifest(ground, WORKLOADS_MANIFEST);
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  await ground.waitFor("controllers, agents and keepers to be gone", async (saw) => {
    const left = await podsOfProduct();
    saw(left);
    return left.length === 0 ? true : undefined;
  });
  await moreRecords(ground, NS, "w-0");
  expect((await readyOn(ground, NS, "w-0")).metadata.uid).toBe(before.metadata.uid);
  expect((await localVolume(ground, volume))?.metadata?.finalizers).toBeUndefined();

  await installMovable(ground);
  await ground.waitFor("the volume to be guarded and the node to have a keeper", async (saw) => {
    const found = await localVolume(ground, volume);
    const pods = await podsOfProduct();
    saw({ finalizers: found?.metadata?.finalizers, pods });
    return found?.metadata?.finalizers !== undefined && pods.some((name) => name.includes("keeper")) ? true : undefined;
  });
  const acknowledged = await moreRecords(ground, NS, "w-0");
  await ground.delete("Pod", "w-0", NS);
  const after = await readyOn(ground, NS, "w-0", before.metadata.uid);
  expect(nodeNameOf(after)).toBe(nodeNameOf(before));
  expect((await checkRecords(ground, NS, "w-0", acknowledged)).faults).toEqual([]);
  await ground.delete("StatefulSet", "w", NS);
  await ground.delete("PersistentVolumeClaim", "data-w-0", NS);
  await goneFrom(ground, volume, nodeNameOf(after));
});

test("both manifests go one after the other, and the data stays for a later installation", async () => {
  const { ground } = on;
  const spec = { terminationGracePeriodSeconds: 1 };
  await ground.apply(toYaml(claim(NS, "kept", MOVABLE_CLASS), pod(NS, "kept", "kept", { spec })));
  const node = nodeNameOf(await readyOn(ground, NS, "kept"));
  const volume = await volumeOf(ground, NS, "kept");
  await ground.exec(NS, "kept", ["sh", "-c", "echo here > /data/x && sync"]);
  await endPod(ground, NS, "kept");
  const { apiVersion, kind, spec: stored } = (await localVolume(ground, volume)) as LocalVolume;

  // One after the other, without a wait in between, as everybody does.
  for (const file of [WORKLOADS_MANIFEST, BASE_MANIFEST]) {
    const { code, stderr } = await deleteManifest(ground, file);
    expect({ file, code, stderr: code === 0 ? "" : stderr }).toEqual({ file, code: 0, stderr: "" });
    if (file === BASE_MANIFEST) break;
    // Its end says that nothing needs the controller's rights any more.
    expect((await localVolume(ground, volume))?.metadata?.finalizers).toBeUndefined();
    expect((await podsOfProduct()).filter((name) => name.includes("keeper"))).toEqual([]);
  }
  expect(await ground.get("Namespace", MOVABLE_NAMESPACE)).toBeUndefined();
  expect(await ground.onNode(node).readFile(`${copyDirectory(volume, 1)}/data/x`)).toBe("here\n");

  await installMovable(ground);
  // The LocalVolumes went with their definition. Nothing is guessed in their place.
  await ground.apply(toYaml(pod(NS, "kept-second", "kept", { spec })));
  await eventMatching(ground, { kind: "Pod", name: "kept-second", namespace: NS }, /there is no LocalVolume/);
  await endPod(ground, NS, "kept-second");
  // `kubectl get localvolumes -o yaml` from before brings them back.
  await ground.apply(toYaml({ apiVersion, kind, metadata: { name: volume }, spec: stored }));
  await ground.apply(toYaml(pod(NS, "kept-third", "kept", { spec })));
  await readyOn(ground, NS, "kept-third");
  expect((await ground.exec(NS, "kept-third", ["cat", "/data/x"])).stdout).toBe("here\n");
  await endPod(ground, NS, "kept-third");
  await ground.delete("PersistentVolumeClaim", "kept", NS);
  await goneFrom(ground, volume, node);
});
