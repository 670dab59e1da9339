import { afterEach, beforeEach, expect, test } from "vitest";
import { copyNameOf } from "../../api/copy-name.ts";
import { volumeCopies } from "../../api/kinds/volume-copy.ts";
import { KubeClient } from "../../kube/client.ts";
import { at, localVolume, NODE, POOL, publishRequest, targetOf, TestNode } from "../testing/agent.fixture.ts";

let node: TestNode;
beforeEach(async () => {
  node = new TestNode();
  await node.start();
  node.put(at.volume("pvc-1"), localVolume("pvc-1"));
  node.pod("pod-1");
});
afterEach(() => node.stop());

const DIRECTORY = `${POOL}/volumes/pvc-1`;
const purged = (): boolean => node.copyOf("pvc-1")?.status?.purged === true;
const isThere = async (path: string): Promise<boolean> => (await node.disk.stat(path)) !== undefined;

async function withData(): Promise<void> {
  await node.node.publish(publishRequest());
  node.disk.put(`${DIRECTORY}/1/data/file`, "precious");
}
const unpublish = (): Promise<void> => node.node.unpublish({ volumeId: "pvc-1", targetPath: targetOf("pod-1") });

test("the order removes the bytes, and the object goes when the controller has seen it", async () => {
  await withData();
  await unpublish();
  node.change("pvc-1", { reclaim: true });
  await node.eventually("it is purged", purged);
  expect(await isThere(DIRECTORY)).toBe(false);
  // The controller: nobody may make the directory any more, and the object can go.
  node.change("pvc-1", { mayCreate: undefined as never });
  await new KubeClient(node.kube).delete(volumeCopies, { name: copyNameOf("pvc-1", NODE) });
  await node.eventually("the object is gone", () => node.copyOf("pvc-1") === undefined);
  await node.clock.advance(120_000);
  expect(node.copyOf("pvc-1")).toBeUndefined();
});

test("a mounted volume keeps its bytes until it is unpublished", async () => {
  node.put("/api/v1/namespaces/default/pods/p", {
    metadata: { name: "p", namespace: "default", uid: "pod-1" },
    spec: { nodeName: NODE, containers: [{ name: "main", image: "x" }] },
  });
  await withData();
  node.change("pvc-1", { reclaim: true });
  await node.clock.advance(120_000);
  expect(await node.disk.readText(`${DIRECTORY}/1/data/file`)).toBe("precious");
  await unpublish();
  await node.eventually("it is purged", purged, 60_000);
  expect(await isThere(DIRECTORY)).toBe(false);
});

test("nothing is published once the order is there", async () => {
  await withData();
  await unpublish();
  node.change("pvc-1", { reclaim: true });
  await expect(node.node.publish(publishRequest())).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
});

test("a node that might be making the directory says that it will not", async () => {
  node.change("pvc-1", { reclaim: true });
  await node.eventually("it says so", purged);
  expect(node.copyOf("pvc-1")?.metadata?.finalizers).toEqual(["mooring.dev/copy"]);
  await expect(node.node.publish(publishRequest())).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  expect(await isThere(DIRECTORY)).toBe(false);
});

test("a disk that is away is waited for, and nothing is said", async () => {
  await withData();
  await unpublish();
  await node.clock.advance(1000);
  const text = await node.disk.readText(`${POOL}/pool.json`);
  node.disk.lose(`${POOL}/pool.json`);
  node.change("pvc-1", { reclaim: true });
  await node.clock.advance(120_000);
  expect(purged()).toBe(false);
  expect(node.copyOf("pvc-1")?.status?.copies).toMatchObject([{ state: "Active" }]);
  node.disk.put(`${POOL}/pool.json`, text);
  await node.eventually("it is purged", purged, 120_000);
});

test("what cannot be removed is told on the LocalVolume once, and goes when it can be removed", async () => {
  await withData();
  await unpublish();
  const remove = node.disk.removeFile.bind(node.disk);
  node.disk.removeFile = (path) =>
    path.endsWith("/file") ? Promise.reject(new Error("operation not permitted")) : remove(path);
  node.change("pvc-1", { reclaim: true });
  await node.clock.advance(120_000);
  expect(purged()).toBe(false);
  expect(node.eventsAbout("LocalVolume", "pvc-1")).toEqual([
    expect.stringMatching(
      /^DataNotRemoved: cannot remove \S+\/volumes\/pvc-1\/1 of volume pvc-1 on node node-a: operation not permitted \(AGENT_NOT_REMOVED\)/,
    ),
  ]);
  node.disk.removeFile = remove;
  await node.eventually("it is purged", purged, 600_000);
  expect(await isThere(DIRECTORY)).toBe(false);
});

test("a deleted object, or a deletion timestamp, removes nothing", async () => {
  await withData();
  await unpublish();
  const object = node.copyOf("pvc-1");
  node.put(at.copy("pvc-1"), {
    ...object,
    metadata: { ...object?.metadata, deletionTimestamp: "2030-01-01T00:00:00Z" },
  });
  node.kube.remove(at.volume("pvc-1"));
  await node.clock.advance(120_000);
  node.kube.remove(at.copy("pvc-1"));
  await node.eventually("the object is made again", () => node.copyOf("pvc-1")?.status?.copies?.length === 1, 120_000);
  expect(await node.disk.readText(`${DIRECTORY}/1/data/file`)).toBe("precious");
});

test("killed anywhere within, it is removed in the end", async () => {
  let last = 0;
  for (let crash = 1; ; crash++) {
    const one = new TestNode();
    await one.start();
    one.put(at.volume("pvc-1"), localVolume("pvc-1"));
    one.pod("pod-1");
    await one.node.publish(publishRequest());
    one.disk.put(`${DIRECTORY}/1/data/file`, "precious");
    await one.node.unpublish({ volumeId: "pvc-1", targetPath: targetOf("pod-1") });
    await one.clock.advance(1000);
    one.disk.crashAt(crash);
    one.change("pvc-1", { reclaim: true });
    await one.clock.advance(2000);
    const crashed = one.disk.changes >= crash;
    await one.stop();
    one.disk.powerCut();
    await one.start();
    await one.eventually("it is purged", () => one.copyOf("pvc-1")?.status?.purged === true, 60_000);
    expect(await one.disk.stat(DIRECTORY), `crash ${String(crash)}`).toBeUndefined();
    expect(one.copyOf("pvc-1")?.status?.copies, `crash ${String(crash)}`).toEqual([]);
    await one.stop();
    last = crash;
    if (!crashed) break;
  }
  expect(last).toBeGreaterThan(5);
});
