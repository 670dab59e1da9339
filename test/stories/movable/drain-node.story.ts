import { afterEach, expect, onTestFinished, test } from "vitest";
import { removeWorkload, useNamespace } from "../support/cleanup.ts";
import {
  allReady,
  drain,
  ENDED_WELL,
  endOf,
  movesOf,
  moveWhere,
  onlyOn,
  podsLeftOn,
  uncordonAll,
} from "../support/drains.ts";
import { toYaml } from "../support/manifest.ts";
import { MOVABLE_CLASS, useMovable } from "../support/movable.ts";
import { localVolume, nodeNameOf, POOL, poolWithClass, readyOn, scale, volumeOf } from "../support/movable-objects.ts";
import { cordon } from "../support/nodes.ts";
import type { Claim, Pod } from "../support/objects.ts";
import { checkRecords, followAcknowledged, moreRecords, recordWriter } from "../support/records.ts";
import { claimOn, pod, statefulSet } from "../support/workloads.ts";

const on = useMovable(["node-files", "drain"]);
const NS = "movable-drain-node";
useNamespace(on, NS);

afterEach(async () => {
  const annotations = { "mooring.dev/release": null, "mooring.dev/drain": null };
  for (const node of on.ground.nodes) await on.ground.patch("Node", node, { metadata: { annotations } });
  await uncordonAll(on.ground);
});

/** A writer of records with one pod on this node: its volume, and the pod. */
async function startWriter(node: string, name: string): Promise<{ volume: string; before: Pod }> {
  const { ground } = on;
  return onlyOn(ground, node, async () => {
    await ground.apply(toYaml(recordWriter(NS, name, MOVABLE_CLASS)));
    const before = await readyOn(ground, NS, `${name}-0`);
    expect(nodeNameOf(before)).toBe(node);
    return { volume: await volumeOf(ground, NS, `data-${name}-0`), before };
  });
}

/** The same, until the end of the story. */
async function writerOn(node: string, name: string): ReturnType<typeof startWriter> {
  removedAtEnd("StatefulSet", name, [`data-${name}-0`]);
  return startWriter(node, name);
}

/**
 * Takes a workload and its data away at the end of a story, also of one that has failed: the next
 * one has the nodes and the names for itself.
 */
function removedAtEnd(kind: string, name: string, claims: readonly string[]): void {
  onTestFinished(async () => {
    const { ground } = on;
    const bound = await Promise.all(
      claims.map(async (claim) => await ground.get<Claim>("PersistentVolumeClaim", claim, NS)),
    );
    await removeWorkload(ground, NS, [kind, name], claims);
    for (const volume of bound.flatMap((claim) => claim?.spec.volumeName ?? [])) {
      await ground.waitFor(`LocalVolume ${volume} to be gone`, async (saw) => {
        const found = await localVolume(ground, volume);
        saw(found);
        return found === undefined ? true : undefined;
      });
    }
  });
}

async function cordonAll(nodes: readonly string[], unschedulable = true): Promise<void> {
  for (const node of nodes) await cordon(on.ground, node, unschedulable);
}

/** The node that a story drains, and the others. */
function nodes(): { a: string; others: string[] } {
  const [a = "", ...others] = on.ground.nodes;
  return { a, others };
}

test("a claim made while its node is cordoned leaves with the drain", async (context) => {
  on.needs(context, "kubectl");
  const { ground } = on;
  const { a, others } = nodes();
  const names = ["race-0", "race-1", "race-2", "race-3"];
  removedAtEnd(
    "StatefulSet",
    "race",
    names.map((name) => `data-${name}`),
  );
  await cordonAll(others);
  await ground.apply(toYaml(recordWriter(NS, "race", MOVABLE_CLASS, { replicas: 4, parallel: true })));
  await ground.waitFor("a pod to have its node", async () => {
    const pods = await ground.list<Pod>("pods", { namespace: NS });
    return pods.some(({ spec }) => spec.nodeName === a) ? true : undefined;
  });
  const draining = drain(ground, a);
  await cordonAll(others, false);
  expect(endOf(await draining)).toEqual(ENDED_WELL);
  expect(await podsLeftOn(ground, a)).toEqual([]);
  expect([...(await allReady(ground, NS, names)).values()]).not.toContain(a);
  const volumes = await Promise.all(names.map((name) => volumeOf(ground, NS, `data-${name}`)));
  for (const volume of volumes) expect((await localVolume(ground, volume))?.spec.nodeName).not.toBe(a);
});

test("a volume that was never published leaves with the drain", async () => {
  const { ground } = on;
  const { a } = nodes();
  removedAtEnd("Pod", "never", ["never"]);
  await ground.apply(toYaml(claimOn(a, NS, "never", MOVABLE_CLASS)));
  const volume = await volumeOf(ground, NS, "never");
  expect(endOf(await drain(ground, a))).toEqual(ENDED_WELL);
  expect((await localVolume(ground, volume))?.spec.nodeName).not.toBe(a);
  await ground.apply(toYaml(pod(NS, "never", "never")));
  expect(nodeNameOf(await readyOn(ground, NS, "never"))).not.toBe(a);
});

test.each([
  ["mooring.dev/release", "true"],
  ["mooring.dev/drain", "stay"],
])("with %s=%s on the node the drain passes, and the volume stays", async (key, value) => {
  const { ground } = on;
  const { a } = nodes();
  const { volume, before } = await writerOn(a, "kept");
  await ground.patch("Node", a, { metadata: { annotations: { [key]: value } } });
  expect(endOf(await drain(ground, a))).toEqual(ENDED_WELL);
  expect((await localVolume(ground, volume))?.spec).toMatchObject({ nodeName: a, epoch: 1 });
  expect(await movesOf(ground, volume)).toEqual([]);
  await cordon(ground, a, false);
  expect(nodeNameOf(await readyOn(ground, NS, "kept-0", before.metadata.uid))).toBe(a);
  expect((await checkRecords(ground, NS, "kept-0")).faults).toEqual([]);
});

test("a pool that is on no other node does not hold the drain", async () => {
  const { ground } = on;
  const { a } = nodes();
  const [pool, storageClass] = poolWithClass("lonely", "/var/lib/mooring/lonely", {
    nodeSelector: { "kubernetes.io/hostname": a },
    // The scheduler knows no pools, and would choose other nodes as long as it likes them better.
    allowedTopologies: [{ matchLabelExpressions: [{ key: "kubernetes.io/hostname", values: [a] }] }],
  });
  onTestFinished(async () => {
    await ground.delete("StorageClass", "mooring-lonely");
    await ground.delete("storagepools.mooring.dev", "lonely");
  });
  removedAtEnd("StatefulSet", "lonely", ["data-lonely-0"]);
  await ground.apply(toYaml(pool, storageClass, statefulSet(NS, "lonely", "mooring-lonely", ["sleep", "3600"])));
  const before = await readyOn(ground, NS, "lonely-0");
  expect(nodeNameOf(before)).toBe(a);
  const { code, stderr } = await drain(ground, a);
  expect(code).toBe(0);
  expect(stderr).toMatch(/pool lonely is on no other node/);
  await cordon(ground, a, false);
  expect(nodeNameOf(await readyOn(ground, NS, "lonely-0", before.metadata.uid))).toBe(a);
});

test("uncordon cancels a move that waits; Ctrl-C of a drain leaves the pod alone, and a later drain goes on", async () => {
  const { ground } = on;
  const { a, others } = nodes();
  const { volume, before } = await writerOn(a, "off");
  await cordonAll(others);
  const draining = drain(ground, a, "--timeout=20s");
  const waiting = await moveWhere(ground, volume, "to wait for a node", ({ phase, message }) => {
    return phase === "Planned" && message?.includes("no node can take the volumes") === true;
  });
  expect((await draining).code).toBe(1);
  await cordon(ground, a, false);
  const cancelled = await moveWhere(ground, volume, "to be cancelled", ({ phase }) => phase === "Cancelled");
  expect(cancelled.metadata?.name).toBe(waiting.metadata?.name);
  expect(cancelled.status?.message).toMatch(/not leaving any more/);
  expect((await readyOn(ground, NS, "off-0")).metadata.uid).toBe(before.metadata.uid);
  expect((await localVolume(ground, volume))?.spec).toMatchObject({ nodeName: a, epoch: 1 });

  expect((await drain(ground, a, "--timeout=3s")).code).toBe(1);
  expect((await readyOn(ground, NS, "off-0")).metadata.uid).toBe(before.metadata.uid);
  const following = await followAcknowledged(ground, NS, "off-0");
  await cordonAll(others, false);
  expect(endOf(await drain(ground, a))).toEqual(ENDED_WELL);
  const acknowledged = await following.last;
  expect(nodeNameOf(await readyOn(ground, NS, "off-0", before.metadata.uid))).not.toBe(a);
  expect((await checkRecords(ground, NS, "off-0", acknowledged)).faults).toEqual([]);
});

test("two drains at once and one more after them move a pod once", async (context) => {
  on.needs(context, "kubectl");
  const { ground } = on;
  const { a } = nodes();
  const { volume, before } = await writerOn(a, "once");
  const ends = await Promise.all([drain(ground, a), drain(ground, a)]);
  expect(ends.map((end) => endOf(end))).toEqual([ENDED_WELL, ENDED_WELL]);
  const after = await readyOn(ground, NS, "once-0", before.metadata.uid);
  expect(endOf(await drain(ground, a))).toEqual(ENDED_WELL);
  expect((await readyOn(ground, NS, "once-0")).metadata.uid).toBe(after.metadata.uid);
  expect((await localVolume(ground, volume))?.spec.epoch).toBe(2);
  expect((await movesOf(ground, volume)).length).toBe(1);
});

test("drain a, uncordon a, drain b within a minute: the pod is back with every byte", async () => {
  const { ground } = on;
  const { a } = nodes();
  const { volume, before } = await writerOn(a, "there");
  await moreRecords(ground, NS, "there-0");
  expect(endOf(await drain(ground, a))).toEqual(ENDED_WELL);
  const away = await readyOn(ground, NS, "there-0", before.metadata.uid);
  const b = nodeNameOf(away);
  await cordonAll(ground.nodes.filter((node) => node !== a && node !== b));
  await cordon(ground, a, false);
  const acknowledged = await moreRecords(ground, NS, "there-0");
  const following = await followAcknowledged(ground, NS, "there-0");
  expect(endOf(await drain(ground, b))).toEqual(ENDED_WELL);
  const last = await following.last;
  expect(last.record).toBeGreaterThanOrEqual(acknowledged.record);
  const home = await readyOn(ground, NS, "there-0", away.metadata.uid);
  expect(nodeNameOf(home)).toBe(a);
  expect((await checkRecords(ground, NS, "there-0", last)).faults).toEqual([]);
  expect((await localVolume(ground, volume))?.spec).toMatchObject({ nodeName: a, epoch: 3 });
});

test("kubectl drain, and the machine may burn: every acknowledged byte is elsewhere, also of a workload scaled to zero", async (context) => {
  on.needs(context, "node-kill");
  const { ground } = on;
  const { a } = nodes();
  // They end with the namespace: this is the last story, and the node has to come back first.
  const { volume, before } = await startWriter(a, "w");
  const idle = await startWriter(a, "idle");
  const written = await moreRecords(ground, NS, "idle-0");
  await scale(ground, NS, "idle", 0);
  await moreRecords(ground, NS, "w-0");
  const following = await followAcknowledged(ground, NS, "w-0");
  const disk = ground.onNode(a);
  expect(endOf(await drain(ground, a))).toEqual(ENDED_WELL);
  // Not a moment later, and before anything of the node can say goodbye.
  await disk.exec(["mv", POOL, `${POOL}.burnt`]);
  await ground.killNode(a);
  await ground.delete("Node", a);
  try {
    const acknowledged = await following.last;
    const after = await readyOn(ground, NS, "w-0", before.metadata.uid);
    expect(nodeNameOf(after)).not.toBe(a);
    await moreRecords(ground, NS, "w-0");
    expect((await checkRecords(ground, NS, "w-0", acknowledged)).faults).toEqual([]);
    await scale(ground, NS, "idle", 1);
    expect(nodeNameOf(await readyOn(ground, NS, "idle-0"))).not.toBe(a);
    expect((await checkRecords(ground, NS, "idle-0", written)).faults).toEqual([]);
    for (const name of [volume, idle.volume]) expect((await localVolume(ground, name))?.spec.epoch).toBe(2);
  } finally {
    await ground.startNode(a);
    await disk.exec(["mv", `${POOL}.burnt`, POOL]);
    await ground.waitFor(`node ${a} to be back`, async () => ground.get("Node", a));
  }
});
