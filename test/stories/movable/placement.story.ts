import { afterAll, beforeAll, expect, test } from "vitest";
import { leaveNamespace, openNamespace } from "../support/cleanup.ts";
import { toYaml } from "../support/manifest.ts";
import { MOVABLE_CLASS, useMovable, withoutController } from "../support/movable.ts";
import {
  ended,
  eventMatching,
  goneFrom,
  localVolume,
  nodeNameOf,
  readyOn,
  volumeOf,
} from "../support/movable-objects.ts";
import { labelsOf, withoutNodeObject } from "../support/nodes.ts";
import type { NodeObject, Pod } from "../support/objects.ts";
import { type Acknowledged, checkRecords, moreRecords, recordWriter } from "../support/records.ts";
import { claimOn, onHost } from "../support/workloads.ts";

const on = useMovable(["node-files"]);
const NS = "movable-placement";
const AT = "at.mooring.node-restriction.kubernetes.io";
const AWAY = "away.mooring.node-restriction.kubernetes.io";
const HOSTNAME = "kubernetes.io/hostname";

beforeAll(async () => {
  await openNamespace(on.ground, NS);
});
afterAll(async () => {
  for (const node of on.ground.nodes) await cordoned(node, null);
  await leaveNamespace(on.ground, NS);
});

function labelled(node: string, labels: Readonly<Record<string, string>>): Promise<void> {
  return on.ground.patch("Node", node, { metadata: { labels } });
}

function cordoned(node: string, unschedulable: true | null): Promise<void> {
  return on.ground.patch("Node", node, { spec: { unschedulable } });
}

async function labelIs(node: string, volume: string, prefix: string | undefined): Promise<void> {
  const wanted = prefix === undefined ? [] : [`${prefix}/${volume}`];
  await on.ground.waitFor(`the label of ${volume} on ${node}`, async (saw) => {
    const labels = await labelsOf(on.ground, node, volume);
    saw(labels);
    return labels.join() === wanted.join() ? true : undefined;
  });
}

/**
 * A writer of records whose volume is made on this node: a selector in its pod would hold it there
 * for ever.
 */
async function startWriter(name: string, node: string): Promise<void> {
  const { ground } = on;
  const data = `data-${name}-0`;
  await ground.apply(toYaml(claimOn(node, NS, data, MOVABLE_CLASS)));
  await volumeOf(ground, NS, data);
  await ground.apply(toYaml(recordWriter(NS, name, MOVABLE_CLASS, { gracePeriodSeconds: 1 })));
}

/** A writer of records that has begun on one node and was moved by hand to another. */
async function movedWriter(name: string, from: string, to: string): Promise<{ volume: string; pod: Pod }> {
  const { ground } = on;
  await startWriter(name, from);
  const before = await readyOn(ground, NS, `${name}-0`);
  expect(nodeNameOf(before)).toBe(from);
  const volume = await volumeOf(ground, NS, `data-${name}-0`);
  await moreRecords(ground, NS, `${name}-0`);
  const move = {
    apiVersion: "mooring.dev/v1alpha1",
    kind: "VolumeMove",
    metadata: { name: `placement-${name}` },
    spec: { volumes: [{ name: volume }], from, to },
  };
  await ground.apply(toYaml(move));
  const after = await readyOn(ground, NS, `${name}-0`, before.metadata.uid);
  expect(nodeNameOf(after)).toBe(to);
  await ended(ground, `placement-${name}`);
  return { volume, pod: after };
}

async function removeWriter(name: string, volume: string): Promise<void> {
  const { ground } = on;
  await ground.delete("StatefulSet", name, NS);
  await ground.delete("PersistentVolumeClaim", `data-${name}-0`, NS);
  for (const node of ground.nodes) await goneFrom(ground, volume, node);
}

test("a label that somebody put on a wrong node brings the pod there, where it is refused, swept, and made again at its data", async () => {
  const { ground } = on;
  const [a = "", b = "", c = ""] = ground.nodes;
  // It waits on the wrong node as well, and has nothing to do with the volume.
  const neighbour = recordWriter(NS, "neighbour", MOVABLE_CLASS) as { spec: { template: { spec: object } } };
  Object.assign(neighbour.spec.template.spec, onHost(c));
  await ground.apply(toYaml(neighbour));
  const { metadata: beside } = await readyOn(ground, NS, "neighbour-0");
  const { pod, volume } = await movedWriter("w", a, b);
  const acknowledged = await moreRecords(ground, NS, "w-0");

  // With a controller the label would be gone at once.
  await withoutController(ground, async () => {
    await labelled(c, { [`${AT}/${volume}`]: "" });
    await cordoned(b, true);
    await ground.delete("Pod", "w-0", NS);
    await eventMatching(
      ground,
      { kind: "Pod", name: "w-0", namespace: NS },
      /is on node \S+, not on \S+ \(AGENT_ELSEWHERE/,
    );
    expect((await ground.get<Pod>("Pod", "w-0", NS))?.spec.nodeName).toBe(c);
    await cordoned(b, null);
  });
  await labelIs(c, volume, undefined);
  await eventMatching(ground, { kind: "Pod", name: "w-0", namespace: NS }, /^VolumeElsewhere/);
  const after = await ground.waitFor("the pod to run at its data", async (saw) => {
    const found = await ground.get<Pod>("Pod", "w-0", NS);
    saw({ node: found?.spec.nodeName, status: found?.status });
    const isReady = found?.status.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
    return isReady === true && found?.metadata.deletionTimestamp === undefined ? found : undefined;
  });
  expect(nodeNameOf(after)).toBe(b);
  expect(after.metadata.uid).not.toBe(pod.metadata.uid);
  await moreRecords(ground, NS, "w-0");
  expect((await checkRecords(ground, NS, "w-0", acknowledged)).faults).toEqual([]);
  expect((await readyOn(ground, NS, "neighbour-0")).metadata.uid).toBe(beside.uid);
  await removeWriter("w", volume);
  await ground.delete("StatefulSet", "neighbour", NS);
  await ground.delete("PersistentVolumeClaim", "data-neighbour-0", NS);
});

test("two nodes with one hostname: each pod comes back to the node that has its volume", async () => {
  const { ground } = on;
  const [a = "", b = "", c = ""] = ground.nodes;
  const { volume } = await movedWriter("origin", b, a);
  try {
    await labelIs(b, volume, AWAY);
    await labelled(c, { [HOSTNAME]: b });
    // A clone of the origin has no data either.
    await labelIs(c, volume, AWAY);
    await startWriter("twin", c);
    let twin = await readyOn(ground, NS, "twin-0");
    expect(nodeNameOf(twin)).toBe(c);
    const twinVolume = await volumeOf(ground, NS, "data-twin-0");
    expect((await localVolume(ground, twinVolume))?.spec.originHostname).toBe(b);
    await labelIs(b, twinVolume, AWAY);
    await labelIs(c, twinVolume, undefined);
    const acknowledged: Acknowledged[] = [];
    for (let restart = 0; restart < 3; restart += 1) {
      acknowledged.push(await moreRecords(ground, NS, "twin-0"));
      await ground.delete("Pod", "twin-0", NS);
      twin = await readyOn(ground, NS, "twin-0", twin.metadata.uid);
      expect(nodeNameOf(twin)).toBe(c);
    }
    expect((await checkRecords(ground, NS, "twin-0", ...acknowledged)).faults).toEqual([]);

    // Its own hostname again: now the volume is not on the node that its affinity names.
    await labelled(c, { [HOSTNAME]: c });
    await labelIs(c, twinVolume, AT);
    await labelIs(b, twinVolume, AWAY);
    await labelIs(c, volume, undefined);
    await ground.delete("Pod", "twin-0", NS);
    expect(nodeNameOf(await readyOn(ground, NS, "twin-0", twin.metadata.uid))).toBe(c);
    await removeWriter("twin", twinVolume);
  } finally {
    await labelled(c, { [HOSTNAME]: c });
  }
  await removeWriter("origin", volume);
});

test("a Node object that is deleted and made again gets the labels of its volumes, and the pod its data", async (context) => {
  on.needs(context, "kubelet");
  const { ground } = on;
  const [a = "", b = ""] = ground.nodes;
  const { volume } = await movedWriter("again", a, b);
  const acknowledged = await moreRecords(ground, NS, "again-0");
  const before = await ground.get<NodeObject>("Node", b);
  await withoutNodeObject(ground, b, async () => {
    await ground.waitFor("the Node to be gone", async () =>
      (await ground.get("Node", b)) === undefined ? true : undefined,
    );
  });
  const after = await ground.waitFor("the Node to be there again", async () => ground.get<NodeObject>("Node", b));
  expect(after.metadata.uid).not.toBe(before?.metadata.uid);
  await labelIs(b, volume, AT);
  await labelIs(a, volume, AWAY);
  // kube-controller-manager deletes the pods of a node that is gone, or the kubelet takes them up
  // again.
  const again = await ground.waitFor("the pod to be Ready with its data", async (saw) => {
    const found = await ground.get<Pod>("Pod", "again-0", NS);
    saw({ uid: found?.metadata.uid, node: found?.spec.nodeName, status: found?.status });
    const isReady = found?.status.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
    return isReady === true && found?.metadata.deletionTimestamp === undefined ? found : undefined;
  });
  expect(nodeNameOf(again)).toBe(b);
  await ground.delete("Pod", "again-0", NS);
  expect(nodeNameOf(await readyOn(ground, NS, "again-0", again.metadata.uid))).toBe(b);
  expect((await checkRecords(ground, NS, "again-0", acknowledged)).faults).toEqual([]);
  await removeWriter("again", volume);
});
