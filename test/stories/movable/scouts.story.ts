/*
 * The target of a move is the node where the scheduler can put the pods. Each story blocks the node
 * whose disk has the most room: without the scheduler's word the move would go there.
 */
import { expect, test } from "vitest";
import type { StorageNode } from "../../../src/api/kinds/storage-node.ts";
import type { Pod as ApiPod } from "../../../src/kube/kinds.ts";
import type { Stored } from "../../../src/kube/objects.ts";
import { parseQuantity } from "../../../src/kube/quantity.ts";
import { drain, ENDED_WELL, endOf, endedMovesOf, movesOf, useDrains } from "../support/drains.ts";
import { toYaml } from "../support/manifest.ts";
import { MOVABLE_CLASS, MOVABLE_NAMESPACE } from "../support/movable.ts";
import { ended, moveNamed, nodeNameOf, readyOn, volumeOf } from "../support/movable-objects.ts";
import { inPhase, moveGone, volumeMove } from "../support/moves.ts";
import { cordon, NODE_MS } from "../support/nodes.ts";
import type { Claim, NodeObject, Pod } from "../support/objects.ts";
import { becomesSilent, everybodyWorks } from "../support/victims.ts";
import { claimOn, onHost, pod as busybox, statefulSet } from "../support/workloads.ts";

const NS = "movable-scouts";
const on = useDrains(NS, ["node-files", "drain"]);

interface Workload {
  readonly spec: {
    readonly template: { readonly metadata: object; readonly spec: { readonly containers: [object] } };
  };
}

/**
 * A StatefulSet of one pod whose volume is on this node; what its pod and its container have
 * besides.
 */
async function startOn(node: string, name: string, spec: object = {}, container: object = {}): Promise<Pod> {
  const { ground } = on;
  await ground.apply(toYaml(claimOn(node, NS, `data-${name}-0`, MOVABLE_CLASS)));
  await volumeOf(ground, NS, `data-${name}-0`);
  const set = statefulSet(NS, name, MOVABLE_CLASS, ["sleep", "3600"]) as Workload;
  const { template } = set.spec;
  const containers = [{ ...template.spec.containers[0], ...container }];
  const changed = { ...template, spec: { ...template.spec, ...spec, containers } };
  await ground.apply(toYaml({ ...set, spec: { ...set.spec, template: changed } }));
  const pod = await readyOn(ground, NS, `${name}-0`);
  expect(nodeNameOf(pod)).toBe(node);
  return pod;
}

/** Waits until the pod is gone: fill() must not count it. */
async function remove(name: string): Promise<void> {
  const { ground } = on;
  await ground.delete("StatefulSet", name, NS);
  await ground.delete("PersistentVolumeClaim", `data-${name}-0`, NS);
  await ground.waitFor(`${name}-0 to be gone`, async () =>
    (await ground.get("Pod", `${name}-0`, NS)) === undefined ? true : undefined,
  );
}

/** A pod without a volume on a node, in its place there. */
async function neighbour(node: string, name: string, change: { spec?: object; container?: object }): Promise<void> {
  const { metadata, spec } = busybox(NS, name, "", { container: { volumeMounts: [], ...change.container } }) as {
    metadata: object;
    spec: object;
  };
  const labelled = { ...metadata, labels: { app: name } };
  const pod = { apiVersion: "v1", kind: "Pod", metadata: labelled };
  await on.ground.apply(toYaml({ ...pod, spec: { ...spec, ...onHost(node), volumes: [], ...change.spec } }));
  await readyOn(on.ground, NS, name);
}

/** Where a move without the scheduler's word would go, and the other node. */
async function emptiest(but: string): Promise<readonly [emptiest: string, other: string]> {
  const nodes = await on.ground.list<StorageNode>("storagenodes.mooring.dev");
  const free = (node: string): number =>
    nodes.find(({ metadata }) => metadata?.name === node)?.status?.pools?.[0]?.availableBytes ?? 0;
  const [best = "", other = ""] = on.ground.nodes
    .filter((node) => node !== but)
    .toSorted((a, b) => free(b) - free(a) || (a < b ? -1 : 1));
  return [best, other];
}

/** Millicores of a node that no pod asks for. */
async function freeCpu(node: string): Promise<number> {
  const milli = (text: string | undefined): number => Number(parseQuantity(text ?? "0").nano / 1_000_000n);
  const found = await on.ground.get<NodeObject & { status: { allocatable: { cpu: string } } }>("Node", node);
  type Asking = Pod & { spec: { containers: readonly { resources?: { requests?: { cpu?: string } } }[] } };
  const pods = await on.ground.list<Asking>("pods", { fieldSelector: `spec.nodeName=${node}` });
  const asked = pods
    .filter(({ status }) => status.phase !== "Succeeded" && status.phase !== "Failed")
    .flatMap(({ spec }) => spec.containers)
    .reduce((sum, { resources }) => sum + milli(resources?.requests?.cpu), 0);
  return milli(found?.status.allocatable.cpu) - asked;
}

/** Takes all CPU of a node but so many millicores. */
async function fill(node: string, but: number): Promise<void> {
  const cpu = `${String((await freeCpu(node)) - but)}m`;
  await neighbour(node, `full-${node}`, { container: { resources: { requests: { cpu } } } });
}

async function empty(node: string): Promise<void> {
  await on.ground.delete("Pod", `full-${node}`, NS);
}

async function move(name: string, from: string): Promise<string | undefined> {
  const volume = await volumeOf(on.ground, NS, `data-${name}-0`);
  await on.ground.apply(toYaml(volumeMove(`scouts-${name}`, [volume], from)));
  return (await ended(on.ground, `scouts-${name}`)).status?.target;
}

/** Waits until no pod and no claim asks for a move any more. */
async function noScoutIsLeft(): Promise<void> {
  await on.ground.waitFor("no scout to be left", async (saw) => {
    const selector = { namespace: MOVABLE_NAMESPACE, labelSelector: "mooring.dev/scout" };
    const left = [
      ...(await on.ground.list<Pod>("pods", selector)),
      ...(await on.ground.list<Claim>("persistentvolumeclaims", selector)),
    ];
    saw(left.map(({ metadata }) => metadata.name));
    return left.length === 0 ? true : undefined;
  });
}

test("a drained pod goes where there is CPU for it, not where the most disk is", async () => {
  const { ground } = on;
  const [a = ""] = ground.nodes;
  const pod = await startOn(a, "cpu", {}, { resources: { requests: { cpu: "400m" } } });
  const [full, other] = await emptiest(a);
  await fill(full, 300);
  expect(endOf(await drain(ground, a))).toEqual(ENDED_WELL);
  expect(nodeNameOf(await readyOn(ground, NS, "cpu-0", pod.metadata.uid))).toBe(other);
  const moves = await endedMovesOf(ground, await volumeOf(ground, NS, "data-cpu-0"));
  expect(moves.map(({ status }) => [status?.phase, status?.target])).toEqual([["Done", other]]);
  await noScoutIsLeft();
  await remove("cpu");
  await empty(full);
});

test("a move goes to the node to which one that was called off has copied, although another has more free CPU", async () => {
  const { ground } = on;
  const [a = ""] = ground.nodes;
  await startOn(a, "again", {}, { resources: { requests: { cpu: "100m" } } });
  const [best, other] = await emptiest(a);
  const volume = await volumeOf(ground, NS, "data-again-0");
  // Nobody asks for this drain: so it copies, and does not go on.
  await cordon(ground, a);
  await ground.apply(toYaml(volumeMove("scouts-again-off", [volume], a, other, { reason: "Drain" })));
  await inPhase(ground, "scouts-again-off", "Prepared");
  await ground.delete("volumemoves.mooring.dev", "scouts-again-off");
  await moveGone(ground, "scouts-again-off");
  await cordon(ground, a, false);
  await fill(other, 600);
  expect(best).not.toBe(other);
  expect(await move("again", a)).toBe(other);
  await noScoutIsLeft();
  await remove("again");
  await empty(other);
});

test("a pod that will not be beside another one goes past that one's node", async () => {
  const [a = ""] = on.ground.nodes;
  const [best, other] = await emptiest(a);
  await neighbour(best, "rival", {});
  const labelSelector = { matchLabels: { app: "rival" } };
  const term = { topologyKey: "kubernetes.io/hostname", labelSelector };
  const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
  await startOn(a, "apart", { affinity });
  expect(await move("apart", a)).toBe(other);
  await remove("apart");
  await on.ground.delete("Pod", "rival", NS);
});

test("a pod goes past a node whose pod will not have it there", async () => {
  const [a = ""] = on.ground.nodes;
  const [best, other] = await emptiest(a);
  const labelSelector = { matchLabels: { app: "unwanted" } };
  const term = { topologyKey: "kubernetes.io/hostname", labelSelector };
  const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
  await neighbour(best, "hostile", { spec: { affinity } });
  await startOn(a, "unwanted");
  expect(await move("unwanted", a)).toBe(other);
  await remove("unwanted");
  await on.ground.delete("Pod", "hostile", NS);
});

test("a pod goes past a node with a taint that it does not tolerate", async () => {
  const { ground } = on;
  const [a = ""] = ground.nodes;
  const [best, other] = await emptiest(a);
  const taint = { key: "story", value: "special", effect: "NoSchedule" };
  await ground.patch("Node", best, { spec: { taints: [taint] } });
  try {
    await startOn(a, "plain");
    expect(await move("plain", a)).toBe(other);
    await remove("plain");
  } finally {
    await ground.patch("Node", best, { spec: { taints: null } });
  }
});

test("pods that are spread over the nodes stay so", async () => {
  const [a = ""] = on.ground.nodes;
  const [best, other] = await emptiest(a);
  const topologySpreadConstraints = [
    {
      maxSkew: 1,
      topologyKey: "kubernetes.io/hostname",
      whenUnsatisfiable: "DoNotSchedule",
      labelSelector: { matchLabels: { app: "even" } },
    },
  ];
  await neighbour(best, "even", {});
  await startOn(a, "even", { topologySpreadConstraints });
  expect(await move("even", a)).toBe(other);
  await remove("even");
  await on.ground.delete("Pod", "even", NS);
});

test("a pod with a host port goes where that port is free", async () => {
  const [a = ""] = on.ground.nodes;
  const [best, other] = await emptiest(a);
  const ports = [{ containerPort: 7777, hostPort: 7777 }];
  await neighbour(best, "listener", { container: { ports } });
  await startOn(a, "port", {}, { ports });
  expect(await move("port", a)).toBe(other);
  await remove("port");
  await on.ground.delete("Pod", "listener", NS);
});

test("pods that must be on one host leave together, to a node with room for both", async () => {
  const { ground } = on;
  const [a = ""] = ground.nodes;
  const near = (app: string): object => {
    const term = { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: { app } } };
    return { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } };
  };
  const asks = { resources: { requests: { cpu: "200m" } } };
  const hub = await startOn(a, "hub", {}, asks);
  const satellite = await startOn(a, "satellite", near("hub"), asks);
  const [best, other] = await emptiest(a);
  await fill(best, 300);
  expect(endOf(await drain(ground, a))).toEqual(ENDED_WELL);
  expect(nodeNameOf(await readyOn(ground, NS, "hub-0", hub.metadata.uid))).toBe(other);
  expect(nodeNameOf(await readyOn(ground, NS, "satellite-0", satellite.metadata.uid))).toBe(other);
  const volume = await volumeOf(ground, NS, "data-hub-0");
  const [move] = await movesOf(ground, volume);
  expect(move?.spec.volumes.map(({ name }) => name).toSorted()).toEqual(
    [volume, await volumeOf(ground, NS, "data-satellite-0")].toSorted(),
  );
  await remove("hub");
  await remove("satellite");
  await empty(best);
});

test("where no node has room the move waits with the scheduler's words, and begins by itself", async () => {
  const { ground } = on;
  const [a = "", b = "", c = ""] = ground.nodes;
  await startOn(a, "large", {}, { resources: { requests: { cpu: "400m" } } });
  await fill(b, 300);
  await fill(c, 300);
  const volume = await volumeOf(ground, NS, "data-large-0");
  await ground.apply(toYaml(volumeMove("scouts-large", [volume], a)));
  await ground.waitFor("the move to be blocked", async (saw) => {
    const { conditions, message } = (await moveNamed(ground, "scouts-large"))?.status ?? {};
    saw({ conditions, message });
    return conditions?.some(
      ({ reason, message: why }) =>
        reason === "MOVE_NO_TARGET" && /the scheduler reports: .*Insufficient cpu/.test(why ?? ""),
    );
  });
  await empty(c);
  expect((await ended(ground, "scouts-large")).status).toMatchObject({ phase: "Done", target: c });
  await noScoutIsLeft();
  await remove("large");
  await empty(b);
});

test("where a drained pod fits nowhere, a scout waits for any node that is added, and the drain goes on with room", async () => {
  const { ground } = on;
  const [a = "", b = "", c = ""] = ground.nodes;
  const pod = await startOn(a, "nowhere", {}, { resources: { requests: { cpu: "400m" } } });
  await fill(b, 300);
  await fill(c, 300);
  const draining = drain(ground, a);
  const scout = await openScout();
  // What an autoscaler looks for: a pod that has no node, and may have one that is not there yet.
  expect(scout.spec?.nodeName).toBeUndefined();
  expect(scout.spec?.nodeSelector ?? {}).toEqual({});
  const terms = scout.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const rules = terms?.flatMap(({ matchExpressions = [], matchFields = [] }) => [...matchExpressions, ...matchFields]);
  expect(rules?.filter(({ operator }) => operator !== "NotIn") ?? []).toEqual([]);
  expect(rules?.flatMap(({ values = [] }) => values) ?? []).toEqual([a]);
  const volume = await volumeOf(ground, NS, "data-nowhere-0");
  await ground.waitFor("the move to say what the scheduler reports", async (saw) => {
    const [{ status } = {}] = await movesOf(ground, volume);
    saw(status);
    return /the scheduler reports: .*Insufficient cpu/.test(status?.message ?? "") ? true : undefined;
  });
  expect((await readyOn(ground, NS, "nowhere-0")).metadata.uid).toBe(pod.metadata.uid);
  await empty(c);
  expect(endOf(await draining)).toEqual(ENDED_WELL);
  expect(nodeNameOf(await readyOn(ground, NS, "nowhere-0", pod.metadata.uid))).toBe(c);
  const moves = await endedMovesOf(ground, volume);
  expect(moves.map(({ status }) => [status?.phase, status?.target])).toEqual([["Done", c]]);
  await noScoutIsLeft();
  await remove("nowhere");
  await empty(b);
});

/**
 * Takes a node out of the cluster while the work is done, as an autoscaler takes out an empty one.
 * `join` switches its machine on again: its kubelet makes a new Node.
 */
async function withoutNode(node: string, work: (join: () => Promise<void>) => Promise<void>): Promise<void> {
  const { ground } = on;
  const before = await ground.get<NodeObject>("Node", node);
  expect(endOf(await drain(ground, node))).toEqual(ENDED_WELL);
  await ground.killNode(node);
  await ground.delete("Node", node);
  await becomesSilent(ground, node);
  // Else the agent's pod would be waiting on the machine when that comes back.
  const args = ["--all-namespaces", `--field-selector=spec.nodeName=${node}`, "--force", "--grace-period=0"];
  const removed = await ground.kubectl(["delete", "pods", ...args]);
  expect(removed, removed.stderr).toMatchObject({ code: 0 });
  let isOff = true;
  const join = async (): Promise<void> => {
    await ground.startNode(node);
    isOff = false;
  };
  try {
    await work(join);
  } finally {
    if (isOff) await join();
    await everybodyWorks(ground);
  }
  expect((await ground.get<NodeObject>("Node", node))?.metadata.uid).not.toBe(before?.metadata.uid);
}

test("where a drained pod fits nowhere, a node that is added takes its open scout, and then its volume", async (context) => {
  on.needs(context, "isolation", "kubectl", "node-kill");
  const { ground } = on;
  const [a = "", b = "", c = ""] = ground.nodes;
  const pod = await startOn(a, "added", {}, { resources: { requests: { cpu: "400m" } } });
  const volume = await volumeOf(ground, NS, "data-added-0");
  await withoutNode(c, async (join) => {
    await fill(b, 300);
    try {
      const draining = drain(ground, a, "--timeout=600s");
      const { metadata } = await openScout();
      expect((await readyOn(ground, NS, "added-0")).metadata.uid).toBe(pod.metadata.uid);
      await join();
      // The scheduler knows the node before its agent has started. The scout waits there.
      const scouts = new Set<string>();
      await ground.waitFor(
        `the move to go to ${c}`,
        async (saw) => {
          const selector = { namespace: MOVABLE_NAMESPACE, labelSelector: "mooring.dev/scout" };
          for (const one of await ground.list<Pod>("pods", selector)) scouts.add(one.metadata.name);
          const [{ status } = {}] = await movesOf(ground, volume);
          saw({ scouts: [...scouts], status });
          return status?.target;
        },
        { everyMs: 50, timeoutMs: NODE_MS },
      );
      expect([...scouts]).toEqual([metadata.name]);
      expect(endOf(await draining)).toEqual(ENDED_WELL);
      expect(nodeNameOf(await readyOn(ground, NS, "added-0", pod.metadata.uid))).toBe(c);
      const moves = await endedMovesOf(ground, volume);
      expect(moves.map(({ status }) => [status?.phase, status?.target])).toEqual([["Done", c]]);
      await noScoutIsLeft();
    } finally {
      await remove("added");
      await empty(b);
    }
  });
});

/** The only scout, once it may go to any new node and the scheduler has none for it. */
async function openScout(): Promise<Stored<ApiPod>> {
  return on.ground.waitFor("one open scout that is Pending for want of CPU", async (saw) => {
    const selector = { namespace: MOVABLE_NAMESPACE, labelSelector: "mooring.dev/scout" };
    const scouts = await on.ground.list<Stored<ApiPod>>("pods", selector);
    saw(scouts.map(({ metadata, status }) => ({ metadata, status })));
    const [scout] = scouts;
    if (scout === undefined || scouts.length > 1 || scout.status?.phase !== "Pending") return undefined;
    const scheduled = scout.status.conditions?.find(({ type }) => type === "PodScheduled");
    const isRefused = scheduled?.status === "False" && /Insufficient cpu/.test(scheduled.message ?? "");
    return isRefused && scout.metadata.annotations?.["mooring.dev/scout-open"] === "true" ? scout : undefined;
  });
}
