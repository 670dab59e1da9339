/* Drains of pods that share a volume, of budgets that say no, and of what was evicted unseen. */
import { expect, test } from "vitest";
import { removeWorkload } from "../support/cleanup.ts";
import { drain, ENDED_WELL, endOf, endedMovesOf, moveWhere, onlyOn, useDrains } from "../support/drains.ts";
import { toYaml } from "../support/manifest.ts";
import { controllerPods, MOVABLE_CLASS, MOVABLE_NAMESPACE } from "../support/movable.ts";
import { copyDirectory, eventsAbout, localVolume, nodeNameOf, readyOn, volumeOf } from "../support/movable-objects.ts";
import { firstNode } from "../support/nodes.ts";
import type { Pod } from "../support/objects.ts";
import { checkRecords, faultsOf, followAcknowledged, moreRecords, recordWriter } from "../support/records.ts";
import { budget, claim, pod } from "../support/workloads.ts";

const NS = "movable-drain-groups";
const on = useDrains(NS, ["node-files", "drain"]);

interface Workload {
  readonly spec: {
    readonly replicas: number;
    readonly template: {
      readonly metadata: object;
      readonly spec: { readonly containers: readonly [{ readonly command: readonly string[] }] };
    };
  };
}

const FILE = "/data/records";

/** A Deployment of the same pods, which share one claim. Each pod has a file of records. */
function sharing(name: string, replicas: number): object[] {
  const { spec } = recordWriter(NS, name, MOVABLE_CLASS, { pause: 0.2 }) as Workload;
  const { metadata, spec: podSpec } = spec.template;
  const [container] = podSpec.containers;
  const command = container.command.map((part) => part.replaceAll(FILE, `${FILE}-$HOSTNAME`));
  const volumes = [{ name: "data", persistentVolumeClaim: { claimName: name } }];
  return [
    claim(NS, name, MOVABLE_CLASS),
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name, namespace: NS },
      spec: {
        replicas,
        strategy: { type: "Recreate" },
        selector: { matchLabels: { app: name } },
        template: { metadata, spec: { ...podSpec, containers: [{ ...container, command }], volumes } },
      },
    },
  ];
}

interface Budget {
  readonly status?: { readonly disruptionsAllowed: number; readonly expectedPods: number };
}

async function podsOf(app: string): Promise<Pod[]> {
  const pods = await on.ground.list<Pod>("pods", { namespace: NS, labelSelector: `app=${app}` });
  return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/** Waits until so many pods are Ready, and no other one is there but those that are ending. */
async function readyPods(app: string, replicas: number): Promise<Pod[]> {
  return on.ground.waitFor(`${String(replicas)} pods of ${app} to be Ready`, async (saw) => {
    const pods = await podsOf(app);
    saw(pods.map(({ status }) => status));
    const ready = pods.filter(({ status }) => {
      return status.conditions?.some((one) => one.type === "Ready" && one.status === "True");
    });
    return ready.length === replicas ? ready : undefined;
  });
}

test.each([1, 2])("a Deployment whose %d pods share a claim leaves as a whole", async (replicas) => {
  const { ground } = on;
  const a = firstNode(ground);
  const name = `shared-${String(replicas)}`;
  await onlyOn(ground, a, async () => {
    await ground.apply(toYaml(...sharing(name, replicas)));
    await readyPods(name, replicas);
  });
  expect(endOf(await drain(ground, a))).toEqual(ENDED_WELL);
  const pods = await readyPods(name, replicas);
  const nodes = new Set(pods.map((pod) => nodeNameOf(pod)));
  expect([nodes.size, nodes.has(a)]).toEqual([1, false]);
  await removeWorkload(ground, NS, ["Deployment", name], [name]);
});

test("two pods that share a volume leave as a whole, although their budget allows only one eviction", async () => {
  const { ground } = on;
  const a = firstNode(ground);
  await onlyOn(ground, a, async () => {
    await ground.apply(toYaml(...sharing("half", 2), budget(NS, "half", "half", { maxUnavailable: 1 })));
    await readyPods("half", 2);
  });
  await ground.waitFor("the budget to allow one eviction", async (saw) => {
    const { status } = (await ground.get<Budget>("PodDisruptionBudget", "half", NS)) ?? {};
    saw(status);
    return status?.expectedPods === 2 && status.disruptionsAllowed === 1 ? true : undefined;
  });
  const volume = await volumeOf(ground, NS, "half");
  const before = (await podsOf("half")).map(({ metadata }) => metadata.name);
  for (const name of before) await moreRecords(ground, NS, name);
  const following = await Promise.all(before.map((name) => followAcknowledged(ground, NS, name)));
  expect(endOf(await drain(ground, a))).toEqual(ENDED_WELL);
  const acknowledged = await Promise.all(following.map(({ last }) => last));
  const after = await readyPods("half", 2);
  const spec = (await localVolume(ground, volume))?.spec;
  expect(spec).toMatchObject({ epoch: 2 });
  expect(spec?.nodeName).not.toBe(a);
  expect(after.map((pod) => nodeNameOf(pod))).toEqual([spec?.nodeName, spec?.nodeName]);
  // In one go: had half of the group come back first, the move would have been fenced twice.
  expect((await endedMovesOf(ground, volume)).map(({ status }) => [status?.phase, status?.sealing])).toEqual([
    ["Done", 1],
  ]);
  const data = `${copyDirectory(volume, 2)}/data`;
  for (const [index, name] of before.entries()) {
    const text = await ground.onNode(spec?.nodeName ?? "").readFile(`${data}/records-${name}`);
    expect(faultsOf(text, acknowledged.slice(index, index + 1)), name).toEqual([]);
  }
  await ground.delete("PodDisruptionBudget", "half", NS);
  await removeWorkload(ground, NS, ["Deployment", "half"], ["half"]);
});

test("pods that have finished hold no drain: one with a volume of its own, one with that of a pod that runs", async () => {
  const { ground } = on;
  const a = firstNode(ground);
  const finished = ["data-user-0", "own"].map((name) => ({ pod: `finished-${name}`, claim: name }));
  await onlyOn(ground, a, async () => {
    await ground.apply(toYaml(recordWriter(NS, "user", MOVABLE_CLASS), claim(NS, "own", MOVABLE_CLASS)));
    await readyOn(ground, NS, "user-0");
    for (const { claim: name, pod: podName } of finished) {
      const command = ["sh", "-c", "echo finished >/data/finished"];
      await ground.apply(toYaml(pod(NS, podName, name, { command, spec: { restartPolicy: "Never" } })));
      await ground.waitFor(`pod ${podName} to have finished`, async (saw) => {
        const found = await ground.get<Pod>("Pod", podName, NS);
        saw(found?.status);
        return found?.status.phase === "Succeeded" ? true : undefined;
      });
    }
  });
  const before = await readyOn(ground, NS, "user-0");
  const written = await moreRecords(ground, NS, "user-0");
  expect(endOf(await drain(ground, a))).toEqual(ENDED_WELL);
  expect(nodeNameOf(await readyOn(ground, NS, "user-0", before.metadata.uid))).not.toBe(a);
  expect((await checkRecords(ground, NS, "user-0", written)).faults).toEqual([]);
  for (const { pod: name } of finished) await ground.delete("Pod", name, NS);
  await removeWorkload(ground, NS, ["StatefulSet", "user"], ["data-user-0", "own"]);
});

test("a budget that allows nothing is told at once and holds the drain; deleting it lets the drain go on", async () => {
  const { ground } = on;
  const a = firstNode(ground);
  await onlyOn(ground, a, async () => {
    await ground.apply(
      toYaml(recordWriter(NS, "pdb", MOVABLE_CLASS), budget(NS, "none", "pdb", { maxUnavailable: 0 })),
    );
    await readyOn(ground, NS, "pdb-0");
  });
  const before = await readyOn(ground, NS, "pdb-0");
  const volume = await volumeOf(ground, NS, "data-pdb-0");
  const draining = drain(ground, a);
  const held = await moveWhere(
    ground,
    volume,
    "to be held",
    ({ conditions }) => conditions?.[0]?.reason === "MOVE_EVICTION_HELD",
  );
  expect(held.status?.phase).toBe("Prepared");
  expect(held.status?.message).toMatch(/disruption budget/);
  expect((await localVolume(ground, volume))?.spec.fence).toBeUndefined();
  expect((await readyOn(ground, NS, "pdb-0")).metadata.uid).toBe(before.metadata.uid);
  await ground.delete("PodDisruptionBudget", "none", NS);
  expect(endOf(await draining)).toEqual(ENDED_WELL);
  expect(nodeNameOf(await readyOn(ground, NS, "pdb-0", before.metadata.uid))).not.toBe(a);
  await removeWorkload(ground, NS, ["StatefulSet", "pdb"], ["data-pdb-0"]);
});

test("two budgets on one pod: the API server's words stand in the move", async () => {
  const { ground } = on;
  const a = firstNode(ground);
  await onlyOn(ground, a, async () => {
    await ground.apply(
      toYaml(
        recordWriter(NS, "two", MOVABLE_CLASS),
        budget(NS, "one", "two", { maxUnavailable: 1 }),
        budget(NS, "other", "two", { maxUnavailable: 1 }),
      ),
    );
    await readyOn(ground, NS, "two-0");
  });
  const volume = await volumeOf(ground, NS, "data-two-0");
  const draining = drain(ground, a);
  const held = await moveWhere(
    ground,
    volume,
    "to fail",
    ({ conditions }) => conditions?.[0]?.reason === "MOVE_EVICTION_FAILED",
  );
  const words = /more than one PodDisruptionBudget, which the eviction subresource does not support/;
  expect(held.status?.conditions?.[0]?.message).toMatch(words);
  await ground.waitFor("an event about the pod", async (saw) => {
    const events = await eventsAbout(ground, "Pod", "two-0", NS);
    saw(events);
    return events.some((text) => words.test(text)) ? true : undefined;
  });
  await ground.delete("PodDisruptionBudget", "other", NS);
  // The disruption controller counts a pod of two budgets for an arbitrary one of them. If the
  // pod's last change was counted for the other one, this one allows nothing until something makes
  // the controller look at it again.
  await ground.patch("PodDisruptionBudget", "one", { metadata: { annotations: { seen: "alone" } } }, NS);
  const { code, stdout, stderr } = await draining;
  expect(endOf({ code, stderr })).toEqual(ENDED_WELL);
  expect(`${stdout}${stderr}`).toMatch(words);
  await removeWorkload(ground, NS, ["StatefulSet", "two"], ["data-two-0"]);
  await ground.delete("PodDisruptionBudget", "one", NS);
});

test("a pod that was evicted while the webhook was down is followed by its volume", async () => {
  const { ground } = on;
  const a = firstNode(ground);
  await onlyOn(ground, a, async () => {
    await ground.apply(toYaml(recordWriter(NS, "lost", MOVABLE_CLASS)));
    await readyOn(ground, NS, "lost-0");
  });
  const before = await readyOn(ground, NS, "lost-0");
  const written = await moreRecords(ground, NS, "lost-0");
  await ground.patch("Deployment", "mooring-controller", { spec: { replicas: 0 } }, MOVABLE_NAMESPACE);
  await ground.waitFor("the controller to be gone", async () =>
    (await controllerPods(ground)).length === 0 ? true : undefined,
  );
  try {
    await ground.patch("Node", a, { spec: { unschedulable: true } });
    await ground.evict(NS, "lost-0");
    await ground.waitFor("a pod that finds no node", async () => {
      const pod = await ground.get<Pod>("Pod", "lost-0", NS);
      const isOther = pod !== undefined && pod.metadata.uid !== before.metadata.uid;
      return isOther && pod.status.conditions?.some(({ reason }) => reason === "Unschedulable") === true
        ? true
        : undefined;
    });
  } finally {
    await ground.patch("Deployment", "mooring-controller", { spec: { replicas: 2 } }, MOVABLE_NAMESPACE);
  }
  expect(nodeNameOf(await readyOn(ground, NS, "lost-0", before.metadata.uid))).not.toBe(a);
  expect((await checkRecords(ground, NS, "lost-0", written)).faults).toEqual([]);
  expect(endOf(await drain(ground, a))).toEqual(ENDED_WELL);
  await removeWorkload(ground, NS, ["StatefulSet", "lost"], ["data-lost-0"]);
});
