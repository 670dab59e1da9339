import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { settle } from "../effects/testing/manual-clock.fixture.ts";
import type { Driver } from "../provision/driver.ts";
import { TestCluster } from "./testing/cluster.fixture.ts";
import { begun, common, CREATE, DIRECTORY, VOLUME, yes } from "./testing/driver-suite.fixture.ts";
import { affinity, claim, request, volume } from "./testing/objects.fixture.ts";
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

describe("volumes that share a directory", () => {
  const other = (fields: object = {}) => volume({ name: "pv-other", path: "/opt/lpp/common", ...fields });
  const mine = volume({ path: "/opt/lpp/common" });

  it("a new one waits until a Released one's teardown is done", async () => {
    await cluster.putVolume(other({ path: "/opt/lpp/common/below" }));
    await expect(provision({ storageClass: common })).rejects.toThrow(
      saying(
        "/opt/lpp/common overlaps the directory of volume pv-other, which is being deleted and would take the new volume's data with it",
      ),
    );
    expect(cluster.ran).toEqual([]);
    cluster.kube.remove("/api/v1/persistentvolumes/pv-other");
    await settle();
    await provision({ storageClass: common });
  });

  it("a new one waits until its predecessor's directory is gone: a claim of the same name that is gone, though nobody has called its volume Released yet", async () => {
    const claimRef = { namespace: "shop", name: "data", uid: "of-the-claim-before" };
    const bound = (fields: object) => other({ spec: { claimRef, ...fields }, status: { phase: "Bound" } });
    await cluster.putVolume(bound({}));
    await expect(provision({ storageClass: common })).rejects.toThrow("which is being deleted");
    expect(cluster.ran).toEqual([]);
    await cluster.putVolume(bound({ persistentVolumeReclaimPolicy: "Retain" }));
    await provision({ storageClass: common });
  });

  it.each([
    ["it has Failed", { phase: "Failed" }, { "pv.kubernetes.io/provisioned-by": "rancher.io/local-path" }],
    ["it was made by hand", { phase: "Bound" }, {}],
  ])("a new one does not wait for a predecessor that nobody will remove: %s", async (_why, status, annotations) => {
    const claimRef = { namespace: "shop", name: "data", uid: "of-the-claim-before" };
    await cluster.putVolume(other({ spec: { claimRef }, status, annotations }));
    await provision({ storageClass: common });
  });

  it("a new one does not wait for one on another node, or for one that is kept", async () => {
    const annotations = { "local.path.provisioner/selected-node": "node-b" };
    await cluster.putVolume(
      other({ annotations, spec: { nodeAffinity: affinity("kubernetes.io/hostname", "node-b") } }),
    );
    await cluster.putVolume({
      ...other({ spec: { persistentVolumeReclaimPolicy: "Retain" } }),
      metadata: { name: "pv-kept" },
    });
    await provision({ storageClass: common });
    expect(cluster.ran).toEqual(["create node-a:/opt/lpp/common"]);
  });

  it.each([
    ["the same", "/opt/lpp/common"],
    ["one inside", "/opt/lpp/common/below"],
    ["one around", "/opt/lpp"],
  ])("a directory that another volume uses is kept: %s", async (_what, path) => {
    await cluster.putVolume(other({ path, status: { phase: "Bound" } }));
    expect(await driver.remove(mine, yes, stop.signal)).toEqual({
      outcome: "kept",
      reason: "DirectoryShared",
      message: `volume ${VOLUME} is gone, its directory node-a:/opt/lpp/common is kept: it overlaps the directory of volume pv-other`,
    });
    expect(cluster.ran).toEqual([]);
  });

  it("a directory whose other volumes go as well is removed", async () => {
    await cluster.putVolume(other());
    expect(await driver.remove(mine, yes, stop.signal)).toEqual({ outcome: "removed" });
  });

  it("a directory is not removed between the making of another volume in it and its PersistentVolume", async () => {
    await provision({ storageClass: common });
    const removal = driver.remove(other(), yes, stop.signal);
    await expect(removal).rejects.toThrow(
      saying(
        `failed to delete volume pv-other: /opt/lpp/common overlaps the directory of volume ${VOLUME}, which is being made`,
      ),
    );
    await driver.settled(VOLUME);
    await cluster.putVolume({ ...mine, status: { phase: "Bound" } });
    expect(await driver.remove(other(), yes, stop.signal)).toMatchObject({ outcome: "kept" });
  });

  it("two claims in the same directory are made one after the other", async () => {
    cluster.kubelet = () => undefined;
    const second = claim({ uid: "0b1f0c1e-7d1c-4d6c-9c0a-000000000002", name: "second" });
    const first = begun(provision({ storageClass: common }));
    void begun(provision({ storageClass: common, claim: second }));
    await settle();
    expect(cluster.ran).toHaveLength(1);
    await cluster.setStatus(CREATE, { phase: "Succeeded" });
    await first;
    await settle();
    expect(cluster.ran).toHaveLength(2);
  });

  it("a volume whose affinity has two terms may lie on the nodes of both", async () => {
    const terms = [
      ...(affinity("kubernetes.io/hostname", "node-b").required?.nodeSelectorTerms ?? []),
      ...(affinity("kubernetes.io/hostname", "node-a").required?.nodeSelectorTerms ?? []),
    ];
    await cluster.putVolume(
      volume({
        name: "by-hand",
        path: DIRECTORY,
        annotations: {},
        spec: { nodeAffinity: { required: { nodeSelectorTerms: terms } } },
        status: { phase: "Bound" },
      }),
    );
    expect(await driver.remove(volume({ path: DIRECTORY }), yes, stop.signal)).toMatchObject({ outcome: "kept" });
    expect(cluster.ran).toEqual([]);
  });

  it("a directory is kept for a Released volume that an administrator has just set to Retain (our cache says Delete still)", async () => {
    const kept = volume({
      name: "pv-kept",
      path: "/opt/lpp/common",
      spec: { persistentVolumeReclaimPolicy: "Retain" },
    });
    await cluster.putVolume(kept);
    cluster.volumes.set(volume({ name: "pv-kept", path: "/opt/lpp/common" }));
    const mine = volume({ path: "/opt/lpp/common" });
    await driver.remove(mine, yes, stop.signal).catch(() => undefined);
    expect(cluster.ran).toEqual([]);
  });

  it("the same for a volume that was made by hand and that our cache has not seen", async () => {
    await cluster.putVolume(
      volume({ name: "by-hand", path: "/opt/lpp/common", annotations: {}, status: { phase: "Bound" } }),
    );
    cluster.volumes.delete("by-hand");
    await driver.remove(volume({ path: "/opt/lpp/common" }), yes, stop.signal).catch(() => undefined);
    expect(cluster.ran).toEqual([]);
  });
});
