/* Where the scheduler cannot be asked, a move goes by what objects say, and tells why. */
import { expect, test } from "vitest";
import { useNamespace } from "../support/cleanup.ts";
import { toYaml } from "../support/manifest.ts";
import { MOVABLE_CLASS, MOVABLE_NAMESPACE, useMovable } from "../support/movable.ts";
import { ended, eventMatching, nodeNameOf, readyOn, volumeOf } from "../support/movable-objects.ts";
import { volumeMove } from "../support/moves.ts";
import { claimOn, statefulSet } from "../support/workloads.ts";

const on = useMovable(["kubectl"]);
const NS = "movable-scouts-unheard";
useNamespace(on, NS);

test("a quota that allows no scout holds no move: the event has the server's words", async () => {
  const { ground } = on;
  const quota = {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "no-claims", namespace: MOVABLE_NAMESPACE },
    spec: { hard: { persistentvolumeclaims: "0" } },
  };
  await ground.apply(toYaml(quota));
  try {
    await ground.apply(toYaml(statefulSet(NS, "quota", MOVABLE_CLASS, ["sleep", "3600"])));
    const before = await readyOn(ground, NS, "quota-0");
    const volume = await volumeOf(ground, NS, "data-quota-0");
    await ground.apply(toYaml(volumeMove("scouts-quota", [volume], nodeNameOf(before))));
    expect((await ended(ground, "scouts-quota")).status?.phase).toBe("Done");
    const about = { kind: "VolumeMove", name: "scouts-quota" };
    await eventMatching(ground, about, /^SchedulerNotHeard: the API server refused .*exceeded quota: no-claims/);
    await readyOn(ground, NS, "quota-0", before.metadata.uid);
  } finally {
    await ground.delete("ResourceQuota", "no-claims", MOVABLE_NAMESPACE);
  }
});

test("a scheduler that does not run is not waited for", async () => {
  const { ground } = on;
  const [a = "", b = ""] = ground.nodes;
  await ground.apply(toYaml(claimOn(a, NS, "data-nobody-0", MOVABLE_CLASS)));
  const volume = await volumeOf(ground, NS, "data-nobody-0");
  const set = statefulSet(NS, "nobody", MOVABLE_CLASS, ["sleep", "3600"]) as {
    spec: { template: { spec: object } };
  };
  Object.assign(set.spec.template.spec, { schedulerName: "nobody" });
  await ground.apply(toYaml(set));
  await bound(a);
  await readyOn(ground, NS, "nobody-0");
  await ground.apply(toYaml(volumeMove("scouts-nobody", [volume], a)));
  const { phase, target = b } = (await ended(ground, "scouts-nobody")).status ?? {};
  expect(phase).toBe("Done");
  const about = { kind: "VolumeMove", name: "scouts-nobody" };
  await eventMatching(ground, about, /^SchedulerNotHeard: the scheduler nobody has not answered within 20 seconds/);
  await bound(target);
  await readyOn(ground, NS, "nobody-0");
});

/** Does what the scheduler of the pod would do. */
async function bound(node: string): Promise<void> {
  await on.ground.waitFor("the pod to have a node", async (saw) => {
    const binding = {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name: "nobody-0", namespace: NS },
      target: { apiVersion: "v1", kind: "Node", name: node },
    };
    const path = `/api/v1/namespaces/${NS}/pods/nobody-0/binding`;
    const result = await on.ground.kubectl(["create", "--raw", path, "-f", "-"], { stdin: JSON.stringify(binding) });
    saw(result.stderr);
    return result.code === 0 ? true : undefined;
  });
}
