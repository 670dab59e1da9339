import { describe, expect, it } from "vitest";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import { succeeds } from "../testing/cluster.fixture.ts";
import {
  begun,
  common,
  CREATE,
  CREATE_AGAIN,
  DIRECTORY,
  kubeletBack,
  kubeletGone,
  PODS,
  VOLUME,
  yes,
} from "../testing/driver-suite.fixture.ts";
import { node, volume } from "../testing/objects.fixture.ts";
import { useDriver } from "../testing/use-driver.fixture.ts";

const on = useDriver();

describe("what is left when a claim is deleted half-way", () => {
  it("a made directory is removed, then its record", async () => {
    await on.provision();
    on.beginAnew();
    expect(on.driver.attempts()).toEqual([VOLUME]);
    await on.abandon();
    await settle();
    expect(on.cluster.ran).toEqual([`create node-a:${DIRECTORY}`, `delete node-a:${DIRECTORY}`]);
    expect(on.cluster.podNames()).toEqual([]);
    expect(on.driver.attempts()).toEqual([]);
  });

  it("the record stays while the teardown fails", async () => {
    await on.provision();
    on.cluster.kubelet = () => ({ phase: "Failed" });
    await expect(on.abandon()).rejects.toThrow(`failed to delete volume ${VOLUME}: helper pod`);
    expect(on.driver.attempts()).toEqual([VOLUME]);
    on.cluster.kubelet = succeeds;
    await on.abandon();
    await settle();
    expect(on.driver.attempts()).toEqual([]);
  });

  it("a helper that has not begun is deleted, and nothing runs: nothing was made", async () => {
    on.cluster.kubelet = () => undefined;
    void begun(on.provision());
    await settle();
    on.cutOff("the claim was deleted");
    await on.abandon();
    await settle();
    expect(on.cluster.ran).toEqual([`create node-a:${DIRECTORY}`]);
    expect(on.driver.attempts()).toEqual([]);
  });

  /** The claim was deleted while its helper's container ran. */
  async function deletedWhileRunning(): Promise<void> {
    on.cluster.kubelet = () => undefined;
    void begun(on.provision());
    await settle();
    await on.cluster.setStatus(CREATE, { phase: "Running" });
    on.cutOff("the claim was deleted");
    on.cluster.kubelet = succeeds;
  }

  it("a helper that runs is waited for: until the directory is removed it is the record, also for the next leader", async () => {
    await deletedWhileRunning();
    const first = begun(on.abandon());
    await settle();
    expect(on.cluster.ran).toEqual([`create node-a:${DIRECTORY}`]);
    on.cluster.kubelet = () => ({ phase: "Failed" });
    await on.cluster.setStatus(CREATE, { phase: "Succeeded" });
    await expect(first).rejects.toThrow();
    await on.newLeader();
    expect(on.driver.attempts()).toEqual([VOLUME]);
    on.cluster.kubelet = succeeds;
    await on.abandon();
    await settle();
    expect(on.cluster.ran.slice(1)).toEqual([`delete node-a:${DIRECTORY}`, `delete node-a:${DIRECTORY}`]);
    expect(on.cluster.podNames()).toEqual([]);
  });

  /**
   * The claim was deleted when its first attempt had failed and the helper of its second had not
   * begun.
   */
  async function deletedBeforeSecondBegan(): Promise<void> {
    on.cluster.kubelet = () => ({ phase: "Failed" });
    await expect(on.provision()).rejects.toThrow();
    on.cluster.kubelet = () => undefined;
    void begun(on.provision());
    await settle();
    expect(on.cluster.pod(CREATE_AGAIN)?.status?.phase).toBe("Pending");
    on.cutOff("the claim was deleted");
    on.cluster.ran.length = 0;
  }

  it("a helper that has not begun and tells of an earlier attempt is ended before that one's directory is removed", async () => {
    await deletedBeforeSecondBegan();
    const beside: unknown[] = [];
    on.cluster.kubelet = () => {
      beside.push(on.cluster.pod(CREATE_AGAIN)?.status?.phase);
      return { phase: "Succeeded" };
    };
    await on.abandon();
    expect(beside).toEqual(["Failed"]);
    expect(on.cluster.podNames()).toEqual([]);
  });

  it("the same on a node that does not answer is ended when it does, and nothing is begun beside it", async () => {
    await deletedBeforeSecondBegan();
    on.cluster.kube.put("/api/v1/nodes/node-a", node("node-a", undefined, false));
    kubeletGone(on.cluster, "node-a");
    const abandoned = begun(on.abandon());
    await on.cluster.clock.advance(120_000);
    await expect(abandoned).rejects.toThrow(`helper pod ${CREATE_AGAIN} on node node-a was told to end and does not`);
    expect(on.cluster.ran).toEqual([]);
    kubeletBack(on.cluster);
    await on.cluster.setStatus(CREATE_AGAIN, { phase: "Failed" });
    on.cluster.kubelet = succeeds;
    await on.abandon();
    expect(on.cluster.ran).toEqual([`delete node-a:${DIRECTORY}`]);
  });

  it("one that would not end and is gone when its node answers again may have run: its directory is removed", async () => {
    await deletedBeforeSecondBegan();
    await on.newLeader();
    on.cluster.kube.put("/api/v1/nodes/node-a", node("node-a", undefined, false));
    kubeletGone(on.cluster, "node-a");
    const abandoned = begun(on.abandon());
    await on.cluster.clock.advance(120_000);
    await expect(abandoned).rejects.toThrow("was told to end and does not");
    await on.cluster.deletePod(CREATE_AGAIN);
    expect(on.driver.attempts()).toEqual([VOLUME]);
    kubeletBack(on.cluster);
    on.cluster.kubelet = succeeds;
    await on.abandon();
    expect(on.cluster.ran).toEqual([`delete node-a:${DIRECTORY}`]);
  });

  it("a helper that somebody deletes while it is ended is waited for no longer", async () => {
    await deletedWhileRunning();
    on.cluster.kube.intercept = (req) => {
      if (req.method !== "PATCH" || !req.path.endsWith(CREATE)) return;
      on.cluster.kube.intercept = () => undefined;
      on.cluster.kube.remove(`${PODS}${CREATE}`);
    };
    const abandoned = on.abandon();
    await on.cluster.clock.advance(120_000);
    await abandoned;
    expect(on.cluster.ran).toEqual([`create node-a:${DIRECTORY}`, `delete node-a:${DIRECTORY}`]);
  });

  it("the directory of a helper that is deleted while a new leader waits for its end is removed", async () => {
    await deletedWhileRunning();
    await on.newLeader();
    const abandoned = begun(on.abandon());
    await settle();
    await on.cluster.deletePod(CREATE);
    await abandoned;
    expect(on.cluster.ran).toEqual([`create node-a:${DIRECTORY}`, `delete node-a:${DIRECTORY}`]);
  });

  it("a helper that runs too long is ended, so that it cannot make the directory again", async () => {
    await deletedWhileRunning();
    const abandoned = on.abandon();
    await on.cluster.clock.advance(120_000);
    await abandoned;
    await settle();
    expect(on.cluster.ran).toEqual([`create node-a:${DIRECTORY}`, `delete node-a:${DIRECTORY}`]);
    expect(on.cluster.podNames()).toEqual([]);
  });

  it("a leftover of the original is understood", async () => {
    await on.provision();
    const pod = on.cluster.pod(CREATE);
    const { annotations: _, ...metadata } = pod?.metadata ?? {};
    await on.cluster.putPod(CREATE, { ...pod, metadata });
    on.beginAnew();
    await on.abandon();
    expect(on.cluster.ran[1]).toBe(`delete node-a:${DIRECTORY}`);
  });

  it("a node that is gone takes its directory with it", async () => {
    await on.provision();
    await on.cluster.removeNode("node-a");
    await on.abandon();
    await settle();
    expect(on.cluster.podNames()).toEqual([]);
    expect(on.cluster.lines()).toContain(`Node node-a does not exist, skipping cleanup of volume ${VOLUME}`);
  });

  it("a directory that another volume uses is left to it", async () => {
    await on.provision();
    await on.cluster.putVolume(volume({ name: "pv-other", path: DIRECTORY, status: { phase: "Bound" } }));
    await on.abandon();
    await settle();
    expect(on.cluster.ran).toHaveLength(1);
    expect(on.driver.attempts()).toEqual([]);
  });

  it("nothing is nothing", async () => {
    await on.abandon();
    await on.driver.stored(VOLUME);
    expect(on.cluster.ran).toEqual([]);
  });

  it("a helper that ran between our look and its deletion has made a directory, which is removed", async () => {
    on.cluster.kubelet = () => undefined;
    void begun(on.provision());
    await settle();
    on.cutOff("the claim was deleted");
    // ContainerCreating as far as we know. The kubelet starts the container, and says so while it
    // ends the pod.
    on.cluster.kube.intercept = (req) => {
      if (req.method !== "DELETE" || !req.path.endsWith(CREATE)) return;
      on.cluster.kube.intercept = () => undefined;
      const pod = on.cluster.pod(CREATE);
      const metadata = { ...pod?.metadata, deletionTimestamp: "2030-01-01T00:00:00Z" };
      on.cluster.kube.put(`${PODS}${CREATE}`, { ...pod, metadata, status: { phase: "Succeeded" } } as never);
    };
    on.cluster.kubelet = succeeds;
    await on.abandon();
    expect(on.cluster.ran).toContain(`delete node-a:${DIRECTORY}`);
  });

  it("a claim that is gone, whose helper pod somebody deleted, holds up no removal in its directory for ever", async () => {
    await on.provision({ storageClass: common });
    // The PersistentVolume was refused (a webhook, a quota); the pod is cleaned up by hand, then
    // the claim is deleted.
    await on.cluster.deletePod(CREATE);
    for (const name of on.driver.attempts()) await on.driver.removeAttempt(name, yes, on.signal);
    await on.cluster.clock.advance(7 * 86_400_000);
    const other = volume({ name: "pv-other", path: "/opt/lpp/common" });
    await expect(on.driver.remove(other, yes, on.signal)).resolves.toMatchObject({ outcome: "removed" });
  });
});
