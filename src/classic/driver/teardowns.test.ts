import { describe, expect, it } from "vitest";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import { settings, succeeds } from "../testing/cluster.fixture.ts";
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
} from "../testing/driver-suite.fixture.ts";
import { affinity, claim, node, volume } from "../testing/objects.fixture.ts";
import { saying } from "../testing/saying.fixture.ts";
import { useDriver } from "../testing/use-driver.fixture.ts";

const on = useDriver();

describe("a teardown pod that is left", () => {
  const left = "/opt/lpp/shop/data/files";

  it("and has not begun is taken away before a new claim is given its directory", async () => {
    const pod = await leaveHelper(on.cluster, { action: "delete", path: left });
    await on.provision({ storageClass: byName, claim: second });
    expect(on.cluster.pod(pod)).toBeUndefined();
    expect(on.cluster.ran).toEqual([`create node-a:${left}`]);
  });

  it("and runs is waited for", async () => {
    const pod = await leaveHelper(on.cluster, { action: "delete", path: left, phase: "Running" });
    const work = begun(on.provision({ storageClass: byName, claim: second }));
    expect(await isDone(work)).toBe(false);
    expect(on.cluster.ran).toEqual([]);
    await on.cluster.setStatus(pod, { phase: "Succeeded" });
    await work;
    expect(on.cluster.ran).toEqual([`create node-a:${left}`]);
  });

  it("and runs for longer than a helper may is told to the claim", async () => {
    const pod = await leaveHelper(on.cluster, { action: "delete", path: left, phase: "Running" });
    const work = begun(on.provision({ storageClass: byName, claim: second }));
    await on.cluster.clock.advance(120_000);
    await expect(work).rejects.toThrow(saying(`helper pod ${pod} on node node-a may still remove ${left}`));
  });

  it("on a node that does not answer is told to the claim at once; other claims go on", async () => {
    on.cluster.settings = settings({ sharedFileSystemPath: "/shared" });
    on.cluster.kube.put("/api/v1/nodes/node-a", node("node-a", {}, false));
    kubeletGone(on.cluster, "node-a");
    const pod = await leaveHelper(on.cluster, { action: "delete", path: "/shared/common", phase: "Running" });
    const work = on.provision({ storageClass: common, claim: second, node: node("node-b") });
    await expect(work).rejects.toThrow(saying(`helper pod ${pod} on node node-a may still remove /shared/common`));
    await on.provision({ claim: claim({ uid: "0b1f0c1e-7d1c-4d6c-9c0a-000000000003" }), node: node("node-b") });
    expect(on.cluster.ran).toHaveLength(1);
    // An administrator says that nothing runs there any more.
    const dead = {
      ...node("node-a", {}, false),
      spec: { taints: [{ key: "node.kubernetes.io/out-of-service", effect: "NoExecute" }] },
    };
    on.cluster.kube.put("/api/v1/nodes/node-a", dead);
    await settle();
    await on.provision({ storageClass: common, claim: second, node: node("node-b") });
    expect(on.cluster.pod(pod)).toBeUndefined();
  });

  it("on another node's own disk concerns nobody here", async () => {
    await leaveHelper(on.cluster, { action: "delete", path: left, phase: "Running" });
    await on.provision({ storageClass: byName, claim: second, node: node("node-b") });
    expect(on.cluster.ran).toEqual([`create node-b:${left}`]);
  });

  it("on another node does not keep the volume's removal from running under another name", async () => {
    await leaveHelper(on.cluster, { action: "delete", path: DIRECTORY, node: "node-b", phase: "Running" });
    expect(await on.driver.remove(volume({ path: DIRECTORY }), yes, on.signal)).toEqual({ outcome: "removed" });
    expect(on.cluster.ran).toEqual([`delete node-a:${DIRECTORY}`]);
  });

  it("is taken back when its volume has been rescued, and not while it is to be removed", async () => {
    const pod = await leaveHelper(on.cluster, { action: "delete", path: DIRECTORY });
    await on.cluster.putVolume(volume({ path: DIRECTORY }));
    expect(on.driver.attempts()).toEqual([VOLUME]);
    await on.driver.stored(VOLUME);
    expect(on.cluster.pod(pod)).toBeDefined();
    await on.cluster.putVolume(volume({ path: DIRECTORY, spec: { persistentVolumeReclaimPolicy: "Retain" } }));
    await on.driver.stored(VOLUME);
    expect(on.cluster.pod(pod)).toBeUndefined();
  });

  it.each([
    ["Pending", false],
    ["Running", true],
  ])("is taken back when a claim asks for the volume, unless it may have run: %s", async (phase, stays) => {
    await on.cluster.putVolume(volume({ path: DIRECTORY }));
    const pod = await leaveHelper(on.cluster, { action: "delete", path: DIRECTORY, phase });
    await on.driver.keep?.(VOLUME);
    expect(on.cluster.pod(pod) !== undefined).toBe(stays);
  });

  // Made by hand after a rebuild, restored by a backup, kept ready in a pool: not pvc-<uid>.
  it.each(["warm-node-a-0", "pvc-1"])("is taken back for a volume of any name: %s", async (name) => {
    const named = (spec: object = {}) => {
      const made = volume({ path: DIRECTORY, spec });
      return { ...made, metadata: { ...made.metadata, name } };
    };
    const pod = await leaveHelper(on.cluster, { action: "delete", path: DIRECTORY, volume: name });
    await on.cluster.putVolume(named({ persistentVolumeReclaimPolicy: "Retain" }));
    expect(on.driver.attempts()).toEqual([name]);
    await on.driver.stored(name);
    expect(on.cluster.pod(pod)).toBeUndefined();
  });

  it("is run again for a volume of any name after it has failed", async () => {
    const made = volume({ path: DIRECTORY });
    const named = { ...made, metadata: { ...made.metadata, name: "warm-node-a-0" } };
    await leaveHelper(on.cluster, { action: "delete", path: DIRECTORY, volume: "warm-node-a-0", phase: "Failed" });
    expect(await on.driver.remove(named, yes, on.signal)).toEqual({ outcome: "removed" });
    expect(on.cluster.podNames()).toEqual([]);
  });

  it("is taken back when its PersistentVolume was deleted: the data is to stay", async () => {
    const pod = await leaveHelper(on.cluster, { action: "delete", path: DIRECTORY });
    await on.driver.removeAttempt(VOLUME, yes, on.signal);
    expect(on.cluster.pod(pod)).toBeUndefined();
    expect(on.cluster.ran).toEqual([]);
    await settle();
    expect(on.driver.attempts()).toEqual([]);
  });

  describe("whose work is done counts, for a script may not be able to run twice", () => {
    const RELEASED = "2030-01-01T00:00:10Z";
    const status = { lastPhaseTransitionTime: RELEASED };
    // Without a claim only the time says of which release a teardown is.
    const released = volume({ path: DIRECTORY, spec: { claimRef: undefined }, status });
    const left = { action: "delete", path: DIRECTORY, createdAt: RELEASED, volumeUid: released.metadata.uid } as const;
    const remove = () => on.driver.remove(released, yes, on.signal);

    it("when this process has done it and the PersistentVolume could not be deleted; not of a later release", async () => {
      expect(await remove()).toMatchObject({ outcome: "removed" });
      expect(await remove()).toMatchObject({ outcome: "removed" });
      expect(on.cluster.ran).toEqual([`delete node-a:${DIRECTORY}`]);
      const later = { ...released, status: { lastPhaseTransitionTime: "2030-01-01T00:05:00Z" } as never };
      await on.driver.remove(later, yes, on.signal);
      expect(on.cluster.ran).toHaveLength(2);
    });

    it("when it has succeeded", async () => {
      const pod = await leaveHelper(on.cluster, { ...left, phase: "Succeeded" });
      expect(await remove()).toEqual({ outcome: "removed" });
      expect(on.cluster.ran).toEqual([]);
      expect(on.cluster.pod(pod)).toBeUndefined();
    });

    it("when it succeeds while it is waited for", async () => {
      const pod = await leaveHelper(on.cluster, { ...left, phase: "Running" });
      const removal = begun(remove());
      await settle();
      await on.cluster.setStatus(pod, { phase: "Succeeded" });
      expect(await removal).toEqual({ outcome: "removed" });
      expect(on.cluster.ran).toEqual([]);
    });

    it.each([
      ["it failed", { phase: "Failed" }],
      ["it was made before the volume was released", { phase: "Succeeded", createdAt: "2030-01-01T00:00:09Z" }],
      ["it is of another volume of this name", { phase: "Succeeded", volumeUid: "another" }],
      ["it is of another directory", { phase: "Succeeded", path: `${DIRECTORY}-2` }],
      ["it does not say when it was made", { phase: "Succeeded", createdAt: undefined }],
    ])("not when %s", async (_why, but) => {
      const { createdAt, ...rest } = { ...left, ...but };
      await leaveHelper(on.cluster, { ...rest, ...(createdAt === undefined ? {} : { createdAt }) });
      expect(await remove()).toEqual({ outcome: "removed" });
      expect(on.cluster.ran).toEqual([`delete node-a:${DIRECTORY}`]);
    });

    describe("by the claim that has released the volume", () => {
      const claimRef = { namespace: "shop", name: "data", uid: "claim-1" };
      // No time stamp, as before Kubernetes 1.31; and one of a release that was marked once more.
      const later = { lastPhaseTransitionTime: "2030-01-01T09:00:00Z" } as never;
      const of = { ...left, phase: "Succeeded", claimUid: "claim-1" };

      it.each([undefined, later])("when it has succeeded: status %j", async (status) => {
        const pod = await leaveHelper(on.cluster, of);
        const again = volume({ path: DIRECTORY, spec: { claimRef }, ...(status === undefined ? {} : { status }) });
        expect(await on.driver.remove(again, yes, on.signal)).toEqual({ outcome: "removed" });
        expect(on.cluster.ran).toEqual([]);
        expect(on.cluster.pod(pod)).toBeUndefined();
      });

      it("not when another claim has released it since", async () => {
        await leaveHelper(on.cluster, { ...of, createdAt: "2030-01-01T10:00:00Z" });
        const again = volume({ path: DIRECTORY, spec: { claimRef: { ...claimRef, uid: "claim-2" } }, status: later });
        await on.driver.remove(again, yes, on.signal);
        expect(on.cluster.ran).toEqual([`delete node-a:${DIRECTORY}`]);
      });

      it("and this process remembers it by the claim, too", async () => {
        const released = volume({ path: DIRECTORY, spec: { claimRef } });
        await on.driver.remove(released, yes, on.signal);
        await on.cluster.clock.advance(5000);
        await on.driver.remove(released, yes, on.signal);
        expect(on.cluster.ran).toHaveLength(1);
        const next = volume({ path: DIRECTORY, spec: { claimRef: { ...claimRef, uid: "claim-2" } } });
        await on.driver.remove(next, yes, on.signal);
        expect(on.cluster.ran).toHaveLength(2);
      });
    });

    it("but a volume that is wanted after all stays", async () => {
      await leaveHelper(on.cluster, { ...left, phase: "Succeeded" });
      const no = (): Promise<boolean> => Promise.resolve(false);
      const outcome = await on.driver.remove(released, no, on.signal);
      expect(outcome).toEqual({ outcome: "withdrawn" });
    });
  });

  it("is not one that this process runs", async () => {
    on.cluster.kubelet = () => undefined;
    void begun(on.driver.remove(volume(), yes, on.signal));
    await settle();
    expect(on.cluster.podNames()).toEqual([DELETE]);
    expect(on.driver.attempts()).toEqual([]);
  });

  it("is not left by a removal that is called off before it has begun, and is once it runs", async () => {
    on.cluster.kubelet = () => undefined;
    const first = begun(on.driver.remove(volume(), yes, on.signal));
    await settle();
    on.cutOff("rescued");
    await expect(first).rejects.toThrow("rescued");
    expect(on.cluster.podNames()).toEqual([]);
    void begun(on.driver.remove(volume(), yes, on.signal));
    await settle();
    await on.cluster.setStatus(DELETE, { phase: "Running" });
    on.cutOff("rescued");
    await settle();
    expect(on.cluster.podNames()).toEqual([DELETE]);
  });

  it("and a Released PersistentVolume that an administrator has deleted while no leader was there: the next claim is made only when nothing removes its directory any more", async () => {
    on.cluster.kubelet = () => undefined;
    const released = volume({ path: "/opt/lpp/shop/data/files" });
    await on.cluster.putVolume(released);
    void begun(on.driver.remove(released, yes, on.signal));
    await settle();
    expect(on.cluster.podNames()).toEqual([DELETE]);
    await on.newLeader();
    on.cluster.kube.remove(`/api/v1/persistentvolumes/${VOLUME}`);
    await settle();
    on.cluster.kubelet = succeeds;
    let made = false;
    void begun(
      on.provision({ storageClass: byName, claim: second }).then(() => {
        made = true;
      }),
    );
    await settle();
    expect({ made, teardownStillToRun: on.cluster.pod(DELETE)?.status?.phase === "Pending" }).not.toEqual({
      made: true,
      teardownStillToRun: true,
    });
  });

  /** The helper runs for longer than the nine seconds that it may. */
  async function timeIsUp(): Promise<void> {
    on.cluster.kubelet = () => undefined;
    const first = begun(on.provision());
    await settle();
    await on.cluster.setStatus(CREATE, { phase: "Running" });
    await on.cluster.clock.advance(9000);
    await expect(first).rejects.toThrow("timeout");
  }

  it("on a shared file system: a claim that moves on from a dead node is not made beside it", async () => {
    on.cluster.settings = settings({ sharedFileSystemPath: "/shared", cmdTimeoutSeconds: 9 });
    await timeIsUp();
    on.cluster.kube.put("/api/v1/nodes/node-a", node("node-a", {}, false));
    kubeletGone(on.cluster, "node-a");
    on.cluster.kubelet = (pod) => (pod.spec?.nodeName === "node-b" ? { phase: "Succeeded" } : undefined);
    const again = begun(on.provision({ node: node("node-b") }));
    await settle();
    // The node is cut off from the API server only: what runs there goes on.
    if (on.cluster.pod(DELETE) !== undefined) await on.cluster.setStatus(DELETE, { phase: "Running" });
    for (let at = 0; at < 10; at++) await on.cluster.clock.advance(9000);
    const made = await Promise.race([again.then(() => true), settle().then(() => false)]);
    const running = on.cluster.pod(DELETE)?.status?.phase === "Running";
    expect({ made, running }).not.toEqual({ made: true, running: true });
  });

  it("on a dead node keeps nobody from removing the volume that was made elsewhere", async () => {
    on.cluster.settings = settings({
      nodePathMap: [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: ["/opt/lpp"] }],
      cmdTimeoutSeconds: 9,
    });
    await timeIsUp();
    kubeletGone(on.cluster, "node-a");
    on.cluster.kube.put("/api/v1/nodes/node-a", node("node-a", {}, false));
    on.cluster.kubelet = (pod) => (pod.spec?.nodeName === "node-b" ? { phase: "Succeeded" } : undefined);
    const again = begun(on.provision({ node: node("node-b") }));
    await on.cluster.clock.advance(20_000);
    await again;
    await on.driver.stored(VOLUME);
    // Much later the claim is deleted; node-a is still dead.
    await on.cluster.clock.advance(86_400_000);
    const pv = volume({
      path: DIRECTORY,
      annotations: { "local.path.provisioner/selected-node": "node-b" },
      spec: { nodeAffinity: affinity("kubernetes.io/hostname", "node-b") },
    });
    await expect(on.driver.remove(pv, yes, on.signal)).resolves.toEqual({ outcome: "removed" });
  });
});
