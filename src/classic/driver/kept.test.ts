import { describe, expect, it } from "vitest";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import { settings, succeeds } from "../testing/cluster.fixture.ts";
import { begun, byName, common, CREATE, DIRECTORY, UID2, VOLUME, yes } from "../testing/driver-suite.fixture.ts";
import { claim, node, storageClass, volume } from "../testing/objects.fixture.ts";
import { useDriver } from "../testing/use-driver.fixture.ts";

const on = useDriver();

describe("the directory of an attempt that is given up", () => {
  /**
   * A volume on a shared file system as volumeParts writes it: annotated with the claim's node, no
   * affinity, usable on every node.
   */
  const live = volume({
    name: "pv-live",
    path: "/shared/common",
    annotations: { "local.path.provisioner/selected-node": "node-b" },
    spec: { nodeAffinity: undefined as never },
    status: { phase: "Bound" },
  });

  it("is kept where a pattern gives it to every claim of this name: its data may be older than the attempt", async () => {
    // shop/data was deleted with policy Retain, its PersistentVolume too (documented: its data
    // stays). shop/data is made anew and deleted half-way.
    await on.provision({ storageClass: { ...byName, reclaimPolicy: "Retain" } });
    await on.abandon();
    expect(on.cluster.ran).toEqual(["create node-a:/opt/lpp/shop/data/files"]);
  });

  it("is kept there also when the claim moves to another node", async () => {
    on.cluster.kubelet = () => ({ phase: "Failed" });
    const retain = { ...byName, reclaimPolicy: "Retain" };
    await expect(on.provision({ storageClass: retain })).rejects.toThrow();
    on.cluster.kubelet = succeeds;
    await on.provision({ storageClass: retain, node: node("node-b") });
    expect(on.cluster.ran).not.toContain("delete node-a:/opt/lpp/shop/data/files");
  });

  it("is kept under a pattern whatever the class's policy, and the log names it", async () => {
    await on.provision({ storageClass: byName });
    await on.abandon();
    await settle();
    expect(on.cluster.ran).toEqual(["create node-a:/opt/lpp/shop/data/files"]);
    expect(on.cluster.podNames()).toEqual([]);
    expect(on.driver.attempts()).toEqual([]);
    expect(on.cluster.log.lines).toContainEqual(
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
    await on.provision({ storageClass: { ...storageClass(), reclaimPolicy: "Retain" } });
    // Stored; the leader dies before `stored`, and the program is scaled to zero. Weeks later
    // claim and PersistentVolume are deleted; the data is to stay.
    await on.newLeader();
    for (const name of on.driver.attempts()) await on.driver.removeAttempt(name, yes, on.signal);
    expect(on.cluster.ran).toEqual([`create node-a:${DIRECTORY}`]);
  });

  it.each(["Succeeded", "Running"])(
    "is kept where the class has come to retain since its helper was created, which a new leader finds %s",
    async (phase) => {
      on.cluster.kubelet = () => undefined;
      void begun(on.provision());
      await settle();
      await on.cluster.setStatus(CREATE, { phase });
      await on.newLeader();
      const made = begun(on.provision({ storageClass: { ...storageClass(), reclaimPolicy: "Retain" } }));
      await settle();
      if (phase === "Running") await on.cluster.setStatus(CREATE, { phase: "Succeeded" });
      await made;
      // Stored, and the leader dies before `stored`; later claim and PersistentVolume are deleted.
      await on.newLeader();
      on.cluster.kubelet = succeeds;
      for (const name of on.driver.attempts()) await on.driver.removeAttempt(name, yes, on.signal);
      expect(on.cluster.ran).toEqual([`create node-a:${DIRECTORY}`]);
      expect(on.driver.attempts()).toEqual([]);
    },
  );

  it("on a shared file system is kept when a volume of another node's claim uses it", async () => {
    on.cluster.settings = settings({ sharedFileSystemPath: "/shared" });
    await on.cluster.putVolume(live);
    await on.provision({ storageClass: common });
    await on.abandon();
    expect(on.cluster.ran).toEqual(["create node-a:/shared/common"]);
  });

  it("is kept also where the scheduler placed the helper", async () => {
    on.cluster.settings = settings({ sharedFileSystemPath: "/shared" });
    await on.cluster.putVolume(live);
    on.cluster.kubelet = () => undefined;
    const first = begun(on.provision({ storageClass: common, node: undefined }));
    await settle();
    const pod = on.cluster.pod(CREATE);
    on.cluster.kubelet = succeeds;
    await on.cluster.putPod(CREATE, {
      ...pod,
      spec: { ...pod?.spec, nodeName: "node-a" } as never,
      status: { phase: "Succeeded" },
    });
    await first;
    await on.abandon();
    expect(on.cluster.ran.filter((line) => line.startsWith("delete"))).toEqual([]);
  });

  it("is kept when another volume was stored in it that the watch has not shown for a minute", async () => {
    // The watch of PersistentVolumes is half-open (found out after 150 s at the earliest): the
    // volume is stored, bound, used, and not in our index.
    await on.provision({ storageClass: common });
    await on.driver.stored(VOLUME);
    await on.cluster.clock.advance(61_000);
    await on.provision({ storageClass: common, claim: claim({ uid: UID2, name: "second" }) });
    await on.driver.removeAttempt(`pvc-${UID2}`, yes, on.signal);
    expect(on.cluster.ran.filter((line) => line.startsWith("delete"))).toEqual([]);
  });

  it("is kept when the PersistentVolume was stored and only its helper pod could not be deleted", async () => {
    await on.provision();
    on.cluster.kube.intercept = (req) => {
      if (req.method === "DELETE") throw new Error("connection reset");
    };
    await on.driver.stored(VOLUME);
    on.cluster.kube.intercept = () => undefined;
    expect(on.driver.attempts()).toEqual([VOLUME]);
    await on.abandon();
    await settle();
    expect(on.cluster.ran).toEqual([`create node-a:${DIRECTORY}`]);
    expect(on.driver.attempts()).toEqual([]);
  });

  it("is kept for ever then, however often the helper pod cannot be deleted", async () => {
    await on.provision();
    on.cluster.kube.intercept = (req) => {
      if (req.method === "DELETE") throw new Error("a webhook refuses");
    };
    await on.driver.stored(VOLUME);
    // The PersistentVolume is set to Retain and deleted, the claim too: its data is to stay.
    await on.abandon().catch(() => undefined);
    on.cluster.kube.intercept = () => undefined;
    await on.abandon();
    await settle();
    expect(on.cluster.ran).toEqual([`create node-a:${DIRECTORY}`]);
    expect(on.driver.attempts()).toEqual([]);
  });

  it("under a pattern a helper that runs is ended at once: the next claim of this name may have the directory by now", async () => {
    on.cluster.kubelet = () => undefined;
    void begun(on.provision({ storageClass: byName }));
    await settle();
    await on.cluster.setStatus(CREATE, { phase: "Running" });
    on.cutOff("the claim was deleted");
    await on.abandon();
    expect(on.cluster.podNames()).toEqual([]);
    expect(on.cluster.ran).toEqual(["create node-a:/opt/lpp/shop/data/files"]);
  });

  it("is not touched, nor its record, when the claim is there after all", async () => {
    await on.provision();
    await on.driver.removeAttempt(VOLUME, async () => false, on.signal);
    expect(on.cluster.ran).toEqual([`create node-a:${DIRECTORY}`]);
    expect(on.driver.attempts()).toEqual([VOLUME]);
    expect(on.cluster.pod(CREATE)).toBeDefined();
  });

  it("is not touched when a claim moves on whose PersistentVolume another leader has stored", async () => {
    await on.provision();
    await on.cluster.putVolume(volume({ path: DIRECTORY, status: { phase: "Bound" } }));
    await expect(on.provision({ node: node("node-b") })).rejects.toThrow("another leader has stored PersistentVolume");
    expect(on.cluster.ran).toEqual([`create node-a:${DIRECTORY}`]);
  });
});
