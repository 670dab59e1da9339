/*
 * Where a volume may go, as the real scheduler and real disks have it. Each story is such that
 * without the rule it names another node would be taken, or no move would begin or end.
 */
import { expect, test } from "vitest";
import type { StorageNode } from "../../../src/api/kinds/storage-node.ts";
import type { PoolShape } from "../../cluster/ground.ts";
import { drain, drainSlowly, ENDED_WELL, endOf, limit, moveWhere, endedMovesOf, useDrains } from "../support/drains.ts";
import { running, runsOn } from "../support/held-moves.ts";
import { toYaml } from "../support/manifest.ts";
import { MOVABLE_CLASS } from "../support/movable.ts";
import {
  endPod,
  ended,
  goneFrom,
  localVolume,
  nodeNameOf,
  poolWithClass,
  readyOn,
  removeSet,
  volumeOf,
} from "../support/movable-objects.ts";
import { inPhase, moveGone, nodeBut, nothingLeftBehind, volumeMove } from "../support/moves.ts";
import { cordon, labelNode } from "../support/nodes.ts";
import type { Pod } from "../support/objects.ts";
import { drainFromPoolDisks } from "../support/pool-disks.ts";
import { checkRecords, moreRecords, recordWriter } from "../support/records.ts";
import { claim, claimOn, pod as busybox } from "../support/workloads.ts";

const NS = "movable-places";
const on = useDrains(NS, ["node-files", "pool-disks", "kubectl", "drain"]);
const HOSTNAME = "kubernetes.io/hostname";
const ZONE = "topology.kubernetes.io/zone";

interface Workload {
  readonly spec: { readonly template: { readonly metadata: object; readonly spec: PodSpec } };
}
interface PodSpec {
  readonly containers: readonly [{ readonly volumeMounts: readonly object[] }];
}

/** The set with more in its pods' spec. */
function withSpec(set: object, more: object): object {
  const { spec, ...rest } = set as Workload;
  const { template } = spec;
  return { ...rest, spec: { ...spec, template: { ...template, spec: { ...template.spec, ...more } } } };
}

/** The set whose pod has another claim besides, at /more. */
function withClaim(set: object, claimName: string): object {
  const [container] = (set as Workload).spec.template.spec.containers;
  const volumeMounts = [...container.volumeMounts, { name: "more", mountPath: "/more" }];
  const volumes = [{ name: "more", persistentVolumeClaim: { claimName } }];
  return withSpec(set, { containers: [{ ...container, volumeMounts }], volumes });
}

test("when the disk of a target fills, a drained volume goes to another node, and its pod runs until then", async () => {
  const { ground } = on;
  const [a = ""] = ground.nodes;
  const [pool, storageClass] = [{ name: "fills", path: "/var/lib/mooring/fills" }, "mooring-fills"];
  await drainFromPoolDisks(ground, { pool, shapeOf: () => ({ mib: 160 }), namespace: NS, set: "full" }, async () => {
    await ground.apply(toYaml(claimOn(a, NS, "data-full-0", storageClass)));
    const volume = await volumeOf(ground, NS, "data-full-0");
    const writer = await running(ground, NS, "full", { gracePeriodSeconds: 1 }, storageClass);
    const make = "for n in $(seq 32); do dd if=/dev/urandom of=/data/$n bs=1M count=1 2>/dev/null; done; sync";
    await ground.exec(NS, "full-0", ["sh", "-c", make]);
    const sums = ["sh", "-c", "cd /data && md5sum $(seq 32)"];
    const before = (await ground.exec(NS, "full-0", sums)).stdout;

    // Two minutes for the copy, so that the disk fills in the middle of it.
    const { ended: draining, moves } = await drainSlowly(ground, a, [volume], "256Ki");
    const first = await moveWhere(ground, volume, "to copy", ({ phase }) => phase === "Copying");
    const full = first.status?.target ?? "";
    const other = nodeBut(ground, a, full);
    const fill = `for n in 1 2; do dd if=/dev/zero of=${pool.path}/ballast-$n bs=1M; sync; done 2>/dev/null; true`;
    await ground.onNode(full).exec(["sh", "-c", fill]);
    const second = await moveWhere(ground, volume, `to go to ${other}`, ({ phase, target }) => {
      return phase === "Copying" && target === other;
    });
    expect(second.metadata?.uid).toBe(first.metadata?.uid);
    // Either the copy was refused, or the agent had reported before that its pool has no room.
    for (const { message, node } of second.status?.failedTargets ?? []) {
      expect([node, message]).toEqual([full, expect.stringMatching(/full/)]);
    }
    // The source does not notice anything: the pod is the same, and writes.
    const pod = await readyOn(ground, NS, "full-0");
    expect([pod.metadata.uid, nodeNameOf(pod)]).toEqual([writer.pod.metadata.uid, a]);
    const acknowledged = await moreRecords(ground, NS, "full-0", 3);
    expect((await localVolume(ground, volume))?.spec).toMatchObject({ nodeName: a, epoch: 1 });

    for (const move of moves) await limit(ground, move, null);
    expect(endOf(await draining)).toEqual(ENDED_WELL);
    await runsOn(ground, { ...writer, acknowledged }, other, 2);
    expect((await ground.exec(NS, "full-0", sums)).stdout).toBe(before);
    expect((await endedMovesOf(ground, volume)).map(({ status }) => [status?.phase, status?.target])).toEqual([
      ["Done", other],
    ]);
    await nothingLeftBehind(ground);
  });
});

const MIB = 1024 ** 2;
/** What the claims of these stories ask for. */
const CAPACITY = 64 * MIB;

/** What a node's agent has reported as free in a pool. */
async function reportedFree(node: string, pool: string): Promise<number | undefined> {
  const found = await on.ground.get<StorageNode>("storagenodes.mooring.dev", node);
  return found?.status?.pools?.find(({ name }) => name === pool)?.availableBytes;
}

/**
 * Waits until a node has reported that less than the capacity is free in a pool. Agents report the
 * free bytes once a minute, and at once when there is another pool: so another one is made.
 */
async function reportsLess(node: string, pool: string): Promise<void> {
  const { ground } = on;
  const [another] = poolWithClass("places-another", "/not-mounted/another");
  await ground.apply(toYaml(another));
  try {
    await ground.waitFor(`${node} to report less than the capacity as free`, async (saw) => {
      const free = await reportedFree(node, pool);
      saw(free);
      return free !== undefined && free < CAPACITY ? true : undefined;
    });
  } finally {
    await ground.delete("storagepools.mooring.dev", "places-another");
  }
}

test("a target keeps its place while the copy takes its room, until less than the capacity is free", async () => {
  const { ground } = on;
  const [a = "", b = ""] = ground.nodes;
  const [pool, storageClass] = [{ name: "tight", path: "/var/lib/mooring/tight" }, "mooring-tight"];
  const usedMiB = 48;
  // The last node has no room, so there is no other target.
  const shapeOf = (index: number): PoolShape => ({ mib: index < 2 ? 92 : 48 });
  await drainFromPoolDisks(ground, { pool, shapeOf, namespace: NS, set: "tight" }, async () => {
    await ground.apply(toYaml(claimOn(a, NS, "data-tight-0", storageClass)));
    const volume = await volumeOf(ground, NS, "data-tight-0");
    const writer = await running(ground, NS, "tight", { gracePeriodSeconds: 1 }, storageClass);
    const make = `dd if=/dev/urandom of=/data/big bs=1M count=${String(usedMiB)} 2>/dev/null; sync; md5sum /data/big`;
    const sum = (await ground.exec(NS, "tight-0", ["sh", "-c", make])).stdout;
    const before = (await reportedFree(b, pool.name)) ?? 0;
    expect(before).toBeGreaterThanOrEqual(CAPACITY);
    expect(before).toBeLessThan(CAPACITY + usedMiB * MIB);

    const { ended: draining, moves } = await drainSlowly(ground, a, [volume], "4Mi");
    const [move = ""] = moves;
    const first = await moveWhere(ground, volume, "to copy", ({ phase }) => phase === "Copying");
    await ground.waitFor("the copy to have taken room", async (saw) => {
      const { stdout } = await ground.onNode(b).exec(["df", "-B1", "--output=avail", pool.path]);
      saw(stdout);
      return Number(stdout.split("\n")[1]) < CAPACITY ? true : undefined;
    });
    await limit(ground, move, "64Ki");
    await reportsLess(b, pool.name);
    await limit(ground, move, null);

    expect(endOf(await draining)).toEqual(ENDED_WELL);
    await runsOn(ground, writer, b, 2);
    expect((await ground.exec(NS, "tight-0", ["md5sum", "/data/big"])).stdout).toBe(sum);
    // The move has entered Copying once only.
    const ends = (await endedMovesOf(ground, volume)).map(({ status }) => [
      status?.phase,
      status?.target,
      status?.copyingAt,
    ]);
    expect(ends).toEqual([["Done", b, first.status?.copyingAt]]);
    await nothingLeftBehind(ground);
  });
});

/** A taint that keeps pods away from the last node. */
const TAINT = { key: "mooring-test/places", value: "yes", effect: "NoSchedule" };

test("a pod goes to the node that it prefers, unless that has a taint which it does not tolerate", async () => {
  const { ground } = on;
  const [a = "", b = "", c = ""] = ground.nodes;
  const prefers = (node: string): object => {
    const preference = { matchExpressions: [{ key: HOSTNAME, operator: "In", values: [node] }] };
    return { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, preference }] } };
  };
  const tolerations = [{ key: TAINT.key, operator: "Exists" }];
  const sets: Readonly<Record<string, readonly [spec: object, goesTo: string]>> = {
    "likes-b": [{ affinity: prefers(b), tolerations }, b],
    "likes-c": [{ affinity: prefers(c), tolerations }, c],
    "kept-off-c": [{ affinity: prefers(c) }, b],
  };
  await ground.patch("Node", c, { spec: { taints: [TAINT] } });
  try {
    for (const [name, [spec]] of Object.entries(sets)) {
      await ground.apply(toYaml(claimOn(a, NS, `data-${name}-0`, MOVABLE_CLASS)));
      await volumeOf(ground, NS, `data-${name}-0`);
      const set = recordWriter(NS, name, MOVABLE_CLASS, { pause: 0.2, gracePeriodSeconds: 1 });
      await ground.apply(toYaml(withSpec(set, spec)));
    }
    for (const [name] of Object.entries(sets)) {
      await moreRecords(ground, NS, `${name}-0`);
      await ground.apply(toYaml(volumeMove(`places-${name}`, [await volumeOf(ground, NS, `data-${name}-0`)], a)));
    }
    for (const [name, [, goesTo]] of Object.entries(sets)) {
      expect((await ended(ground, `places-${name}`)).status).toMatchObject({ phase: "Done", target: goesTo });
      expect([name, nodeNameOf(await readyOn(ground, NS, `${name}-0`))]).toEqual([name, goesTo]);
    }
    for (const [name] of Object.entries(sets)) await removeSet(ground, NS, name);
  } finally {
    await ground.patch("Node", c, { spec: { taints: null } });
  }
});

/** A volume of no driver of ours that may be used in a zone only, and its claim. */
function zonal(name: string, zone: string): readonly object[] {
  const expression = { key: ZONE, operator: "In", values: [zone] };
  const spec = {
    storageClassName: "",
    capacity: { storage: "64Mi" },
    accessModes: ["ReadWriteOnce"],
    persistentVolumeReclaimPolicy: "Retain",
    claimRef: { namespace: NS, name },
    hostPath: { path: `/opt/${name}`, type: "DirectoryOrCreate" },
    nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [expression] }] } },
  };
  return [
    { apiVersion: "v1", kind: "PersistentVolume", metadata: { name }, spec },
    claim(NS, name, "", { spec: { volumeName: name } }),
  ];
}

test("a pod with a second volume that is bound to a zone stays in that zone, and waits where no node there can take it", async () => {
  const { ground } = on;
  const [a = "", b = "", c = ""] = ground.nodes;
  const [other, set] = ["movable-places-zonal", recordWriter(NS, "zone", MOVABLE_CLASS, { gracePeriodSeconds: 1 })];
  try {
    for (const node of [a, b]) await labelNode(ground, node, { [ZONE]: "left" });
    await labelNode(ground, c, { [ZONE]: "right" });
    await ground.apply(toYaml(...zonal(other, "left"), claimOn(a, NS, "data-zone-0", MOVABLE_CLASS)));
    const volume = await volumeOf(ground, NS, "data-zone-0");
    await ground.apply(toYaml(withClaim(set, other)));
    const before = await readyOn(ground, NS, "zone-0");
    expect(nodeNameOf(before)).toBe(a);

    await cordon(ground, b);
    const draining = drain(ground, a);
    const elsewhere = `${c}: volume ${other} of the pod cannot be used there (pod zone-0)`;
    const held = await moveWhere(ground, volume, "to be blocked", ({ conditions = [] }) => {
      return conditions.some(({ reason }) => reason === "MOVE_NO_TARGET");
    });
    expect(held.status?.message).toContain(elsewhere);
    expect(held.status?.message).toContain(`${b}: it is cordoned`);
    expect((await readyOn(ground, NS, "zone-0")).metadata.uid).toBe(before.metadata.uid);
    const acknowledged = await moreRecords(ground, NS, "zone-0", 3);

    await cordon(ground, b, false);
    expect(endOf(await draining)).toEqual(ENDED_WELL);
    expect(nodeNameOf(await readyOn(ground, NS, "zone-0", before.metadata.uid))).toBe(b);
    expect((await checkRecords(ground, NS, "zone-0", acknowledged)).faults).toEqual([]);
    await removeSet(ground, NS, "zone");
  } finally {
    await ground.delete("StatefulSet", "zone", NS);
    await ground.delete("PersistentVolumeClaim", other, NS);
    await ground.delete("PersistentVolume", other);
    for (const node of ground.nodes) {
      await labelNode(ground, node, { [ZONE]: null });
      await ground.onNode(node).exec(["rm", "-rf", `/opt/${other}`]);
    }
  }
});

/** A pod has written into the new volume of a claim on this node, and has ended: the volume. */
async function writtenOn(node: string, claimName: string): Promise<string> {
  const { ground } = on;
  await ground.apply(toYaml(claimOn(node, NS, claimName, MOVABLE_CLASS)));
  const spec = { terminationGracePeriodSeconds: 1 };
  await ground.apply(toYaml(busybox(NS, `writes-${claimName}`, claimName, { spec })));
  expect(nodeNameOf(await readyOn(ground, NS, `writes-${claimName}`))).toBe(node);
  await ground.exec(NS, `writes-${claimName}`, ["sh", "-c", `echo ${claimName} >/data/who && sync`]);
  await endPod(ground, NS, `writes-${claimName}`);
  return volumeOf(ground, NS, claimName);
}

test("two volumes of a pod on different nodes: spec.to brings one to the other, and to no third node", async () => {
  const { ground } = on;
  const [a = "", b = "", c = ""] = ground.nodes;
  const volume = await writtenOn(a, "data-apart-0");
  const more = await writtenOn(b, "apart-more");
  const set = recordWriter(NS, "apart", MOVABLE_CLASS, { gracePeriodSeconds: 1 });
  await ground.apply(toYaml(withClaim(set, "apart-more")));
  await ground.waitFor("a pod that finds no node", async (saw) => {
    const pod = await ground.get<Pod>("Pod", "apart-0", NS);
    saw(pod?.status);
    return pod?.status.conditions?.some(({ reason }) => reason === "Unschedulable") === true ? true : undefined;
  });

  await ground.apply(toYaml(volumeMove("places-third", [volume], a, c)));
  const why = `volume ${more} is on node ${b}, and the move would go to node ${c}`;
  const held = await inPhase(ground, "places-third", "Planned", ({ status }) => status?.conditions !== undefined);
  expect(held.status?.message).toContain(why);
  await ground.delete("volumemoves.mooring.dev", "places-third");
  await moveGone(ground, "places-third");

  await ground.apply(toYaml(volumeMove("places-together", [volume], a, b)));
  expect((await ended(ground, "places-together")).status?.phase).toBe("Done");
  expect(nodeNameOf(await readyOn(ground, NS, "apart-0"))).toBe(b);
  const { stdout } = await ground.exec(NS, "apart-0", ["cat", "/data/who", "/more/who"]);
  expect(stdout).toBe("data-apart-0\napart-more\n");
  await nothingLeftBehind(ground);
  await removeSet(ground, NS, "apart");
  await ground.delete("PersistentVolumeClaim", "apart-more", NS);
  await goneFrom(ground, more, b);
});
