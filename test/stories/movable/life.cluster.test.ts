import { expect, test } from "vitest";
import { useNamespace } from "../support/cleanup.ts";
import { toYaml } from "../support/manifest.ts";
import { agentPod, killAgent, MOVABLE_CLASS, useMovable } from "../support/movable.ts";
import { copyDirectory, goneFrom, localVolume, nodeNameOf, readyOn, volumeOf } from "../support/movable-objects.ts";
import type { Pod } from "../support/objects.ts";
import { checkRecords, moreRecords, recordWriter } from "../support/records.ts";
import { claim, pod } from "../support/workloads.ts";

const on = useMovable(["node-files", "kubelet", "kubectl"]);
const NS = "movable-restarts";
useNamespace(on, NS);

test("a StatefulSet finds its data again after its pod, its agent and its kubelet were restarted", async () => {
  const { ground } = on;
  await ground.apply(toYaml(recordWriter(NS, "w", MOVABLE_CLASS)));
  const first = await readyOn(ground, NS, "w-0");
  const node = nodeNameOf(first);
  const acknowledged = [await moreRecords(ground, NS, "w-0")];
  await ground.delete("Pod", "w-0", NS);
  const second = await readyOn(ground, NS, "w-0", first.metadata.uid);
  expect(nodeNameOf(second)).toBe(node);

  const agent = await agentPod(ground, node);
  await killAgent(ground, node);
  await ground.waitFor("the agent to be started again", async (saw) => {
    const found = await ground.get<
      Pod & { status: { containerStatuses?: { restartCount: number; ready: boolean }[] } }
    >("Pod", agent.metadata.name, "mooring");
    saw(found?.status.containerStatuses);
    return found?.status.containerStatuses?.every(({ ready, restartCount }) => ready && restartCount > 0);
  });
  acknowledged.push(await moreRecords(ground, NS, "w-0"));
  await ground.delete("Pod", "w-0", NS);
  const third = await readyOn(ground, NS, "w-0", second.metadata.uid);

  await ground.stopKubelet(node);
  await ground.startKubelet(node);
  acknowledged.push(await moreRecords(ground, NS, "w-0"));
  await ground.delete("Pod", "w-0", NS);
  await readyOn(ground, NS, "w-0", third.metadata.uid);
  const { count, faults } = await checkRecords(ground, NS, "w-0", ...acknowledged);
  expect(faults).toEqual([]);
  expect(count).toBeGreaterThanOrEqual(acknowledged.at(-1)?.record ?? 0);
  await ground.delete("StatefulSet", "w", NS);
  await ground.delete("PersistentVolumeClaim", "data-w-0", NS);
});

test("Immediate binding chooses a node with room, and the pod follows", async () => {
  const { ground } = on;
  const storageClass = {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: "mooring-immediate" },
    provisioner: "mooring.dev",
    volumeBindingMode: "Immediate",
    parameters: { pool: "default", mode: "0750", uid: "1000", gid: "2000" },
  };
  await ground.apply(toYaml(storageClass, claim(NS, "now", "mooring-immediate")));
  const volume = await volumeOf(ground, NS, "now");
  const stored = await localVolume(ground, volume);
  await ground.apply(toYaml(pod(NS, "now", "now")));
  const running = await readyOn(ground, NS, "now");
  expect(nodeNameOf(running)).toBe(stored?.spec.nodeName);
  const { stdout } = await ground
    .onNode(nodeNameOf(running))
    .exec(["stat", "-c", "%a %u %g", `${copyDirectory(volume, 1)}/data`]);
  expect(stdout.trim()).toBe("750 1000 2000");
  await ground.delete("Pod", "now", NS);
  await ground.delete("PersistentVolumeClaim", "now", NS);
  await goneFrom(ground, volume, nodeNameOf(running));
  await ground.delete("StorageClass", "mooring-immediate");
});

test("a PersistentVolume that is deleted before its claim waits for it, and then goes with its bytes", async () => {
  const { ground } = on;
  await ground.apply(toYaml(claim(NS, "early", MOVABLE_CLASS), pod(NS, "early", "early")));
  const node = nodeNameOf(await readyOn(ground, NS, "early"));
  const volume = await volumeOf(ground, NS, "early");
  await ground.delete("PersistentVolume", volume);
  await ground.exec(NS, "early", ["sh", "-c", "echo still here > /data/x"]);
  expect(await ground.onNode(node).readFile(`${copyDirectory(volume, 1)}/data/x`)).toBe("still here\n");
  await ground.delete("Pod", "early", NS);
  await ground.delete("PersistentVolumeClaim", "early", NS);
  await goneFrom(ground, volume, node);
});
