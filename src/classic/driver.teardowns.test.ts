import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { settle } from "../effects/testing/manual-clock.fixture.ts";
import type { Driver } from "../provision/driver.ts";
import { settings, succeeds, TestCluster } from "./testing/cluster.fixture.ts";
import {
  begun,
  byName,
  common,
  CREATE,
  DELETE,
  DIRECTORY,
  isDone,
  kubeletGone,
  leaveHelper,
  second,
  VOLUME,
  yes,
} from "./testing/driver-suite.fixture.ts";
import { affinity, claim, node, request, volume } from "./testing/objects.fixture.ts";
import { saying } from "./testing/saying.fixture.ts";

let cluster = new TestCluster();
let driver: Driver = cluster.driver();
let stop = new AbortController();

beforeEach(async () => {
  cluster = await new TestCluster().start();
  driver = cluster.driver();
  stop = new AbortController();
});
afterEach(() => {
  cluster.stop.abort();
  stop.abort();
});

const provision = (...args: Parameters<typeof request>) => driver.provision(request(...args), stop.signal);

async function newLeader(): Promise<void> {
  stop.abort(new Error("lost the lease"));
  await settle();
  stop = new AbortController();
  driver = cluster.driver();
}

describe("a teardown pod that is left", () => {
  const left = "/opt/lpp/shop/data/files";

  it("and has not begun is taken away before a new claim is given its directory", async () => {
    const pod = await leaveHelper(cluster, { action: "delete", path: left });
    await provision({ storageClass: byName, claim: second });
    expect(cluster.pod(pod)).toBeUndefined();
    expect(cluster.ran).toEqual([`create node-a:${left}`]);
  });

  it("and runs is waited for", async () => {
    const pod = await leaveHelper(cluster, { action: "delete", path: left, phase: "Running" });
    const work = begun(provision({ storageClass: byName, claim: second }));
    expect(await isDone(work)).toBe(false);
    expect(cluster.ran).toEqual([]);
    await cluster.setStatus(pod, { phase: "Succeeded" });
    await work;
    expect(cluster.ran).toEqual([`create node-a:${left}`]);
  });

  it("and runs for longer than a helper may is told to the claim", async () => {
    const pod = await leaveHelper(cluster, { action: "delete", path: left, phase: "Running" });
    const work = begun(provision({ storageClass: byName, claim: second }));
    await cluster.clock.advance(120_000);
    await expect(work).rejects.toThrow(saying(`helper pod ${pod} on node node-a may still remove ${left}`));
  });

  it("on a node that does not answer is told to the claim at once; other claims go on", async () => {
    cluster.settings = settings({ sharedFileSystemPath: "/shared" });
    cluster.kube.put("/api/v1/nodes/node-a", node("node-a", {}, false));
    kubeletGone(cluster, "node-a");
    const pod = await leaveHelper(cluster, { action: "delete", path: "/shared/common", phase: "Running" });
    const work = provision({ storageClass: common, claim: second, node: node("node-b") });
    await expect(work).rejects.toThrow(saying(`helper pod ${pod} on node node-a may still remove /shared/common`));
    await provision({ claim: claim({ uid: "0b1f0c1e-7d1c-4d6c-9c0a-000000000003" }), node: node("node-b") });
    expect(cluster.ran).toHaveLength(1);
    // An administrator says that nothing runs there any more.
    const dead = {
      ...node("node-a", {}, false),
      spec: { taints: [{ key: "node.kubernetes.io/out-of-service", effect: "NoExecute" }] },
    };
    cluster.kube.put("/api/v1/nodes/node-a", dead);
    await settle();
    await provision({ storageClass: common, claim: second, node: node("node-b") });
    expect(cluster.pod(pod)).toBeUndefined();
  });

  it("on another node's own disk concerns nobody here", async () => {
    await leaveHelper(cluster, { action: "delete", path: left, phase: "Running" });
    await provision({ storageClass: byName, claim: second, node: node("node-b") });
    expect(cluster.ran).toEqual([`create node-b:${left}`]);
  });

  it("on another node does not keep the volume's removal from running under another name", async () => {
    await leaveHelper(cluster, { action: "delete", path: DIRECTORY, node: "node-b", phase: "Running" });
    expect(await driver.remove(volume({ path: DIRECTORY }), yes, stop.signal)).toEqual({ outcome: "removed" });
    expect(cluster.ran).toEqual([`delete node-a:${DIRECTORY}`]);
  });

  it("is taken back when its volume has been rescued, and not while it is to be removed", async () => {
    const pod = await leaveHelper(cluster, { action: "delete", path: DIRECTORY });
    await cluster.putVolume(volume({ path: DIRECTORY }));
    expect(driver.leftovers()).toEqual([VOLUME]);
    await driver.settled(VOLUME);
    expect(cluster.pod(pod)).toBeDefined();
    await cluster.putVolume(volume({ path: DIRECTORY, spec: { persistentVolumeReclaimPolicy: "Retain" } }));
    await driver.settled(VOLUME);
    expect(cluster.pod(pod)).toBeUndefined();
  });

  it("is taken back when its PersistentVolume was deleted: the data is to stay", async () => {
    const pod = await leaveHelper(cluster, { action: "delete", path: DIRECTORY });
    await driver.abandon(VOLUME, yes, stop.signal);
    expect(cluster.pod(pod)).toBeUndefined();
    expect(cluster.ran).toEqual([]);
    await settle();
    expect(driver.leftovers()).toEqual([]);
  });

  it("is not one that this process runs", async () => {
    cluster.kubelet = () => undefined;
    void begun(driver.remove(volume(), yes, stop.signal));
    await settle();
    expect(cluster.podNames()).toEqual([DELETE]);
    expect(driver.leftovers()).toEqual([]);
  });

  it("is not left by a removal that is called off before it has begun, and is once it runs", async () => {
    cluster.kubelet = () => undefined;
    const first = begun(driver.remove(volume(), yes, stop.signal));
    await settle();
    stop.abort(new Error("rescued"));
    await expect(first).rejects.toThrow("rescued");
    expect(cluster.podNames()).toEqual([]);
    stop = new AbortController();
    void begun(driver.remove(volume(), yes, stop.signal));
    await settle();
    await cluster.setStatus(DELETE, { phase: "Running" });
    stop.abort(new Error("rescued"));
    await settle();
    expect(cluster.podNames()).toEqual([DELETE]);
  });

  it("and a Released PersistentVolume that an administrator has deleted while no leader was there: the next claim is made only when nothing removes its directory any more", async () => {
    cluster.kubelet = () => undefined;
    const released = volume({ path: "/opt/lpp/shop/data/files" });
    await cluster.putVolume(released);
    void begun(driver.remove(released, yes, stop.signal));
    await settle();
    expect(cluster.podNames()).toEqual([DELETE]);
    await newLeader();
    cluster.kube.remove(`/api/v1/persistentvolumes/${VOLUME}`);
    await settle();
    cluster.kubelet = succeeds;
    let made = false;
    void begun(
      provision({ storageClass: byName, claim: second }).then(() => {
        made = true;
      }),
    );
    await settle();
    expect({ made, teardownStillToRun: cluster.pod(DELETE)?.status?.phase === "Pending" }).not.toEqual({
      made: true,
      teardownStillToRun: true,
    });
  });

  it("on a shared file system: a claim that moves on from a dead node is not made beside it", async () => {
    cluster.settings = settings({ sharedFileSystemPath: "/shared", cmdTimeoutSeconds: 9 });
    cluster.kubelet = () => undefined;
    const first = begun(provision());
    await settle();
    await cluster.setStatus(CREATE, { phase: "Running" });
    await cluster.clock.advance(9000);
    await expect(first).rejects.toThrow("timeout");
    cluster.kube.put("/api/v1/nodes/node-a", node("node-a", {}, false));
    kubeletGone(cluster, "node-a");
    cluster.kubelet = (pod) => (pod.spec?.nodeName === "node-b" ? { phase: "Succeeded" } : undefined);
    const again = begun(provision({ node: node("node-b") }));
    await settle();
    // The node is cut off from the API server only: what runs there goes on.
    if (cluster.pod(DELETE) !== undefined) await cluster.setStatus(DELETE, { phase: "Running" });
    for (let at = 0; at < 10; at++) await cluster.clock.advance(9000);
    const made = await Promise.race([again.then(() => true), settle().then(() => false)]);
    const running = cluster.pod(DELETE)?.status?.phase === "Running";
    expect({ made, running }).not.toEqual({ made: true, running: true });
  });

  it("on a dead node keeps nobody from removing the volume that was made elsewhere", async () => {
    cluster.settings = settings({
      nodePathMap: [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: ["/opt/lpp"] }],
      cmdTimeoutSeconds: 9,
    });
    cluster.kubelet = () => undefined;
    const first = begun(provision());
    await settle();
    await cluster.setStatus(CREATE, { phase: "Running" });
    await cluster.clock.advance(9000);
    await expect(first).rejects.toThrow("timeout");
    kubeletGone(cluster, "node-a");
    cluster.kube.put("/api/v1/nodes/node-a", node("node-a", {}, false));
    cluster.kubelet = (pod) => (pod.spec?.nodeName === "node-b" ? { phase: "Succeeded" } : undefined);
    const again = begun(provision({ node: node("node-b") }));
    await cluster.clock.advance(20_000);
    await again;
    await driver.settled(VOLUME);
    // Much later the claim is deleted; node-a is still dead.
    await cluster.clock.advance(86_400_000);
    const pv = volume({
      path: DIRECTORY,
      annotations: { "local.path.provisioner/selected-node": "node-b" },
      spec: { nodeAffinity: affinity("kubernetes.io/hostname", "node-b") },
    });
    await expect(driver.remove(pv, yes, stop.signal)).resolves.toEqual({ outcome: "removed" });
  });
});
