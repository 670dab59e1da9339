import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { settle } from "../effects/testing/manual-clock.fixture.ts";
import type { Pod } from "../kube/kinds.ts";
import type { Driver } from "../provision/driver.ts";
import { settings, succeeds, TestCluster } from "./testing/cluster.fixture.ts";
import {
  begun,
  byName,
  common,
  CREATE,
  CREATE_AGAIN,
  DIRECTORY,
  PODS,
  UID2,
  VOLUME,
  yes,
} from "./testing/driver-suite.fixture.ts";
import { claim, node, request, storageClass, volume } from "./testing/objects.fixture.ts";

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

describe("what is left when a claim is deleted half-way", () => {
  const abandon = () => driver.abandon(VOLUME, yes, stop.signal);

  it("a made directory is removed, then its record", async () => {
    await provision();
    driver = cluster.driver();
    expect(driver.leftovers()).toEqual([VOLUME]);
    await abandon();
    await settle();
    expect(cluster.ran).toEqual([`create node-a:${DIRECTORY}`, `delete node-a:${DIRECTORY}`]);
    expect(cluster.podNames()).toEqual([]);
    expect(driver.leftovers()).toEqual([]);
  });

  it("the record stays while the teardown fails", async () => {
    await provision();
    cluster.kubelet = () => ({ phase: "Failed" });
    await expect(abandon()).rejects.toThrow(`failed to delete volume ${VOLUME}: helper pod`);
    expect(driver.leftovers()).toEqual([VOLUME]);
    cluster.kubelet = succeeds;
    await abandon();
    await settle();
    expect(driver.leftovers()).toEqual([]);
  });

  it("a helper that has not begun is deleted, and nothing runs: nothing was made", async () => {
    cluster.kubelet = () => undefined;
    void begun(provision());
    await settle();
    stop.abort(new Error("the claim was deleted"));
    stop = new AbortController();
    await abandon();
    await settle();
    expect(cluster.ran).toEqual([`create node-a:${DIRECTORY}`]);
    expect(driver.leftovers()).toEqual([]);
  });

  /** The claim was deleted while its helper's container ran. */
  async function deletedWhileRunning(): Promise<void> {
    cluster.kubelet = () => undefined;
    void begun(provision());
    await settle();
    await cluster.setStatus(CREATE, { phase: "Running" });
    stop.abort(new Error("the claim was deleted"));
    stop = new AbortController();
    cluster.kubelet = succeeds;
  }

  it("a helper that runs is waited for: until the directory is removed it is the record, also for the next leader", async () => {
    await deletedWhileRunning();
    const first = begun(abandon());
    await settle();
    expect(cluster.ran).toEqual([`create node-a:${DIRECTORY}`]);
    cluster.kubelet = () => ({ phase: "Failed" });
    await cluster.setStatus(CREATE, { phase: "Succeeded" });
    await expect(first).rejects.toThrow();
    await newLeader();
    expect(driver.leftovers()).toEqual([VOLUME]);
    cluster.kubelet = succeeds;
    await abandon();
    await settle();
    expect(cluster.ran.slice(1)).toEqual([`delete node-a:${DIRECTORY}`, `delete node-a:${DIRECTORY}`]);
    expect(cluster.podNames()).toEqual([]);
  });

  it("what a failed attempt may have made is known from the pod that replaced its pod, also to the next leader", async () => {
    cluster.kubelet = () => ({ phase: "Failed" });
    await expect(provision()).rejects.toThrow();
    await newLeader();
    cluster.kubelet = () => undefined;
    void begun(provision());
    await settle();
    expect(cluster.pod(CREATE_AGAIN)?.status?.phase).toBe("Pending");
    await newLeader();
    // The teardown has to be tried twice, and the second time by a leader that knows nothing but the cluster.
    cluster.kubelet = () => ({ phase: "Failed" });
    await expect(abandon()).rejects.toThrow();
    await newLeader();
    cluster.kubelet = succeeds;
    await abandon();
    await settle();
    expect(cluster.ran.at(-1)).toBe(`delete node-a:${DIRECTORY}`);
    expect(cluster.podNames()).toEqual([]);
  });

  describe("what an attempt before may have made is not forgotten by a leader that has it only from a pod", () => {
    const failed = (): void => {
      cluster.kubelet = () => ({ phase: "Failed" });
    };
    const removed = async (meanwhile = async (): Promise<void> => undefined): Promise<void> => {
      cluster.kubelet = succeeds;
      cluster.kube.intercept = () => undefined;
      expect(driver.leftovers()).toEqual([VOLUME]);
      const abandoned = begun(abandon());
      await settle();
      await meanwhile();
      await abandoned;
      await settle();
      expect(cluster.ran.at(-1)).toBe(`delete node-a:${DIRECTORY}`);
      expect(cluster.podNames()).toEqual([]);
      expect(driver.leftovers()).toEqual([]);
    };

    /** A leader's attempt failed, and the next has put a pod in its place that has not begun. */
    async function replaced(): Promise<void> {
      failed();
      await expect(provision()).rejects.toThrow();
      await newLeader();
      cluster.kubelet = () => undefined;
      void begun(provision());
      await settle();
      await newLeader();
    }

    it("when it may not make another pod: the failed one is still there", async () => {
      failed();
      await expect(provision()).rejects.toThrow();
      await newLeader();
      cluster.kube.intercept = ({ method, body }) => {
        if (method === "POST" && (body as Pod).metadata?.name !== CREATE) throw new Error("exceeded quota");
      };
      await expect(provision()).rejects.toThrow("exceeded quota");
      await newLeader();
      await removed();
    });

    it("when the pod that replaced the failed one runs out of time", async () => {
      await replaced();
      const late = begun(provision());
      await cluster.clock.advance(120_000);
      await expect(late).rejects.toThrow("timeout");
      // Seed 3770823879: the leader died here, and the claim was deleted before another had tried again.
      await newLeader();
      await removed();
    });

    it("when the time of a pod that ran was up", async () => {
      cluster.kubelet = () => undefined;
      const late = begun(provision());
      await settle();
      await cluster.setStatus(CREATE, { phase: "Running" });
      await cluster.clock.advance(120_000);
      await expect(late).rejects.toThrow("timeout");
      await newLeader();
      await removed();
    });

    it("when a pod that runs is ended because its claim has moved to another node", async () => {
      cluster.kubelet = () => undefined;
      void begun(provision());
      await settle();
      await cluster.setStatus(CREATE, { phase: "Running" });
      await newLeader();
      // The leader dies before it has made the teardown pod.
      cluster.kube.intercept = ({ method }) => {
        if (method === "POST") throw new Error("killed");
      };
      await expect(provision({ node: node("node-b") })).rejects.toThrow("killed");
      await newLeader();
      await removed();
    });

    it("when the pod that replaced the failed one is being deleted already", async () => {
      await replaced();
      const pod = cluster.pod(CREATE_AGAIN);
      await cluster.putPod(CREATE_AGAIN, {
        ...pod,
        metadata: { ...pod?.metadata, deletionTimestamp: "2030-01-01T00:00:00Z" },
      });
      await removed(async () => {
        await cluster.deletePod(CREATE_AGAIN);
        await cluster.clock.advance(5000);
      });
    });

    it("when the pod that was being deleted has gone and the next has not begun", async () => {
      cluster.kubelet = () => undefined;
      void begun(provision());
      await settle();
      const pod = cluster.pod(CREATE);
      await cluster.putPod(CREATE, {
        ...pod,
        metadata: { ...pod?.metadata, deletionTimestamp: "2030-01-01T00:00:00Z" },
        status: { phase: "Running" },
      });
      await newLeader();
      void begun(provision());
      await settle();
      await cluster.deletePod(CREATE);
      await cluster.clock.advance(5000);
      expect(cluster.pod(CREATE)?.status?.phase).toBe("Pending");
      await newLeader();
      await removed();
    });

    it("when the failed pod was on another node of a shared file system", async () => {
      cluster.settings = settings({ sharedFileSystemPath: "/shared" });
      failed();
      await expect(provision()).rejects.toThrow();
      await newLeader();
      cluster.kubelet = () => undefined;
      void begun(provision({ node: node("node-b") }));
      await settle();
      await newLeader();
      cluster.kubelet = succeeds;
      await abandon();
      expect(cluster.ran.at(-1)).toBe(`delete node-b:/shared/${VOLUME}_shop_data`);
    });
  });

  it("a helper that has not begun is not taken for the first, when the claim is older than the leader: its directory is removed", async () => {
    const old = claim();
    const born = (ms: number) => new Date(cluster.clock.now() + ms).toISOString();
    const of = (creationTimestamp: string) => ({ claim: { ...old, metadata: { ...old.metadata, creationTimestamp } } });
    const abandoned = async (creationTimestamp: string): Promise<readonly string[]> => {
      cluster.ran.length = 0;
      cluster.kubelet = () => undefined;
      void begun(provision(of(creationTimestamp)));
      await settle();
      stop.abort(new Error("the claim was deleted"));
      stop = new AbortController();
      cluster.kubelet = succeeds;
      await abandon();
      await settle();
      return cluster.ran;
    };
    expect(await abandoned(born(-1_000))).toEqual([`create node-a:${DIRECTORY}`, `delete node-a:${DIRECTORY}`]);
    expect(await abandoned(born(120_000))).toEqual([`create node-a:${DIRECTORY}`]);
    expect(cluster.podNames()).toEqual([]);
  });

  it("a helper that runs too long is ended, so that it cannot make the directory again", async () => {
    await deletedWhileRunning();
    const abandoned = abandon();
    await cluster.clock.advance(120_000);
    await abandoned;
    await settle();
    expect(cluster.ran).toEqual([`create node-a:${DIRECTORY}`, `delete node-a:${DIRECTORY}`]);
    expect(cluster.podNames()).toEqual([]);
  });

  it("a leftover of the original is understood", async () => {
    await provision();
    const pod = cluster.pod(CREATE);
    const { annotations: _, ...metadata } = pod?.metadata ?? {};
    await cluster.putPod(CREATE, { ...pod, metadata });
    driver = cluster.driver();
    await abandon();
    expect(cluster.ran[1]).toBe(`delete node-a:${DIRECTORY}`);
  });

  it("a node that is gone takes its directory with it", async () => {
    await provision();
    await cluster.removeNode("node-a");
    await abandon();
    await settle();
    expect(cluster.podNames()).toEqual([]);
    expect(cluster.lines()).toContain(`Node node-a does not exist, skipping cleanup of volume ${VOLUME}`);
  });

  it("a directory that another volume uses is left to it", async () => {
    await provision();
    await cluster.putVolume(volume({ name: "pv-other", path: DIRECTORY, status: { phase: "Bound" } }));
    await abandon();
    await settle();
    expect(cluster.ran).toHaveLength(1);
    expect(driver.leftovers()).toEqual([]);
  });

  it("nothing is nothing", async () => {
    await abandon();
    await driver.settled(VOLUME);
    expect(cluster.ran).toEqual([]);
  });

  it("a helper that ran between our look and its deletion has made a directory, which is removed", async () => {
    cluster.kubelet = () => undefined;
    void begun(provision());
    await settle();
    stop.abort(new Error("the claim was deleted"));
    stop = new AbortController();
    // ContainerCreating as far as we know. The kubelet starts the container, and says so while it ends the pod.
    cluster.kube.intercept = (req) => {
      if (req.method !== "DELETE" || !req.path.endsWith(CREATE)) return;
      cluster.kube.intercept = () => undefined;
      const pod = cluster.pod(CREATE);
      const metadata = { ...pod?.metadata, deletionTimestamp: "2030-01-01T00:00:00Z" };
      cluster.kube.put(`${PODS}${CREATE}`, { ...pod, metadata, status: { phase: "Succeeded" } } as never);
    };
    cluster.kubelet = succeeds;
    await driver.abandon(VOLUME, yes, stop.signal);
    expect(cluster.ran).toContain(`delete node-a:${DIRECTORY}`);
  });

  it("a failed helper that somebody deletes by hand does not take the knowledge of its directory with it", async () => {
    cluster.kubelet = () => ({ phase: "Failed" });
    await expect(provision()).rejects.toThrow();
    await cluster.deletePod(CREATE);
    expect(driver.leftovers()).toEqual([VOLUME]);
  });

  it("a claim that is gone, whose helper pod somebody deleted, holds up no removal in its directory for ever", async () => {
    await provision({ storageClass: common });
    // The PersistentVolume was refused (a webhook, a quota); the pod is cleaned up by hand, then the claim is deleted.
    await cluster.deletePod(CREATE);
    for (const name of driver.leftovers()) await driver.abandon(name, yes, stop.signal);
    await cluster.clock.advance(7 * 86_400_000);
    const other = volume({ name: "pv-other", path: "/opt/lpp/common" });
    await expect(driver.remove(other, yes, stop.signal)).resolves.toMatchObject({ outcome: "removed" });
  });
});

describe("the directory of an attempt that is given up", () => {
  it("is kept where a pattern gives it to every claim of this name: its data may be older than the attempt", async () => {
    // shop/data was deleted with policy Retain, its PersistentVolume too (documented: its data stays). shop/data is made anew and deleted half-way.
    await provision({ storageClass: { ...byName, reclaimPolicy: "Retain" } });
    await driver.abandon(VOLUME, yes, stop.signal);
    expect(cluster.ran).toEqual(["create node-a:/opt/lpp/shop/data/files"]);
  });

  it("is kept there also when the claim moves to another node", async () => {
    cluster.kubelet = () => ({ phase: "Failed" });
    const retain = { ...byName, reclaimPolicy: "Retain" };
    await expect(provision({ storageClass: retain })).rejects.toThrow();
    cluster.kubelet = succeeds;
    await provision({ storageClass: retain, node: node("node-b") });
    expect(cluster.ran).not.toContain("delete node-a:/opt/lpp/shop/data/files");
  });

  it("is kept under a pattern whatever the class's policy, and the log names it", async () => {
    await provision({ storageClass: byName });
    await driver.abandon(VOLUME, yes, stop.signal);
    await settle();
    expect(cluster.ran).toEqual(["create node-a:/opt/lpp/shop/data/files"]);
    expect(cluster.podNames()).toEqual([]);
    expect(driver.leftovers()).toEqual([]);
    expect(cluster.log.lines).toContainEqual(
      expect.objectContaining({
        msg: "the directory of an attempt that is given up is kept: it may hold older or retained data",
        fields: expect.objectContaining({
          volume: VOLUME,
          node: "node-a",
          path: "/opt/lpp/shop/data/files",
        }) as unknown,
      }),
    );
  });

  it("is kept where the class retains: the PersistentVolume may have been stored and deleted since", async () => {
    await provision({ storageClass: { ...storageClass(), reclaimPolicy: "Retain" } });
    // Stored; the leader dies before `settled`, and the program is scaled to zero. Weeks later claim and PersistentVolume are deleted; the data is to stay.
    await newLeader();
    for (const name of driver.leftovers()) await driver.abandon(name, yes, stop.signal);
    expect(cluster.ran).toEqual([`create node-a:${DIRECTORY}`]);
  });

  it("on a shared file system is kept when a volume of another node's claim uses it", async () => {
    cluster.settings = settings({ sharedFileSystemPath: "/shared" });
    // As volumeParts writes it: annotated with the claim's node, no affinity, usable on every node.
    const live = volume({
      name: "pv-live",
      path: "/shared/common",
      annotations: { "local.path.provisioner/selected-node": "node-b" },
      spec: { nodeAffinity: undefined as never },
      status: { phase: "Bound" },
    });
    await cluster.putVolume(live);
    await provision({ storageClass: common });
    await driver.abandon(VOLUME, yes, stop.signal);
    expect(cluster.ran).toEqual(["create node-a:/shared/common"]);
  });

  it("is kept also where the scheduler placed the helper", async () => {
    cluster.settings = settings({ sharedFileSystemPath: "/shared" });
    await cluster.putVolume(
      volume({
        name: "pv-live",
        path: "/shared/common",
        annotations: { "local.path.provisioner/selected-node": "node-b" },
        spec: { nodeAffinity: undefined as never },
        status: { phase: "Bound" },
      }),
    );
    cluster.kubelet = () => undefined;
    const first = begun(provision({ storageClass: common, node: undefined }));
    await settle();
    const pod = cluster.pod(CREATE);
    cluster.kubelet = succeeds;
    await cluster.putPod(CREATE, {
      ...pod,
      spec: { ...pod?.spec, nodeName: "node-a" } as never,
      status: { phase: "Succeeded" },
    });
    await first;
    await driver.abandon(VOLUME, yes, stop.signal);
    expect(cluster.ran.filter((line) => line.startsWith("delete"))).toEqual([]);
  });

  it("is kept when another volume was stored in it that the watch has not shown for a minute", async () => {
    // The watch of PersistentVolumes is half-open (found out after 150 s at the earliest): the volume is stored, bound, used, and not in our index.
    await provision({ storageClass: common });
    await driver.settled(VOLUME);
    await cluster.clock.advance(61_000);
    await provision({ storageClass: common, claim: claim({ uid: UID2, name: "second" }) });
    await driver.abandon(`pvc-${UID2}`, yes, stop.signal);
    expect(cluster.ran.filter((line) => line.startsWith("delete"))).toEqual([]);
  });

  it("is kept when the PersistentVolume was stored and only its helper pod could not be deleted", async () => {
    await provision();
    cluster.kube.intercept = (req) => {
      if (req.method === "DELETE") throw new Error("connection reset");
    };
    await driver.settled(VOLUME);
    cluster.kube.intercept = () => undefined;
    expect(driver.leftovers()).toEqual([VOLUME]);
    await driver.abandon(VOLUME, yes, stop.signal);
    await settle();
    expect(cluster.ran).toEqual([`create node-a:${DIRECTORY}`]);
    expect(driver.leftovers()).toEqual([]);
  });

  it("is kept for ever then, however often the helper pod cannot be deleted", async () => {
    await provision();
    cluster.kube.intercept = (req) => {
      if (req.method === "DELETE") throw new Error("a webhook refuses");
    };
    await driver.settled(VOLUME);
    // The PersistentVolume is set to Retain and deleted, the claim too: its data is to stay.
    await driver.abandon(VOLUME, yes, stop.signal).catch(() => undefined);
    cluster.kube.intercept = () => undefined;
    await driver.abandon(VOLUME, yes, stop.signal);
    await settle();
    expect(cluster.ran).toEqual([`create node-a:${DIRECTORY}`]);
    expect(driver.leftovers()).toEqual([]);
  });

  it("under a pattern a helper that runs is ended at once: the next claim of this name may have the directory by now", async () => {
    cluster.kubelet = () => undefined;
    void begun(provision({ storageClass: byName }));
    await settle();
    await cluster.setStatus(CREATE, { phase: "Running" });
    stop.abort(new Error("the claim was deleted"));
    stop = new AbortController();
    await driver.abandon(VOLUME, yes, stop.signal);
    expect(cluster.podNames()).toEqual([]);
    expect(cluster.ran).toEqual(["create node-a:/opt/lpp/shop/data/files"]);
  });

  it("is not touched, nor its record, when the claim is there after all", async () => {
    await provision();
    await driver.abandon(VOLUME, async () => false, stop.signal);
    expect(cluster.ran).toEqual([`create node-a:${DIRECTORY}`]);
    expect(driver.leftovers()).toEqual([VOLUME]);
    expect(cluster.pod(CREATE)).toBeDefined();
  });

  it("is not touched when a claim moves on whose PersistentVolume another leader has stored", async () => {
    await provision();
    await cluster.putVolume(volume({ path: DIRECTORY, status: { phase: "Bound" } }));
    await expect(provision({ node: node("node-b") })).rejects.toThrow("exists already");
    expect(cluster.ran).toEqual([`create node-a:${DIRECTORY}`]);
  });
});
