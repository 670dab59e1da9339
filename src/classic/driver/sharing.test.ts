import { describe, expect, it } from "vitest";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import { begun, common, CREATE, DELETE, DIRECTORY, leaveHelper, VOLUME, yes } from "../testing/driver-suite.fixture.ts";
import { affinity, claim, volume } from "../testing/objects.fixture.ts";
import { saying } from "../testing/saying.fixture.ts";
import { useDriver } from "../testing/use-driver.fixture.ts";

const on = useDriver();

describe("volumes that share a directory", () => {
  const other = (fields: object = {}) => volume({ name: "pv-other", path: "/opt/lpp/common", ...fields });
  const mine = volume({ path: "/opt/lpp/common" });

  it("a new one waits until a Released one's teardown is done", async () => {
    await on.cluster.putVolume(other({ path: "/opt/lpp/common/below" }));
    await expect(on.provision({ storageClass: common })).rejects.toThrow(
      saying(
        "/opt/lpp/common overlaps the directory of volume pv-other, which is being deleted and would take the new volume's data with it",
      ),
    );
    expect(on.cluster.ran).toEqual([]);
    on.cluster.kube.remove("/api/v1/persistentvolumes/pv-other");
    await settle();
    await on.provision({ storageClass: common });
  });

  it("a new one waits until its predecessor's directory is gone: a claim of the same name that is gone, though nobody has called its volume Released yet", async () => {
    const claimRef = { namespace: "shop", name: "data", uid: "of-the-claim-before" };
    const bound = (fields: object) => other({ spec: { claimRef, ...fields }, status: { phase: "Bound" } });
    await on.cluster.putVolume(bound({}));
    await expect(on.provision({ storageClass: common })).rejects.toThrow("which is being deleted");
    expect(on.cluster.ran).toEqual([]);
    await on.cluster.putVolume(bound({ persistentVolumeReclaimPolicy: "Retain" }));
    await on.provision({ storageClass: common });
  });

  it.each([
    ["it has Failed", { phase: "Failed" }, { "pv.kubernetes.io/provisioned-by": "rancher.io/local-path" }],
    ["it was made by hand", { phase: "Bound" }, {}],
  ])("a new one does not wait for a predecessor that nobody will remove: %s", async (_why, status, annotations) => {
    const claimRef = { namespace: "shop", name: "data", uid: "of-the-claim-before" };
    await on.cluster.putVolume(other({ spec: { claimRef }, status, annotations }));
    await on.provision({ storageClass: common });
  });

  it("a new one waits while another's create pod may still begin there, in the order of their pods", async () => {
    await leaveHelper(on.cluster, {
      action: "create",
      volume: "pvc-other",
      path: "/opt/lpp/common",
      createdAt: "2030-01-01T00:00:02Z",
    });
    await expect(on.provision({ storageClass: common })).rejects.toThrow(
      saying("/opt/lpp/common overlaps the directory of volume pvc-other, which is being made"),
    );
    expect(on.cluster.ran).toEqual([]);
    await leaveHelper(on.cluster, { action: "create", path: "/opt/lpp/common", createdAt: "2030-01-01T00:00:01Z" });
    await on.cluster.setStatus(CREATE, { phase: "Running" });
    const waiting = begun(on.provision({ storageClass: common }));
    await settle();
    await on.cluster.setStatus(CREATE, { phase: "Succeeded" });
    await waiting;
  });

  it("a new one does not wait for one on another node, or for one that is kept", async () => {
    const annotations = { "local.path.provisioner/selected-node": "node-b" };
    await on.cluster.putVolume(
      other({ annotations, spec: { nodeAffinity: affinity("kubernetes.io/hostname", "node-b") } }),
    );
    await on.cluster.putVolume({
      ...other({ spec: { persistentVolumeReclaimPolicy: "Retain" } }),
      metadata: { name: "pv-kept" },
    });
    await on.provision({ storageClass: common });
    expect(on.cluster.ran).toEqual(["create node-a:/opt/lpp/common"]);
  });

  it.each([
    ["the same", "/opt/lpp/common"],
    ["one inside", "/opt/lpp/common/below"],
    ["one around", "/opt/lpp"],
  ])("a directory that another volume uses is kept: %s", async (_what, path) => {
    await on.cluster.putVolume(other({ path, status: { phase: "Bound" } }));
    expect(await on.driver.remove(mine, yes, on.signal)).toEqual({
      outcome: "kept",
      on: expect.objectContaining({ metadata: expect.objectContaining({ name: "node-a" }) as unknown }) as unknown,
      message: `volume ${VOLUME} is gone, its directory node-a:/opt/lpp/common is kept: it overlaps the directory of volume pv-other`,
    });
    expect(on.cluster.ran).toEqual([]);
  });

  it.each(["/opt/lpp", "/opt", "/"])(
    "a directory with the volume's own name is not held by a volume around it: %s",
    async (path) => {
      await on.cluster.putVolume(other({ path, status: { phase: "Bound" } }));
      expect(await on.driver.remove(volume({ path: `/opt/lpp/${VOLUME}_shop_data` }), yes, on.signal)).toEqual({
        outcome: "removed",
      });
    },
  );

  it.each(["", "/below"])("and is held by one that is the same or inside: %j", async (below) => {
    const path = `/opt/lpp/${VOLUME}_shop_data`;
    await on.cluster.putVolume(other({ path: path + below, status: { phase: "Bound" } }));
    expect(await on.driver.remove(volume({ path }), yes, on.signal)).toMatchObject({ outcome: "kept" });
    expect(on.cluster.ran).toEqual([]);
  });

  it("a directory whose other volumes go as well is removed", async () => {
    await on.cluster.putVolume(other());
    expect(await on.driver.remove(mine, yes, on.signal)).toEqual({ outcome: "removed" });
  });

  it.each([
    ["no claim", undefined],
    ["a claim by name", { namespace: "shop", name: "data" }],
  ])(
    "a directory is kept for a Released volume that an administrator has just taken back: %s",
    async (_to, claimRef) => {
      await on.cluster.putVolume(other({ spec: { claimRef } }));
      expect(await on.driver.remove(mine, yes, on.signal)).toMatchObject({ outcome: "kept" });
      expect(on.cluster.ran).toEqual([]);
    },
  );

  it("a directory stays for a Released volume that a claim asks for, and a new volume may be made in it", async () => {
    const claimRef = { namespace: "shop", name: "restored", uid: "of-the-claim-before" };
    await on.cluster.putVolume(other({ spec: { claimRef } }));
    on.cluster.kube.put("/api/v1/namespaces/shop/persistentvolumeclaims/restored", {
      metadata: { name: "restored", namespace: "shop" },
      spec: {
        accessModes: ["ReadWriteOnce"],
        resources: { requests: { storage: "1Gi" } },
        volumeName: "pv-other",
      },
    } as never);
    expect(await on.driver.remove(mine, yes, on.signal)).toMatchObject({
      outcome: "kept",
      message: expect.stringContaining("pv-other") as string,
    });
    expect(on.cluster.ran).toEqual([]);
    await on.provision({ storageClass: common });
  });

  it("a directory is not removed between the making of another volume in it and its PersistentVolume", async () => {
    await on.provision({ storageClass: common });
    const removal = on.driver.remove(other(), yes, on.signal);
    await expect(removal).rejects.toThrow(
      saying(
        `failed to delete volume pv-other: /opt/lpp/common overlaps the directory of volume ${VOLUME}, which is being made`,
      ),
    );
    await on.driver.stored(VOLUME);
    await on.cluster.putVolume({ ...mine, status: { phase: "Bound" } });
    expect(await on.driver.remove(other(), yes, on.signal)).toMatchObject({ outcome: "kept" });
  });

  it("two claims in the same directory are made one after the other", async () => {
    on.cluster.kubelet = () => undefined;
    const second = claim({ uid: "0b1f0c1e-7d1c-4d6c-9c0a-000000000002", name: "second" });
    const first = begun(on.provision({ storageClass: common }));
    void begun(on.provision({ storageClass: common, claim: second }));
    await settle();
    expect(on.cluster.ran).toHaveLength(1);
    await on.cluster.setStatus(CREATE, { phase: "Succeeded" });
    await first;
    await settle();
    expect(on.cluster.ran).toHaveLength(2);
  });

  it("two volumes in the same directory are removed one after the other", async () => {
    on.cluster.kubelet = () => undefined;
    for (const each of [mine, other()]) await on.cluster.putVolume(each);
    const first = begun(on.driver.remove(mine, yes, on.signal));
    await settle();
    void begun(on.driver.remove(other(), yes, on.signal));
    await settle();
    expect(on.cluster.ran).toHaveLength(1);
    await on.cluster.setStatus(DELETE, { phase: "Succeeded" });
    await first;
    await settle();
    expect(on.cluster.ran).toHaveLength(2);
  });

  it("a volume whose affinity has two terms may lie on the nodes of both", async () => {
    const terms = [
      ...(affinity("kubernetes.io/hostname", "node-b").required?.nodeSelectorTerms ?? []),
      ...(affinity("kubernetes.io/hostname", "node-a").required?.nodeSelectorTerms ?? []),
    ];
    await on.cluster.putVolume(
      volume({
        name: "by-hand",
        path: DIRECTORY,
        annotations: {},
        spec: { nodeAffinity: { required: { nodeSelectorTerms: terms } } },
        status: { phase: "Bound" },
      }),
    );
    expect(await on.driver.remove(volume({ path: DIRECTORY }), yes, on.signal)).toMatchObject({ outcome: "kept" });
    expect(on.cluster.ran).toEqual([]);
  });

  it("a directory is kept for a Released volume that an administrator has just set to Retain (our cache says Delete still)", async () => {
    const kept = volume({
      name: "pv-kept",
      path: "/opt/lpp/common",
      spec: { persistentVolumeReclaimPolicy: "Retain" },
    });
    await on.cluster.putVolume(kept);
    on.cluster.volumes.set(volume({ name: "pv-kept", path: "/opt/lpp/common" }));
    const mine = volume({ path: "/opt/lpp/common" });
    await on.driver.remove(mine, yes, on.signal).catch(() => undefined);
    expect(on.cluster.ran).toEqual([]);
  });

  it("the same for a volume that was made by hand and that our cache has not seen", async () => {
    await on.cluster.putVolume(
      volume({ name: "by-hand", path: "/opt/lpp/common", annotations: {}, status: { phase: "Bound" } }),
    );
    on.cluster.volumes.delete("by-hand");
    await on.driver.remove(volume({ path: "/opt/lpp/common" }), yes, on.signal).catch(() => undefined);
    expect(on.cluster.ran).toEqual([]);
  });
});
