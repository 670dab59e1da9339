import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { settle } from "../effects/testing/manual-clock.fixture.ts";
import type { Driver } from "../provision/driver.ts";
import { settings, succeeds, TestCluster } from "./testing/cluster.fixture.ts";
import {
  begun,
  common,
  CREATE,
  CREATE_AGAIN,
  DIRECTORY,
  kubeletGone,
  VOLUME,
  yes,
} from "./testing/driver-suite.fixture.ts";
import { node, request, volume } from "./testing/objects.fixture.ts";
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

describe("an attempt that another went before", () => {
  it("takes the path of a succeeded helper and runs nothing, though the configuration has changed since", async () => {
    await provision();
    cluster.settings = settings({ nodePathMap: [{ node: "node-a", paths: ["/new"] }] });
    driver = cluster.driver();
    expect((await provision()).spec.hostPath?.path).toBe(DIRECTORY);
    expect(cluster.ran).toHaveLength(1);
  });

  it("waits for a helper that a dead leader started", async () => {
    cluster.kubelet = () => undefined;
    void begun(provision());
    await settle();
    stop.abort(new Error("lost the lease"));
    stop = new AbortController();
    driver = cluster.driver();
    const again = provision();
    await settle();
    await cluster.setStatus(CREATE, { phase: "Succeeded" });
    expect((await again).spec.hostPath?.path).toBe(DIRECTORY);
    expect(cluster.ran).toHaveLength(1);
  });

  it("replaces a failed helper of its own, by each of two names in turn", async () => {
    cluster.kubelet = () => ({ phase: "Failed" });
    await expect(provision()).rejects.toThrow();
    expect(cluster.podNames()).toEqual([CREATE]);
    await expect(provision()).rejects.toThrow();
    expect(cluster.podNames()).toEqual([CREATE_AGAIN]);
    cluster.kubelet = succeeds;
    await provision();
    await settle();
    expect(cluster.podNames()).toEqual([CREATE]);
    expect(cluster.ran).toEqual(Array.from({ length: 3 }, () => `create node-a:${DIRECTORY}`));
  });

  it("deletes a failed helper only when its successor is there, also if a leader died in between", async () => {
    cluster.kubelet = () => ({ phase: "Failed" });
    await expect(provision()).rejects.toThrow();
    cluster.kubelet = succeeds;
    // The leader dies with the answer to its creation.
    cluster.kube.intercept = ({ method, path }) => {
      if (method === "DELETE" && path.endsWith(CREATE)) throw new Error("killed");
    };
    void begun(provision());
    await settle();
    expect(cluster.podNames().toSorted()).toEqual([CREATE, CREATE_AGAIN]);
    cluster.kube.intercept = () => undefined;
    await newLeader();
    expect((await provision()).spec.hostPath?.path).toBe(DIRECTORY);
    await driver.settled(VOLUME);
    await settle();
    expect(cluster.ran).toHaveLength(2);
    expect(cluster.podNames()).toEqual([]);
  });

  it("goes on with what both names have left: one record of failures is enough", async () => {
    cluster.kubelet = () => ({ phase: "Failed" });
    await expect(provision()).rejects.toThrow();
    cluster.kube.intercept = ({ method, path }) => {
      if (method === "DELETE" && path.endsWith(CREATE)) throw new Error("a webhook refuses");
    };
    await expect(provision()).rejects.toThrow();
    expect(cluster.podNames().toSorted()).toEqual([CREATE, CREATE_AGAIN]);
    cluster.kube.intercept = () => undefined;
    cluster.kubelet = succeeds;
    await provision();
    await settle();
    expect(cluster.podNames()).toHaveLength(1);
    expect(cluster.ran).toHaveLength(3);
  });

  it("waits for a helper whose time was up until its kubelet has ended it", async () => {
    cluster.kubelet = () => undefined;
    cluster.endsInTime = () => false;
    const first = begun(provision());
    await settle();
    await cluster.setStatus(CREATE, { phase: "Running" });
    await cluster.clock.advance(120_000);
    await expect(first).rejects.toThrow("timeout");
    cluster.kubelet = succeeds;
    const second = begun(provision());
    await settle();
    expect(cluster.podNames()).toEqual([CREATE]);
    await cluster.setStatus(CREATE, { phase: "Failed" });
    expect((await second).spec.hostPath?.path).toBe(DIRECTORY);
    await settle();
    expect(cluster.podNames()).toEqual([CREATE_AGAIN]);
  });

  it("removes what was made on a node that the scheduler has given up since", async () => {
    await provision();
    const made = await provision({ node: node("node-b") });
    expect(made.annotations).toEqual({ "local.path.provisioner/selected-node": "node-b" });
    expect(cluster.ran).toEqual([
      `create node-a:${DIRECTORY}`,
      `delete node-a:${DIRECTORY}`,
      `create node-b:${DIRECTORY}`,
    ]);
    expect(cluster.pod(CREATE)?.spec?.nodeName).toBe("node-b");
  });

  it("does not wait for a node that does not answer", async () => {
    cluster.kubelet = (pod) => (pod.spec?.nodeName === "node-a" ? undefined : { phase: "Succeeded" });
    cluster.settings = settings({
      nodePathMap: [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: ["/opt/lpp"] }],
      cmdTimeoutSeconds: 9,
    });
    const first = begun(provision());
    await settle();
    await cluster.setStatus(CREATE, { phase: "Running" });
    await cluster.clock.advance(9000);
    await expect(first).rejects.toThrow("timeout");
    cluster.kube.put("/api/v1/nodes/node-a", node("node-a", {}, false));
    const second = begun(provision({ node: node("node-b") }));
    await cluster.clock.advance(9000);
    expect((await second).spec.hostPath?.path).toBe(DIRECTORY);
    expect(cluster.lines("warn")).toContain("a directory may be left behind on a node that does not answer");
  });

  it("removes what a timed-out attempt may have made below a path that is not configured any more", async () => {
    cluster.kubelet = () => undefined;
    const first = begun(provision());
    await settle();
    await cluster.setStatus(CREATE, { phase: "Running" });
    await cluster.clock.advance(120_000);
    await expect(first).rejects.toThrow(
      saying(`failed to create volume ${VOLUME}: create process timeout after 120 seconds`),
    );
    expect(driver.leftovers()).toEqual([VOLUME]);
    cluster.settings = settings({ nodePathMap: [{ node: "node-a", paths: ["/new"] }] });
    cluster.kubelet = succeeds;
    await provision();
    expect(cluster.ran.slice(1)).toEqual([`delete node-a:${DIRECTORY}`, `create node-a:/new/${VOLUME}_shop_data`]);
  });

  it("a claim that has moved on does not wait for ever for a helper that cannot be ended on a dead node", async () => {
    cluster.settings = settings({
      nodePathMap: [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: ["/opt/lpp"] }],
      cmdTimeoutSeconds: 9,
    });
    cluster.kubelet = () => undefined;
    const first = begun(provision());
    await settle();
    await cluster.setStatus(CREATE, { phase: "Running" });
    kubeletGone(cluster, "node-a");
    cluster.kube.put("/api/v1/nodes/node-a", node("node-a", {}, false));
    await cluster.clock.advance(9000);
    await expect(first).rejects.toThrow("timeout");
    expect(cluster.pod(CREATE)?.status?.phase).toBe("Running");
    expect(cluster.pod(CREATE)?.spec?.activeDeadlineSeconds).toBe(1);
    cluster.kubelet = (pod) => (pod.spec?.nodeName === "node-b" ? { phase: "Succeeded" } : undefined);
    let made = false;
    void begun(
      provision({ node: node("node-b") }).then(() => {
        made = true;
      }),
    );
    for (let at = 0; at < 30; at++) await cluster.clock.advance(20_000);
    expect(made).toBe(true);
  });

  it("a claim that moves from one node of a shared file system to another keeps the directory that was made", async () => {
    cluster.settings = settings({ sharedFileSystemPath: "/shared" });
    await provision();
    await provision({ node: node("node-b") });
    expect(cluster.ran.filter((line) => line.startsWith("delete"))).toEqual([]);
  });

  it("a directory on one node's disk is not stored as a volume of every node when the class became shared meanwhile", async () => {
    await provision();
    // Storing the PersistentVolume failed; the configuration is changed before the next attempt.
    cluster.settings = settings({ sharedFileSystemPath: "/shared" });
    const made = await provision();
    const onNodesDisk = made.spec.hostPath?.path.startsWith("/opt/lpp/") === true;
    expect({ onNodesDisk, everyNode: made.spec.nodeAffinity === undefined }).not.toEqual({
      onNodesDisk: true,
      everyNode: true,
    });
  });

  it("a directory that was removed with another volume after it was made is made again before its PersistentVolume is stored", async () => {
    // The other volume was Bound still (as far as the cache knew) when this one was made; storing the PersistentVolume failed.
    await cluster.putVolume(volume({ name: "pv-other", path: "/opt/lpp/common", status: { phase: "Bound" } }));
    await provision({ storageClass: common });
    const other = volume({ name: "pv-other", path: "/opt/lpp/common" });
    await cluster.putVolume(other);
    await expect(provision({ storageClass: common })).rejects.toThrow("is being deleted");
    await driver.remove(other, yes, stop.signal);
    cluster.kube.remove("/api/v1/persistentvolumes/pv-other");
    await settle();
    await provision({ storageClass: common });
    const removedAt = cluster.ran.lastIndexOf("delete node-a:/opt/lpp/common");
    const madeAt = cluster.ran.lastIndexOf("create node-a:/opt/lpp/common");
    // Removed last, and stored: a pod of a `local` volume never starts, one of a hostPath gets a directory of root's.
    expect(madeAt).toBeGreaterThan(removedAt);
  });

  it("the same after a crash: the new leader knows of the made directory from its pod", async () => {
    await cluster.putVolume(volume({ name: "pv-other", path: "/opt/lpp/common", status: { phase: "Bound" } }));
    await provision({ storageClass: common });
    const other = volume({ name: "pv-other", path: "/opt/lpp/common" });
    await cluster.putVolume(other);
    await newLeader();
    await driver.remove(other, yes, stop.signal).catch(() => undefined);
    cluster.kube.remove("/api/v1/persistentvolumes/pv-other");
    await settle();
    await provision({ storageClass: common });
    expect(cluster.ran.lastIndexOf("create node-a:/opt/lpp/common")).toBeGreaterThan(
      cluster.ran.lastIndexOf("delete node-a:/opt/lpp/common"),
    );
  });
});
