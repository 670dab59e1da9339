import { describe, expect, it, vi } from "vitest";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeError } from "../../kube/errors.ts";
import type { Driver } from "../../provision/driver.ts";
import { settings } from "../testing/cluster.fixture.ts";
import { DIRECTORY, leaveHelper, sharedVolume, VOLUME, yes } from "../testing/driver-suite.fixture.ts";
import { affinity, node, volume } from "../testing/objects.fixture.ts";
import { saying } from "../testing/saying.fixture.ts";
import { useDriver } from "../testing/use-driver.fixture.ts";

const on = useDriver();

describe("removing a volume", () => {
  const remove = (pv = volume()) => on.driver.remove(pv, yes, on.signal);
  const path = volume().spec?.hostPath?.path ?? "";

  it("runs the teardown on its node, prints its log and removes its pod", async () => {
    const name = `helper-pod-delete-${VOLUME}`;
    on.cluster.logs.set(name, "gone\n");
    expect(await remove()).toEqual({ outcome: "removed" });
    expect(on.cluster.ran).toEqual([`delete node-a:${path}`]);
    expect(on.cluster.podNames()).toEqual([]);
    expect(on.cluster.lines()).toEqual([
      `Deleting volume ${VOLUME} at node-a:${path}`,
      `create the helper pod ${name} into local-path-storage`,
      `Volume ${VOLUME} has been deleted on node-a:${path}`,
      `Start of ${name} logs`,
      "gone",
      `End of ${name} logs`,
    ]);
  });

  it.each([
    ["directory names before v0.0.13", volume({ path: `/opt/lpp/${VOLUME}`, annotations: {} })],
    ["type local", { ...volume(), spec: { ...volume().spec, hostPath: undefined, local: { path } } }],
    [
      "v0.0.29",
      volume({
        spec: {
          nodeAffinity: {
            required: {
              nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["node-a"] }] }],
            },
          },
        },
      }),
    ],
    ["no annotation, custom key", volume({ annotations: {}, spec: { nodeAffinity: affinity("example.com/id", "7") } })],
  ])("of any version: %s", async (_what, pv) => {
    on.cluster.kube.put(
      "/api/v1/nodes/node-a",
      node("node-a", { "kubernetes.io/hostname": "node-a", "example.com/id": "7" }),
    );
    await settle();
    expect(await on.driver.remove(pv as Parameters<Driver["remove"]>[0], yes, on.signal)).toEqual({
      outcome: "removed",
    });
    expect(on.cluster.ran).toHaveLength(1);
    expect(on.cluster.ran[0]).toMatch(/^delete node-a:/);
  });

  it("9.3 silent skip on node not found by affinity value: the node is found by its hostname label", async () => {
    await on.cluster.removeNode("node-a");
    on.cluster.kube.put("/api/v1/nodes/ip-1.internal", node("ip-1.internal", { "kubernetes.io/hostname": "node-a" }));
    await settle();
    expect(await remove(volume({ annotations: {} }))).toEqual({ outcome: "removed" });
    expect(on.cluster.ran).toEqual([`delete ip-1.internal:${path}`]);
  });

  it("does not remove on another node with the same label while its own node is away", async () => {
    const labels = { "example.com/pool": "fast" };
    on.cluster.kube.put("/api/v1/nodes/node-b", node("node-b", labels));
    await on.cluster.removeNode("node-a");
    await on.cluster.clock.advance(60_000);
    const pv = volume({ spec: { nodeAffinity: affinity("example.com/pool", "fast") } });
    const creationTimestamp = new Date(on.cluster.clock.now()).toISOString();
    await expect(remove({ ...pv, metadata: { ...pv.metadata, creationTimestamp } })).rejects.toThrow(
      "now only node node-b has the label example.com/pool=fast",
    );
    expect(on.cluster.ran).toEqual([]);
    on.cluster.kube.put("/api/v1/nodes/node-a", node("node-a", labels));
    await settle();
    expect(await remove({ ...pv, metadata: { ...pv.metadata, creationTimestamp } })).toEqual({ outcome: "removed" });
    expect(on.cluster.ran).toEqual([`delete node-a:${path}`]);
  });

  it("waits a day for a node that is not there, then lets the object go and says what is left behind", async () => {
    await on.cluster.removeNode("node-a");
    const released = volume({
      status: { lastPhaseTransitionTime: new Date(on.cluster.clock.now() - 3_600_000).toISOString() },
    });
    const day = 24 * 3_600_000;
    expect(await remove(released)).toMatchObject({ outcome: "waiting", retryAfterMs: day });
    await on.cluster.clock.advance(day - 1);
    expect(await remove(released)).toMatchObject({ outcome: "waiting", retryAfterMs: 1 });
    await on.cluster.clock.advance(1);
    const line = `Node node-a does not exist, skipping cleanup of volume ${VOLUME}`;
    expect(await remove(released)).toEqual({
      outcome: "kept",
      message: `${line}: its directory ${path} is left behind there`,
    });
    expect(on.cluster.lines()).toEqual([line]);
    expect(on.cluster.ran).toEqual([]);
  });

  it("counts the day from when it first found the node missing, and anew when the volume was released again since", async () => {
    await on.cluster.removeNode("node-a");
    const day = 24 * 3_600_000;
    expect(await remove()).toMatchObject({ outcome: "waiting", retryAfterMs: day });
    await on.cluster.clock.advance(1000);
    expect(await remove()).toMatchObject({ outcome: "waiting", retryAfterMs: day - 1000 });
    await on.cluster.clock.advance(2 * day);
    const again = volume({
      status: { lastPhaseTransitionTime: new Date(on.cluster.clock.now() - 1000).toISOString() },
    });
    expect(await remove(again)).toMatchObject({ outcome: "waiting", retryAfterMs: day - 1000 });
  });

  it("on a shared file system runs anywhere and names no node", async () => {
    on.cluster.settings = settings({ sharedFileSystemPath: "/shared" });
    expect(await remove(sharedVolume({ path: "/shared/v" }))).toEqual({ outcome: "removed" });
    expect(on.cluster.ran).toEqual(["delete :/shared/v"]);
    expect(on.cluster.lines()[0]).toBe(`Deleting volume ${VOLUME} at /shared/v`);
  });

  it("asks for the last time after the server has let it wait: a volume may be in the directory by now", async () => {
    const shared = volume({ path: "/opt/lpp/team/a" });
    const { client, clock } = on.cluster;
    const busy = { code: 429, reason: "TooManyRequests", message: "try again later", retryAfterSeconds: 20 };
    const create = vi.spyOn(client, "create").mockRejectedValueOnce(new KubeError(busy));
    const removed = remove(shared);
    await settle();
    expect(create).toHaveBeenCalledTimes(1);
    const other = volume({ path: "/opt/lpp/team/a", spec: { persistentVolumeReclaimPolicy: "Retain" } });
    await on.cluster.putVolume({ ...other, metadata: { name: "by-hand", uid: "by-hand" }, status: { phase: "Bound" } });
    await clock.advance(20_000);
    expect(await removed).toMatchObject({ outcome: "kept" });
    expect(on.cluster.ran).toEqual([]);
    create.mockRestore();
  });

  it("does nothing for policy Retain", async () => {
    expect(await remove(volume({ spec: { persistentVolumeReclaimPolicy: "Retain" } }))).toMatchObject({
      outcome: "kept",
    });
    expect(on.cluster.lines()).toEqual([`Retained volume ${VOLUME}`]);
  });

  it("wraps errors once, but not that of an unknown class", async () => {
    const pathless = { ...volume(), spec: { storageClassName: "local-path" } };
    await expect(remove(pathless)).rejects.toThrow(saying(`failed to delete volume ${VOLUME}: no path set`));
    on.cluster.kubelet = () => ({ phase: "Failed" });
    await expect(remove()).rejects.toThrow(
      saying(`failed to delete volume ${VOLUME}: helper pod helper-pod-delete-${VOLUME} failed`),
    );
    expect(on.cluster.lines()).toContain(
      `clean up volume ${VOLUME} failed: helper pod helper-pod-delete-${VOLUME} failed`,
    );
    on.cluster.settings = settings({});
    await expect(remove(sharedVolume({}))).rejects.toThrow(
      saying(`failed to delete volume ${VOLUME}: both nodePathMap and sharedFileSystemPath are unconfigured`),
    );
    on.cluster.settings = settings({ storageClassConfigs: { other: {} } });
    await expect(remove(sharedVolume({}))).rejects.toThrow(
      "BUG: Got request for unexpected storage class local-path (storageClassConfigs",
    );
  });

  it("needs no class for a volume that says where it is", async () => {
    on.cluster.settings = settings({ storageClassConfigs: { other: {} } });
    expect(await remove()).toEqual({ outcome: "removed" });
    expect(on.cluster.ran).toEqual([`delete node-a:${path}`]);
  });

  it("needs no class for a volume on a file system that another class still shares", async () => {
    on.cluster.settings = settings({ storageClassConfigs: { other: { sharedFileSystemPath: "/shared/" } } });
    expect(await remove(sharedVolume({ path: `/shared/${VOLUME}` }))).toEqual({ outcome: "removed" });
    await expect(remove(sharedVolume({ path: `/shared-2/${VOLUME}` }))).rejects.toThrow("unexpected storage class");
  });

  it("takes a forgotten create pod along", async () => {
    await on.provision();
    await remove();
    await settle();
    expect(on.cluster.podNames()).toEqual([]);
  });

  it("a volume made for one node is removed on that node though its class is shared by now", async () => {
    on.cluster.settings = settings({ sharedFileSystemPath: "/shared" });
    const outcome = await on.driver
      .remove(volume({ path: DIRECTORY }), yes, on.signal)
      .catch((error: unknown) => error);
    expect({ outcome, ran: on.cluster.ran }).not.toEqual({
      outcome: { outcome: "removed" },
      ran: [`delete :${DIRECTORY}`],
    });
  });

  it("a node that is away for a moment is waited for, however long ago its volume was released", async () => {
    const released = volume({
      status: { lastPhaseTransitionTime: new Date(on.cluster.clock.now() - 25 * 3_600_000).toISOString() },
    });
    on.cluster.kubelet = () => ({ phase: "Failed" });
    await expect(on.driver.remove(released, yes, on.signal)).rejects.toThrow();
    await on.cluster.removeNode("node-a");
    expect(await on.driver.remove(released, yes, on.signal)).toMatchObject({ outcome: "waiting" });
  });

  it("is withdrawn when that is no longer wanted, with nothing run and nothing left", async () => {
    expect(await on.driver.remove(volume(), async () => false, on.signal)).toEqual({ outcome: "withdrawn" });
    expect(on.cluster.ran).toEqual([]);
    expect(on.cluster.podNames()).toEqual([]);
  });

  it("asks whether it is wanted after the last wait, right before the pod is created", async () => {
    const order: string[] = [];
    on.cluster.kube.intercept = (req) => {
      if (req.method === "POST") order.push("pod");
    };
    const confirm = async (): Promise<boolean> => {
      order.push("asked");
      return true;
    };
    await leaveHelper(on.cluster, { action: "delete", path: DIRECTORY, phase: "Failed" });
    await on.driver.remove(volume({ path: DIRECTORY }), confirm, on.signal);
    expect(order).toEqual(["asked", "pod"]);
  });
});
