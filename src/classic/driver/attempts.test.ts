import { describe, expect, it } from "vitest";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import { settings, succeeds } from "../testing/cluster.fixture.ts";
import {
  begun,
  common,
  CREATE,
  CREATE_AGAIN,
  DELETE,
  DIRECTORY,
  kubeletGone,
  VOLUME,
  yes,
} from "../testing/driver-suite.fixture.ts";
import { node, volume } from "../testing/objects.fixture.ts";
import { saying } from "../testing/saying.fixture.ts";
import { useDriver } from "../testing/use-driver.fixture.ts";

const on = useDriver();

describe("an attempt that another went before", () => {
  it("takes the path of a succeeded helper and runs nothing, though the configuration has changed since", async () => {
    await on.provision();
    on.cluster.settings = settings({ nodePathMap: [{ node: "node-a", paths: ["/new"] }] });
    on.beginAnew();
    expect((await on.provision()).spec.hostPath?.path).toBe(DIRECTORY);
    expect(on.cluster.ran).toHaveLength(1);
  });

  it("waits for a helper that a dead leader started", async () => {
    on.cluster.kubelet = () => undefined;
    void begun(on.provision());
    await settle();
    on.cutOff("lost the lease");
    on.beginAnew();
    const again = on.provision();
    await settle();
    await on.cluster.setStatus(CREATE, { phase: "Succeeded" });
    expect((await again).spec.hostPath?.path).toBe(DIRECTORY);
    expect(on.cluster.ran).toHaveLength(1);
  });

  it("replaces a failed helper of its own, by each of two names in turn", async () => {
    on.cluster.kubelet = () => ({ phase: "Failed" });
    await expect(on.provision()).rejects.toThrow();
    expect(on.cluster.podNames()).toEqual([CREATE]);
    await expect(on.provision()).rejects.toThrow();
    expect(on.cluster.podNames()).toEqual([CREATE_AGAIN]);
    on.cluster.kubelet = succeeds;
    await on.provision();
    await settle();
    expect(on.cluster.podNames()).toEqual([CREATE]);
    expect(on.cluster.ran).toEqual(Array.from({ length: 3 }, () => `create node-a:${DIRECTORY}`));
  });

  it("deletes a failed helper only when its successor is there, also if a leader died in between", async () => {
    on.cluster.kubelet = () => ({ phase: "Failed" });
    await expect(on.provision()).rejects.toThrow();
    on.cluster.kubelet = succeeds;
    // The leader dies with the answer to its creation.
    on.cluster.kube.intercept = ({ method, path }) => {
      if (method === "DELETE" && path.endsWith(CREATE)) throw new Error("killed");
    };
    void begun(on.provision());
    await settle();
    expect(on.cluster.podNames().toSorted()).toEqual([CREATE, CREATE_AGAIN]);
    on.cluster.kube.intercept = () => undefined;
    await on.newLeader();
    expect((await on.provision()).spec.hostPath?.path).toBe(DIRECTORY);
    await on.driver.stored(VOLUME);
    await settle();
    expect(on.cluster.ran).toHaveLength(2);
    expect(on.cluster.podNames()).toEqual([]);
  });

  it("goes on with what both names have left: one record of failures is enough", async () => {
    on.cluster.kubelet = () => ({ phase: "Failed" });
    await expect(on.provision()).rejects.toThrow();
    on.cluster.kube.intercept = ({ method, path }) => {
      if (method === "DELETE" && path.endsWith(CREATE)) throw new Error("a webhook refuses");
    };
    await expect(on.provision()).rejects.toThrow();
    expect(on.cluster.podNames().toSorted()).toEqual([CREATE, CREATE_AGAIN]);
    on.cluster.kube.intercept = () => undefined;
    on.cluster.kubelet = succeeds;
    await on.provision();
    await settle();
    expect(on.cluster.podNames()).toHaveLength(1);
    expect(on.cluster.ran).toHaveLength(3);
  });

  it("keeps the directory of a succeeded helper when the failed one before it is still there and the configuration changes", async () => {
    on.cluster.kubelet = () => ({ phase: "Failed" });
    await expect(on.provision()).rejects.toThrow();
    on.cluster.kubelet = succeeds;
    on.cluster.kube.intercept = ({ method, path }) => {
      if (method === "DELETE" && path.endsWith(CREATE)) throw new Error("a webhook refuses");
    };
    await on.provision();
    // Storing the PersistentVolume failed.
    on.cluster.kube.intercept = () => undefined;
    on.cluster.settings = settings({ nodePathMap: [{ node: "node-a", paths: ["/new"] }] });
    expect((await on.provision()).spec.hostPath?.path).toBe(DIRECTORY);
    await settle();
    expect(on.cluster.ran).toEqual([`create node-a:${DIRECTORY}`, `create node-a:${DIRECTORY}`]);
    expect(on.cluster.podNames()).toEqual([CREATE_AGAIN]);
  });

  it.each([
    ["when its time is up", false],
    ["when the next leader goes on", true],
  ])("has one helper at a time, also under the other name: %s", async (_, crash) => {
    on.cluster.kubelet = () => ({ phase: "Failed" });
    await expect(on.provision()).rejects.toThrow();
    on.cluster.kubelet = () => undefined;
    on.cluster.endsInTime = () => false;
    const second = begun(on.provision());
    await settle();
    expect(on.cluster.podNames()).toEqual([CREATE_AGAIN]);
    if (crash) await on.newLeader();
    else {
      await on.cluster.clock.advance(120_000);
      await expect(second).rejects.toThrow("timeout");
      expect(on.cluster.pod(CREATE_AGAIN)?.spec?.activeDeadlineSeconds).toBe(1);
    }
    const third = begun(on.provision());
    await settle();
    expect(on.cluster.podNames()).toEqual([CREATE_AGAIN]);
    await on.cluster.setStatus(CREATE_AGAIN, { phase: "Succeeded" });
    expect((await third).spec.hostPath?.path).toBe(DIRECTORY);
    expect(on.cluster.ran).toHaveLength(2);
  });

  it("waits for a helper whose time was up until its kubelet has ended it", async () => {
    on.cluster.kubelet = () => undefined;
    on.cluster.endsInTime = () => false;
    const first = begun(on.provision());
    await settle();
    await on.cluster.setStatus(CREATE, { phase: "Running" });
    await on.cluster.clock.advance(120_000);
    await expect(first).rejects.toThrow("timeout");
    on.cluster.kubelet = succeeds;
    const second = begun(on.provision());
    await settle();
    expect(on.cluster.podNames()).toEqual([CREATE]);
    await on.cluster.setStatus(CREATE, { phase: "Failed" });
    expect((await second).spec.hostPath?.path).toBe(DIRECTORY);
    await settle();
    expect(on.cluster.podNames()).toEqual([CREATE_AGAIN]);
  });

  it("removes what was made on a node that the scheduler has given up since", async () => {
    await on.provision();
    const made = await on.provision({ node: node("node-b") });
    expect(made.annotations).toEqual({ "local.path.provisioner/selected-node": "node-b" });
    expect(on.cluster.ran).toEqual([
      `create node-a:${DIRECTORY}`,
      `delete node-a:${DIRECTORY}`,
      `create node-b:${DIRECTORY}`,
    ]);
    expect(on.cluster.pod(CREATE)?.spec?.nodeName).toBe("node-b");
  });

  describe("makes the directory again when the claim comes back after it was removed", () => {
    /** The claim goes to node-b, where its helper fails, and then back. */
    const awayAndBack = async (): Promise<void> => {
      await expect(on.provision({ node: node("node-b") })).rejects.toThrow();
      on.cluster.kube.intercept = () => undefined;
      on.cluster.kubelet = succeeds;
      await on.provision();
    };
    const created = `create node-a:${DIRECTORY}`;
    const torn = `delete node-a:${DIRECTORY}`;

    it("and the pod that made it could not be deleted", async () => {
      await on.provision();
      on.cluster.kubelet = (pod) => ({ phase: pod.spec?.nodeName === "node-b" ? "Failed" : "Succeeded" });
      on.cluster.kube.intercept = ({ method, path }) => {
        if (method === "DELETE" && path.endsWith(CREATE)) throw new Error("a webhook refuses");
      };
      await awayAndBack();
      expect(on.cluster.ran.slice(0, 2)).toEqual([created, torn]);
      expect(on.cluster.ran.at(-1)).toBe(created);
    });

    it("in part, because the teardown failed", async () => {
      await on.provision();
      on.cluster.kubelet = () => ({ phase: "Failed" });
      await awayAndBack();
      expect(on.cluster.ran).toEqual([created, torn, created]);
    });

    it("by an earlier leader, of whom only the pods are there", async () => {
      await on.provision();
      on.cluster.kubelet = (pod) => (pod.metadata?.name?.includes("delete") ? undefined : { phase: "Succeeded" });
      void begun(on.provision({ node: node("node-b") }));
      await settle();
      await on.cluster.setStatus(DELETE, { phase: "Failed" });
      await on.newLeader();
      on.cluster.kubelet = succeeds;
      await on.provision();
      expect(on.cluster.ran).toEqual([created, torn, created]);
    });
  });

  it("makes nothing on another node if a later leader has stored the PersistentVolume meanwhile", async () => {
    on.cluster.kubelet = () => ({ phase: "Failed" });
    await expect(on.provision()).rejects.toThrow();
    on.cluster.kubelet = succeeds;
    await on.provision();
    await on.cluster.putVolume(volume({ path: DIRECTORY, status: { phase: "Bound" } }));
    const ran = [...on.cluster.ran];
    await expect(on.provision({ node: node("node-b") })).rejects.toThrow(
      saying(`another leader has stored PersistentVolume ${VOLUME} meanwhile`),
    );
    expect(on.cluster.ran).toEqual(ran);
  });

  it("does not wait for a node that does not answer", async () => {
    on.cluster.kubelet = (pod) => (pod.spec?.nodeName === "node-a" ? undefined : { phase: "Succeeded" });
    on.cluster.settings = settings({
      nodePathMap: [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: ["/opt/lpp"] }],
      cmdTimeoutSeconds: 9,
    });
    const first = begun(on.provision());
    await settle();
    await on.cluster.setStatus(CREATE, { phase: "Running" });
    await on.cluster.clock.advance(9000);
    await expect(first).rejects.toThrow("timeout");
    on.cluster.kube.put("/api/v1/nodes/node-a", node("node-a", {}, false));
    const second = begun(on.provision({ node: node("node-b") }));
    await on.cluster.clock.advance(9000);
    expect((await second).spec.hostPath?.path).toBe(DIRECTORY);
    expect(on.cluster.lines("warn")).toContain("a directory may be left behind on a node that does not answer");
  });

  it("removes what a timed-out attempt may have made below a path that is not configured any more", async () => {
    on.cluster.kubelet = () => undefined;
    const first = begun(on.provision());
    await settle();
    await on.cluster.setStatus(CREATE, { phase: "Running" });
    await on.cluster.clock.advance(120_000);
    await expect(first).rejects.toThrow(
      saying(`failed to create volume ${VOLUME}: create process timeout after 120 seconds`),
    );
    expect(on.driver.attempts()).toEqual([VOLUME]);
    on.cluster.settings = settings({ nodePathMap: [{ node: "node-a", paths: ["/new"] }] });
    on.cluster.kubelet = succeeds;
    await on.provision();
    expect(on.cluster.ran.slice(1)).toEqual([`delete node-a:${DIRECTORY}`, `create node-a:/new/${VOLUME}_shop_data`]);
  });

  it("a claim that has moved on does not wait for ever for a helper that cannot be ended on a dead node", async () => {
    on.cluster.settings = settings({
      nodePathMap: [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: ["/opt/lpp"] }],
      cmdTimeoutSeconds: 9,
    });
    on.cluster.kubelet = () => undefined;
    const first = begun(on.provision());
    await settle();
    await on.cluster.setStatus(CREATE, { phase: "Running" });
    kubeletGone(on.cluster, "node-a");
    on.cluster.kube.put("/api/v1/nodes/node-a", node("node-a", {}, false));
    await on.cluster.clock.advance(9000);
    await expect(first).rejects.toThrow("timeout");
    expect(on.cluster.pod(CREATE)?.status?.phase).toBe("Running");
    expect(on.cluster.pod(CREATE)?.spec?.activeDeadlineSeconds).toBe(1);
    on.cluster.kubelet = (pod) => (pod.spec?.nodeName === "node-b" ? { phase: "Succeeded" } : undefined);
    let made = false;
    void begun(
      on.provision({ node: node("node-b") }).then(() => {
        made = true;
      }),
    );
    for (let at = 0; at < 30; at++) await on.cluster.clock.advance(20_000);
    expect(made).toBe(true);
  });

  it("a claim that moves from one node of a shared file system to another keeps the directory that was made", async () => {
    on.cluster.settings = settings({ sharedFileSystemPath: "/shared" });
    await on.provision();
    await on.provision({ node: node("node-b") });
    expect(on.cluster.ran.filter((line) => line.startsWith("delete"))).toEqual([]);
  });

  it("a directory on one node's disk is not stored as a volume of every node when the class became shared meanwhile", async () => {
    await on.provision();
    // Storing the PersistentVolume failed; the configuration is changed before the next attempt.
    on.cluster.settings = settings({ sharedFileSystemPath: "/shared" });
    const made = await on.provision();
    const onNodesDisk = made.spec.hostPath?.path.startsWith("/opt/lpp/") === true;
    expect({ onNodesDisk, everyNode: made.spec.nodeAffinity === undefined }).not.toEqual({
      onNodesDisk: true,
      everyNode: true,
    });
  });

  it("a directory that was removed with another volume after it was made is made again before its PersistentVolume is stored", async () => {
    // The other volume was Bound still (as far as the cache knew) when this one was made; storing
    // the PersistentVolume failed.
    await on.cluster.putVolume(volume({ name: "pv-other", path: "/opt/lpp/common", status: { phase: "Bound" } }));
    await on.provision({ storageClass: common });
    const other = volume({ name: "pv-other", path: "/opt/lpp/common" });
    await on.cluster.putVolume(other);
    await expect(on.provision({ storageClass: common })).rejects.toThrow("is being deleted");
    await on.driver.remove(other, yes, on.signal);
    on.cluster.kube.remove("/api/v1/persistentvolumes/pv-other");
    await settle();
    await on.provision({ storageClass: common });
    const removedAt = on.cluster.ran.lastIndexOf("delete node-a:/opt/lpp/common");
    const madeAt = on.cluster.ran.lastIndexOf("create node-a:/opt/lpp/common");
    // Removed last, and stored: a pod of a `local` volume never starts, one of a hostPath gets a
    // directory of root's.
    expect(madeAt).toBeGreaterThan(removedAt);
  });

  it("the same after a crash: the new leader knows of the made directory from its pod", async () => {
    await on.cluster.putVolume(volume({ name: "pv-other", path: "/opt/lpp/common", status: { phase: "Bound" } }));
    await on.provision({ storageClass: common });
    const other = volume({ name: "pv-other", path: "/opt/lpp/common" });
    await on.cluster.putVolume(other);
    await on.newLeader();
    await on.driver.remove(other, yes, on.signal).catch(() => undefined);
    on.cluster.kube.remove("/api/v1/persistentvolumes/pv-other");
    await settle();
    await on.provision({ storageClass: common });
    expect(on.cluster.ran.lastIndexOf("create node-a:/opt/lpp/common")).toBeGreaterThan(
      on.cluster.ran.lastIndexOf("delete node-a:/opt/lpp/common"),
    );
  });
});
