import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { settle } from "../effects/testing/manual-clock.fixture.ts";
import type { Driver } from "../provision/driver.ts";
import { settings, TestCluster } from "./testing/cluster.fixture.ts";
import { DIRECTORY, leaveHelper, sharedVolume, VOLUME, yes } from "./testing/driver-suite.fixture.ts";
import { affinity, node, request, volume } from "./testing/objects.fixture.ts";
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

describe("removing a volume", () => {
  const remove = (pv = volume()) => driver.remove(pv, yes, stop.signal);
  const path = volume().spec?.hostPath?.path ?? "";

  it("runs the teardown on its node, prints its log and removes its pod", async () => {
    const name = `helper-pod-delete-${VOLUME}`;
    cluster.logs.set(name, "gone\n");
    expect(await remove()).toEqual({ outcome: "removed" });
    expect(cluster.ran).toEqual([`delete node-a:${path}`]);
    expect(cluster.podNames()).toEqual([]);
    expect(cluster.lines()).toEqual([
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
    cluster.kube.put(
      "/api/v1/nodes/node-a",
      node("node-a", { "kubernetes.io/hostname": "node-a", "example.com/id": "7" }),
    );
    await settle();
    expect(await driver.remove(pv as Parameters<Driver["remove"]>[0], yes, stop.signal)).toEqual({
      outcome: "removed",
    });
    expect(cluster.ran).toHaveLength(1);
    expect(cluster.ran[0]).toMatch(/^delete node-a:/);
  });

  it("9.3 silent skip on node not found by affinity value: the node is found by its hostname label", async () => {
    await cluster.removeNode("node-a");
    cluster.kube.put("/api/v1/nodes/ip-1.internal", node("ip-1.internal", { "kubernetes.io/hostname": "node-a" }));
    await settle();
    expect(await remove(volume({ annotations: {} }))).toEqual({ outcome: "removed" });
    expect(cluster.ran).toEqual([`delete ip-1.internal:${path}`]);
  });

  it("waits a day for a node that is not there, then lets the object go and says what is left behind", async () => {
    await cluster.removeNode("node-a");
    const released = volume({
      status: { lastPhaseTransitionTime: new Date(cluster.clock.now() - 3_600_000).toISOString() },
    });
    const day = 24 * 3_600_000;
    expect(await remove(released)).toMatchObject({ outcome: "waiting", retryAfterMs: day });
    await cluster.clock.advance(day - 1);
    expect(await remove(released)).toMatchObject({ outcome: "waiting", retryAfterMs: 1 });
    await cluster.clock.advance(1);
    const line = `Node node-a does not exist, skipping cleanup of volume ${VOLUME}`;
    expect(await remove(released)).toEqual({
      outcome: "kept",
      reason: "NodeGone",
      message: `${line}: its directory ${path} is left behind there`,
    });
    expect(cluster.lines()).toEqual([line]);
    expect(cluster.ran).toEqual([]);
  });

  it("counts the day from when it first found the node missing, and anew when the volume was released again since", async () => {
    await cluster.removeNode("node-a");
    const day = 24 * 3_600_000;
    expect(await remove()).toMatchObject({ outcome: "waiting", retryAfterMs: day });
    await cluster.clock.advance(1000);
    expect(await remove()).toMatchObject({ outcome: "waiting", retryAfterMs: day - 1000 });
    await cluster.clock.advance(2 * day);
    const again = volume({ status: { lastPhaseTransitionTime: new Date(cluster.clock.now() - 1000).toISOString() } });
    expect(await remove(again)).toMatchObject({ outcome: "waiting", retryAfterMs: day - 1000 });
  });

  it("on a shared file system runs anywhere and names no node", async () => {
    cluster.settings = settings({ sharedFileSystemPath: "/shared" });
    expect(await remove(sharedVolume({ path: "/shared/v" }))).toEqual({ outcome: "removed" });
    expect(cluster.ran).toEqual(["delete :/shared/v"]);
    expect(cluster.lines()[0]).toBe(`Deleting volume ${VOLUME} at /shared/v`);
  });

  it("does nothing for policy Retain", async () => {
    expect(await remove(volume({ spec: { persistentVolumeReclaimPolicy: "Retain" } }))).toMatchObject({
      outcome: "kept",
    });
    expect(cluster.lines()).toEqual([`Retained volume ${VOLUME}`]);
  });

  it("wraps errors once, but not that of an unknown class", async () => {
    const pathless = { ...volume(), spec: { storageClassName: "local-path" } };
    await expect(remove(pathless)).rejects.toThrow(saying(`failed to delete volume ${VOLUME}: no path set`));
    cluster.kubelet = () => ({ phase: "Failed" });
    await expect(remove()).rejects.toThrow(
      saying(`failed to delete volume ${VOLUME}: helper pod helper-pod-delete-${VOLUME} failed`),
    );
    expect(cluster.lines()).toContain(
      `clean up volume ${VOLUME} failed: helper pod helper-pod-delete-${VOLUME} failed`,
    );
    cluster.settings = settings({});
    await expect(remove()).rejects.toThrow(
      saying(`failed to delete volume ${VOLUME}: both nodePathMap and sharedFileSystemPath are unconfigured`),
    );
    cluster.settings = settings({ storageClassConfigs: { other: {} } });
    await expect(remove()).rejects.toThrow(saying("BUG: Got request for unexpected storage class local-path"));
  });

  it("takes a forgotten create pod along", async () => {
    await provision();
    await remove();
    await settle();
    expect(cluster.podNames()).toEqual([]);
  });

  it("a volume made for one node is removed on that node though its class is shared by now", async () => {
    cluster.settings = settings({ sharedFileSystemPath: "/shared" });
    const outcome = await driver.remove(volume({ path: DIRECTORY }), yes, stop.signal).catch((error: unknown) => error);
    expect({ outcome, ran: cluster.ran }).not.toEqual({
      outcome: { outcome: "removed" },
      ran: [`delete :${DIRECTORY}`],
    });
  });

  it("a node that is away for a moment is waited for, however long ago its volume was released", async () => {
    const released = volume({
      status: { lastPhaseTransitionTime: new Date(cluster.clock.now() - 25 * 3_600_000).toISOString() },
    });
    cluster.kubelet = () => ({ phase: "Failed" });
    await expect(driver.remove(released, yes, stop.signal)).rejects.toThrow();
    await cluster.removeNode("node-a");
    expect(await driver.remove(released, yes, stop.signal)).toMatchObject({ outcome: "waiting" });
  });

  it("is withdrawn when that is no longer wanted, with nothing run and nothing left", async () => {
    expect(await driver.remove(volume(), async () => false, stop.signal)).toEqual({ outcome: "withdrawn" });
    expect(cluster.ran).toEqual([]);
    expect(cluster.podNames()).toEqual([]);
  });

  it("asks whether it is wanted after the last wait, right before the pod is created", async () => {
    const order: string[] = [];
    cluster.kube.intercept = (req) => {
      if (req.method === "POST") order.push("pod");
    };
    const confirm = async (): Promise<boolean> => {
      order.push("asked");
      return true;
    };
    await leaveHelper(cluster, { action: "delete", path: DIRECTORY, phase: "Failed" });
    await driver.remove(volume({ path: DIRECTORY }), confirm, stop.signal);
    expect(order).toEqual(["asked", "pod"]);
  });
});
