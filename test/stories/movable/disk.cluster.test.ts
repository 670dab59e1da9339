import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PoolOnNode, StorageNode } from "../../../src/api/kinds/storage-node.ts";
import type { StoragePool } from "../../../src/api/kinds/storage-pool.ts";
import { useNamespace } from "../support/cleanup.ts";
import { running, runsOn } from "../support/held-moves.ts";
import { toYaml } from "../support/manifest.ts";
import {
  agentPod,
  killAgent,
  MOVABLE_CLASS,
  MOVABLE_NAMESPACE,
  useMovable,
  withoutController,
} from "../support/movable.ts";
import {
  copiesOf,
  copyDirectory,
  endPod,
  eventMatching,
  goneFrom,
  localVolume,
  nodeNameOf,
  POOL,
  publishedOn,
  readyOn,
  removeSet,
  volumeOf,
  poolWithClass,
} from "../support/movable-objects.ts";
import { type Acknowledged, checkRecords, moreRecords, recordWriter } from "../support/records.ts";
import { claim, claimOn, onHost, pod as anyPod } from "../support/workloads.ts";

const on = useMovable(["node-files", "kubelet", "kubectl"]);
const NS = "movable-disk";

/** A pod with a grace period: one without leaves the API before its volume is unpublished. */
function pod(...[namespace, name, claimName, change = {}]: Parameters<typeof anyPod>): object {
  const spec = { terminationGracePeriodSeconds: 1, ...change.spec };
  return anyPod(namespace, name, claimName, { ...change, spec });
}
useNamespace(on, NS);

/**
 * A pod has written a word into its new volume and has ended: the volume, its node and its
 * directory.
 */
async function writtenOnce(name: string): Promise<{ volume: string; node: string; data: string }> {
  const { ground } = on;
  await ground.apply(toYaml(claim(NS, name, MOVABLE_CLASS), pod(NS, `${name}-first`, name)));
  const node = nodeNameOf(await readyOn(ground, NS, `${name}-first`));
  const volume = await volumeOf(ground, NS, name);
  await ground.exec(NS, `${name}-first`, ["sh", "-c", "echo here > /data/x && sync"]);
  await ground.waitFor("the right to create to end", async () =>
    (await localVolume(ground, volume))?.spec.mayCreate === undefined ? true : undefined,
  );
  await endPod(ground, NS, `${name}-first`);
  return { volume, node, data: `${copyDirectory(volume, 1)}/data` };
}

/**
 * Starts a pod of the claim that the agent refuses, and ends it again: the sentence in its events.
 */
async function refused(name: string, claimName: string, why: RegExp, spec: object = {}): Promise<string> {
  const { ground } = on;
  await ground.apply(toYaml(pod(NS, name, claimName, { spec: { ...spec } })));
  const said = await eventMatching(ground, { kind: "Pod", name, namespace: NS }, why);
  expect((await ground.get<{ status: { phase: string } }>("Pod", name, NS))?.status.phase).toBe("Pending");
  await endPod(ground, NS, name);
  return said;
}

describe("data that is gone from the disk is missing, and never made anew", () => {
  test("a data directory that somebody moved away: the pod waits, and has its data once it is back", async () => {
    const { ground } = on;
    const { data, node, volume } = await writtenOnce("moved-away");
    const disk = ground.onNode(node);
    await disk.exec(["mv", data, `${data}.kept`]);
    await refused("moved-away-second", "moved-away", /data missing.*AGENT_DATA_MISSING/);
    expect(await disk.exists(data)).toBe(false);
    expect(await publishedOn(ground, node)).toEqual([]);
    await disk.exec(["mv", `${data}.kept`, data]);
    await ground.apply(toYaml(pod(NS, "moved-away-third", "moved-away")));
    await readyOn(ground, NS, "moved-away-third");
    expect((await ground.exec(NS, "moved-away-third", ["cat", "/data/x"])).stdout).toBe("here\n");
    await endPod(ground, NS, "moved-away-third");
    await ground.delete("PersistentVolumeClaim", "moved-away", NS);
    await goneFrom(ground, volume, node);
  });

  test("the whole copy removed by hand: the VolumeCopy says missing, also after the agent was started again", async () => {
    const { ground } = on;
    const { node, volume } = await writtenOnce("removed");
    const disk = ground.onNode(node);
    await disk.exec(["rm", "-r", copyDirectory(volume, 1)]);
    await refused("removed-second", "removed", /data missing/);
    await ground.delete("Pod", (await agentPod(ground, node)).metadata.name, MOVABLE_NAMESPACE);
    await refused("removed-third", "removed", /data missing/);
    await ground.waitFor("the VolumeCopy to say that the data is missing", async (saw) => {
      const copies = await copiesOf(ground, volume);
      saw(copies.map(({ status }) => status));
      return copies[0]?.status?.copies?.[0]?.missing === true ? true : undefined;
    });
    expect(await disk.exists(copyDirectory(volume, 1))).toBe(false);
    await ground.delete("PersistentVolumeClaim", "removed", NS);
    await goneFrom(ground, volume, node);
  });
});

test("the agent publishes nothing that the API does not allow at that moment", async () => {
  const { ground } = on;
  const fenced = await writtenOnce("fenced");
  const elsewhere = await writtenOnce("elsewhere");
  const [firstNode = ""] = ground.nodes;
  await ground.apply(toYaml(claimOn(firstNode, NS, "allowed", MOVABLE_CLASS)));
  const allowed = { volume: await volumeOf(ground, NS, "allowed"), node: firstNode };
  const other = ground.nodes.find((name) => name !== elsewhere.node) ?? "";
  // The controller would steer these pods to where their volumes are, or take the right to create
  // back.
  await withoutController(ground, async () => {
    const fence = "0b9d5ab5-2a4f-4c5e-9f54-0d1f2f1f7a11";
    const activeMove = { name: "by-hand", uid: fence };
    await ground.patch("localvolumes.mooring.dev", fenced.volume, { spec: { fence, activeMove } });
    await refused("fenced-second", "fenced", /is moving \(move 0b9d5ab5.*AGENT_MOVING/);
    await ground.patch("localvolumes.mooring.dev", fenced.volume, { spec: { fence: null, activeMove: null } });
    await ground.apply(toYaml(pod(NS, "fenced-third", "fenced")));
    await readyOn(ground, NS, "fenced-third");

    await ground.patch("localvolumes.mooring.dev", elsewhere.volume, { spec: { nodeName: other, epoch: 2 } });
    await refused("elsewhere-second", "elsewhere", /is on node \S+, not on \S+ \(AGENT_ELSEWHERE/);
    await ground.patch("localvolumes.mooring.dev", elsewhere.volume, { spec: { nodeName: elsewhere.node, epoch: 3 } });
    await refused("elsewhere-third", "elsewhere", /data missing.*epoch 3/);

    // The first publish was seen, but nobody has taken the right to create back yet.
    await ground.apply(toYaml(pod(NS, "allowed-first", "allowed")));
    await readyOn(ground, NS, "allowed-first");
    await ground.exec(NS, "allowed-first", ["sh", "-c", "echo here > /data/x && sync"]);
    await endPod(ground, NS, "allowed-first");
    const mayCreate = { nodeName: allowed.node, epoch: 1 };
    expect((await localVolume(ground, allowed.volume))?.spec.mayCreate).toEqual(mayCreate);
    const copy = copyDirectory(allowed.volume, 1);
    await ground.onNode(allowed.node).exec(["mv", copy, "/var/lib/mooring/kept"]);
    await refused("allowed-second", "allowed", /data missing/);
    expect(await ground.onNode(allowed.node).exists(copy)).toBe(false);
    await ground.onNode(allowed.node).exec(["mv", "/var/lib/mooring/kept", copy]);
    await ground.apply(toYaml(pod(NS, "allowed-third", "allowed")));
    await readyOn(ground, NS, "allowed-third");
    expect((await ground.exec(NS, "allowed-third", ["cat", "/data/x"])).stdout).toBe("here\n");
  });
  await endPod(ground, NS, "fenced-third");
  await endPod(ground, NS, "allowed-third");
  // Once it is taken back it is not given again, not even by hand.
  await ground.waitFor("the right to create to end", async () =>
    (await localVolume(ground, allowed.volume))?.spec.mayCreate === undefined ? true : undefined,
  );
  const again = { spec: { mayCreate: { nodeName: allowed.node, epoch: 1 } } };
  await expect(ground.patch("localvolumes.mooring.dev", allowed.volume, again)).rejects.toThrow(
    /a volume is made only once/,
  );
  for (const [name, { node, volume }] of Object.entries({ fenced, elsewhere, allowed })) {
    await ground.delete("PersistentVolumeClaim", name, NS);
    await goneFrom(ground, volume, node);
  }
});

test("a mount that is stacked on a published volume is taken off with it, and the data stays", async () => {
  const { ground } = on;
  await ground.apply(toYaml(claim(NS, "stacked", MOVABLE_CLASS), pod(NS, "stacked", "stacked")));
  const node = nodeNameOf(await readyOn(ground, NS, "stacked"));
  const volume = await volumeOf(ground, NS, "stacked");
  await ground.exec(NS, "stacked", ["sh", "-c", "echo here > /data/x"]);
  const [target = ""] = await publishedOn(ground, node);
  await ground.onNode(node).exec(["mount", "--bind", target, target]);
  expect(await publishedOn(ground, node)).toEqual([target, target]);
  await endPod(ground, NS, "stacked");
  expect(await publishedOn(ground, node)).toEqual([]);
  expect(await ground.onNode(node).exists(target)).toBe(false);
  expect(await ground.onNode(node).readFile(`${copyDirectory(volume, 1)}/data/x`)).toBe("here\n");
  await ground.delete("PersistentVolumeClaim", "stacked", NS);
  await goneFrom(ground, volume, node);
});

test("a ReadWriteOncePod volume is for one pod", async () => {
  const { ground } = on;
  const spec = { accessModes: ["ReadWriteOncePod"] };
  await ground.apply(toYaml(claim(NS, "single", MOVABLE_CLASS, { spec }), pod(NS, "single", "single")));
  const node = nodeNameOf(await readyOn(ground, NS, "single"));
  const volume = await volumeOf(ground, NS, "single");
  // Past the scheduler, which would not let it come so far.
  await refused("single-second", "single", /ReadWriteOncePod/, { nodeName: node });
  await readyOn(ground, NS, "single");
  await endPod(ground, NS, "single");
  await ground.delete("PersistentVolumeClaim", "single", NS);
  await goneFrom(ground, volume, node);
});

test("a kubelet that starts again while the disk cannot be read leaves a running pod its mount", async () => {
  const { ground } = on;
  const writer = await running(ground, NS, "unread");
  const { from, pod: before } = writer;
  const [file, kept] = [`${POOL}/pool.json`, "/root/pool.json.kept"];
  const mounts = await publishedOn(ground, from);
  expect(mounts).toHaveLength(1);
  try {
    await ground.onNode(from).exec(["mv", file, kept]);
    await ground.waitFor("the pool not to be ready", async (saw) => {
      const pools = (await ground.get<StorageNode>("storagenodes.mooring.dev", from))?.status?.pools;
      saw(pools);
      return pools?.some(({ name, ready }) => name === "default" && !ready) === true ? true : undefined;
    });
    await ground.stopKubelet(from);
    await ground.startKubelet(from);
    await eventMatching(ground, { kind: "Pod", name: "unread-0", namespace: NS }, /cannot be read now.*AGENT_NOT_SEEN/);
    expect(await publishedOn(ground, from)).toEqual(mounts);
  } finally {
    await ground.onNode(from).exec(["mv", kept, file]);
  }
  // A container that starts again has the volume.
  const acknowledged = await moreRecords(ground, NS, "unread-0", 5);
  await ground.killContainers(NS, "unread-0");
  expect((await runsOn(ground, { ...writer, acknowledged }, from, 1)).metadata.uid).toBe(before.metadata.uid);
  await removeSet(ground, NS, "unread");
});

test("agents that are killed while pods start and stop leave no hanging pod, no mount and no lost byte", async () => {
  const { ground } = on;
  const replicas = 3;
  const names = Array.from({ length: replicas }, (_, index) => `k-${String(index)}`);
  const set = recordWriter(NS, "k", MOVABLE_CLASS, { replicas, parallel: true, gracePeriodSeconds: 1 }) as {
    spec: { template: { spec: object } };
  };
  const [host = ""] = ground.nodes;
  Object.assign(set.spec.template.spec, onHost(host));
  await ground.apply(toYaml(set));
  const first = await readyOn(ground, NS, "k-0");
  const node = nodeNameOf(first);
  const pods = await Promise.all(names.map((name) => readyOn(ground, NS, name)));
  let uids = pods.map(({ metadata }) => metadata.uid);
  const acknowledged = new Map<string, Acknowledged>();
  const volumes = await Promise.all(names.map((name) => volumeOf(ground, NS, `data-${name}`)));
  for (let round = 0; round < 4; round += 1) {
    for (const name of names) acknowledged.set(name, await moreRecords(ground, NS, name, 3));
    await Promise.all(names.map((name) => ground.delete("Pod", name, NS)));
    // Sooner or later after the deletion each time: in the unpublishing, between, and in the
    // publishing.
    await new Promise((resolve) => setTimeout(resolve, 150 + round * 500));
    const agent = await agentPod(ground, node);
    await killAgent(ground, node);
    // The DaemonSet makes a new one at once, where the kubelet would wait longer after each kill.
    await ground.kubectl([
      "delete",
      "pod",
      `--namespace=${MOVABLE_NAMESPACE}`,
      "--grace-period=0",
      "--force",
      "--wait=false",
      agent.metadata.name,
    ]);
    const now = await Promise.all(names.map((name, index) => readyOn(ground, NS, name, uids[index])));
    uids = now.map(({ metadata }) => metadata.uid);
    expect(await publishedOn(ground, node)).toHaveLength(replicas);
  }
  for (const [name, last] of acknowledged) {
    expect((await checkRecords(ground, NS, name, last)).faults).toEqual([]);
  }
  await ground.patch("StatefulSet", "k", { spec: { replicas: 0 } }, NS);
  await ground.waitFor("nothing to be mounted", async (saw) => {
    const left = await publishedOn(ground, node);
    saw(left);
    return left.length === 0 ? true : undefined;
  });
  for (const name of names) await ground.delete("PersistentVolumeClaim", `data-${name}`, NS);
  for (const volume of volumes) await goneFrom(ground, volume, node);
});

describe("a pool whose disk comes and goes", () => {
  const PATH = "/var/lib/mooring/fast";
  const CLASS = "mooring-fast";
  const MARK = "mooring-test/fast";
  const node = (): string => on.ground.nodes[0] ?? "";

  const poolOn = async (): Promise<PoolOnNode | undefined> => {
    const found = await on.ground.get<StorageNode>("storagenodes.mooring.dev", node());
    return found?.status?.pools?.find(({ name }) => name === "fast");
  };
  const poolIs = (reason: PoolOnNode["reason"]): Promise<PoolOnNode> =>
    on.ground.waitFor(`pool fast to be ${reason}`, async (saw) => {
      const pool = await poolOn();
      saw(pool);
      return pool?.reason === reason ? pool : undefined;
    });
  /**
   * Waits until the pool is ready or not, as said, and both counts have followed: what `kubectl get
   * storagenodes` shows, and the pool's own. Gives the latter. A node also counts pools that other
   * stories have deleted: it keeps their identity.
   */
  const countsFollow = (ready: boolean): Promise<StoragePool["status"]> =>
    on.ground.waitFor(`the counts to follow a pool that is ${ready ? "ready" : "not ready"}`, async (saw) => {
      const found = await on.ground.get<StorageNode>("storagenodes.mooring.dev", node());
      const pool = await on.ground.get<StoragePool>("storagepools.mooring.dev", "fast");
      saw([found?.status, pool?.status]);
      const pools = found?.status?.pools ?? [];
      const shown = `${String(pools.filter((one) => one.ready).length)}/${String(pools.length)}`;
      const isSo = pools.find(({ name }) => name === "fast")?.ready === ready;
      const haveFollowed = found?.status?.readyPools === shown && pool?.status?.readyNodes === (ready ? 1 : 0);
      return isSo && haveFollowed ? pool.status : undefined;
    });
  const fastPod = (name: string): object => pod(NS, name, name, { spec: onHost(node()) });

  beforeAll(async () => {
    const { ground } = on;
    if (!ground.capabilities.has("pool-disks")) return;
    await ground.mountPool(node(), PATH, { mib: 128 });
    await ground.kubectl(["label", "node", node(), `${MARK}=yes`]);
    await ground.apply(toYaml(...poolWithClass("fast", PATH, { nodeSelector: { [MARK]: "yes" } })));
    await poolIs("Ready");
  });
  afterAll(async () => {
    const { ground } = on;
    if (!ground.capabilities.has("pool-disks")) return;
    await ground.delete("StorageClass", CLASS);
    await ground.delete("storagepools.mooring.dev", "fast");
    await ground.kubectl(["label", "node", node(), `${MARK}-`]);
    await ground.removePool(node(), PATH);
  });

  test("claims of one pod that have no room together are all refused there", async (context) => {
    on.needs(context, "pool-disks");
    const { ground } = on;
    const spec = { resources: { requests: { storage: "80Mi" } } };
    const both = ["both-a", "both-b"];
    const volumes = both.map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
    const two = pod(NS, "both", "both-a", {
      spec: { ...onHost(node()), volumes },
      container: { volumeMounts: both.map((name) => ({ name, mountPath: `/${name}` })) },
    });
    await ground.apply(toYaml(...both.map((name) => claim(NS, name, CLASS, { spec })), two));
    for (const name of both) {
      await eventMatching(ground, { kind: "PersistentVolumeClaim", name, namespace: NS }, /no room/);
    }
    const made = await ground.list<{ spec: { pool: string } }>("localvolumes.mooring.dev");
    expect(made.filter((volume) => volume.spec.pool === "fast")).toEqual([]);
    await endPod(ground, NS, "both");
    // Alone each has room.
    await ground.apply(toYaml(pod(NS, "alone", "both-a", { spec: onHost(node()) })));
    await readyOn(ground, NS, "alone");
    await endPod(ground, NS, "alone");
    for (const name of both) await ground.delete("PersistentVolumeClaim", name, NS);
    await ground.waitFor("the volume to be gone", async () =>
      (await ground.list<{ spec: { pool: string } }>("localvolumes.mooring.dev")).every(
        (one) => one.spec.pool !== "fast",
      )
        ? true
        : undefined,
    );
  });

  test("unmounted: it is NotReady, nothing is made on the root disk, and it goes on after the remount", async (context) => {
    on.needs(context, "pool-disks");
    const { ground } = on;
    const spec = { resources: { requests: { storage: "16Mi" } } };
    await ground.apply(toYaml(claim(NS, "there", CLASS, { spec }), fastPod("there")));
    await readyOn(ground, NS, "there");
    await ground.exec(NS, "there", ["sh", "-c", "echo here > /data/x && sync"]);
    const before = await poolIs("Ready");
    await endPod(ground, NS, "there");
    // The agent looks at the disk now and then: it is busy for a moment.
    await ground.waitFor("the disk to be unmounted", async () => {
      await ground.unmountPool(node(), PATH);
      return true;
    });

    await ground.apply(toYaml(fastPod("there"), claim(NS, "new", CLASS, { spec }), fastPod("new")));
    await eventMatching(
      ground,
      { kind: "Pod", name: "there", namespace: NS },
      /pool fast on node \S+ cannot be used.*is the disk mounted/,
    );
    expect((await poolIs("NotMounted")).uuid).toBe(before.uuid);
    expect(await countsFollow(false)).toMatchObject({ nodes: 1, readyNodes: 0 });

    // Not even the end of the StorageNode, and an agent that remembers nothing, make the empty
    // directory a pool.
    await ground.kubectl(["delete", "storagenode", node(), "--wait=false"]);
    await ground.kubectl(["patch", "storagenode", node(), "--type=merge", "-p", '{"metadata":{"finalizers":null}}']);
    await ground.delete("Pod", (await agentPod(ground, node())).metadata.name, MOVABLE_NAMESPACE);
    const after = await poolIs("NotMounted");
    expect([undefined, before.uuid]).toContain(after.uuid);
    expect(await ground.onNode(node()).listDirectory(PATH)).toEqual([]);

    await ground.remountPool(node(), PATH);
    await readyOn(ground, NS, "there");
    expect((await ground.exec(NS, "there", ["cat", "/data/x"])).stdout).toBe("here\n");
    expect((await poolIs("Ready")).uuid).toBe(before.uuid);
    expect(await countsFollow(true)).toMatchObject({ nodes: 1, readyNodes: 1 });
    await readyOn(ground, NS, "new");
    await endPod(ground, NS, "there");
    await endPod(ground, NS, "new");
    for (const name of ["there", "new"]) await ground.delete("PersistentVolumeClaim", name, NS);
    await ground.waitFor("the volumes to be gone", async () =>
      (await ground.list<{ spec: { pool: string } }>("localvolumes.mooring.dev")).every(
        (one) => one.spec.pool !== "fast",
      )
        ? true
        : undefined,
    );
  });
});
