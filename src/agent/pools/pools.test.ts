import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { PoolOnNode, StorageNode } from "../../api/kinds/storage-node.ts";
import { Crash } from "../../effects/testing/memory-disk.fixture.ts";
import { at, localVolume, NODE, POOL, publishRequest, TestNode } from "../testing/agent.fixture.ts";
import { isPoolNamed } from "./named.ts";
import { inspectPool, rootOf } from "./inspect.ts";

let node: TestNode;
beforeEach(() => {
  node = new TestNode();
});
afterEach(() => node.stop());

const storageNode = (): StorageNode | undefined => node.kube.at(at.storageNode) as StorageNode | undefined;
const status = (): PoolOnNode | undefined => storageNode()?.status?.pools?.[0];
const definition = (spec: object) => ({
  metadata: { name: "default" },
  spec: { backend: "Directory", reserve: "0", ...spec },
});

describe("the StorageNode", () => {
  test("is made, with the agent, the boot and the figures of each pool", async () => {
    await node.start();
    await node.eventually("it is written", () => storageNode()?.status?.renewedAt !== undefined);
    expect(storageNode()?.status).toMatchObject({
      agent: { address: "10.0.0.1", port: 9899, fingerprints: ["sha256:1"], version: "test" },
      bootID: "boot-1",
      pools: [
        {
          name: "default",
          path: POOL,
          ready: true,
          reason: "Ready",
          capacityBytes: 100_000_000,
          availableBytes: 60_000_000,
        },
      ],
    });
    expect(await node.json(`${POOL}/pool.json`)).toMatchObject({ name: "default", uuid: status()?.uuid });
  });

  test("is renewed once a minute, and not more often for figures alone", async () => {
    await node.start();
    await node.eventually("it is written", () => storageNode()?.status?.renewedAt !== undefined);
    const first = storageNode()?.status?.renewedAt;
    node.disk.figures = { ...node.disk.figures, availableBytes: 1 };
    await node.clock.advance(59_000);
    expect(storageNode()?.status?.renewedAt).toBe(first);
    await node.eventually("it is renewed", () => storageNode()?.status?.renewedAt !== first);
    expect(status()?.availableBytes).toBe(1);
  });

  test("is made again when somebody deletes it, with the same disks", async () => {
    await node.start();
    await node.eventually("it is written", () => status() !== undefined);
    const uuid = status()?.uuid;
    node.kube.remove(at.storageNode);
    await node.eventually("it is there again", () => status()?.ready === true, 130_000);
    expect(status()?.uuid).toBe(uuid);
  });

  test("deleted while the disk is away does not let the empty directory become the pool", async () => {
    await node.start();
    await node.eventually("it is written", () => status() !== undefined);
    const uuid = status()?.uuid;
    node.disk.lose(`${POOL}/pool.json`);
    node.kube.remove(at.storageNode);
    await node.eventually("it is there again", () => status() !== undefined, 130_000);
    expect(status()).toMatchObject({ ready: false, reason: "NotMounted", uuid });
    expect(await node.disk.stat(`${POOL}/pool.json`)).toBeUndefined();
  });
});

describe("a pool", () => {
  const settles = async (): Promise<PoolOnNode | undefined> => {
    await node.start();
    await node.eventually("it is written", () => status() !== undefined);
    return status();
  };

  test("whose selector the node does not match takes no part", async () => {
    node.put(at.pool, definition({ path: POOL, nodeSelector: { disk: "ssd" } }));
    await node.start();
    await node.eventually("the StorageNode is written", () => storageNode()?.status?.renewedAt !== undefined);
    expect(storageNode()?.status?.pools).toEqual([]);
    node.put(at.node, { metadata: { name: NODE, labels: { disk: "ssd" } } });
    await node.eventually("it takes part", () => status()?.ready === true);
    node.put(at.node, { metadata: { name: NODE, labels: {} } });
    await node.clock.advance(61_000);
    // Its volumes are still to be served.
    expect(status()).toMatchObject({ ready: true });
  });

  test("outside of the roots cannot be reached", async () => {
    node.put(at.pool, definition({ path: "/srv/pool" }));
    expect(await settles()).toMatchObject({ ready: false, reason: "PathNotReachable" });
  });

  test("whose root is not there is told, and does not hold up the others", async () => {
    node.put(at.pool, definition({ path: POOL }));
    node.put(at.pool.replace("default", "other"), {
      ...definition({ path: "/mnt/other" }),
      metadata: { name: "other" },
    });
    await node.start({}, ["/var/lib/mooring", "/mnt"]);
    await node.eventually("it is written", () => storageNode()?.status?.pools?.length === 2);
    expect(storageNode()?.status?.pools).toMatchObject([
      { name: "default", ready: true },
      { name: "other", ready: false, reason: "Unreadable", message: expect.stringContaining("ENOENT") as string },
    ]);
    expect(storageNode()?.status?.readyPools).toBe("1/2");
  });

  test("behind a symlink cannot be reached, and nothing is made behind it", async () => {
    node.disk.put(POOL);
    expect(await settles()).toMatchObject({ ready: false, reason: "PathNotReachable" });
  });

  test("that has volumes by the API, and no identity on the disk, is not mounted", async () => {
    node.put(at.volume("pvc-1"), localVolume("pvc-1", { mayCreate: undefined as never }));
    expect(await settles()).toMatchObject({ ready: false, reason: "NotMounted" });
    expect(await node.disk.stat(POOL)).toBeUndefined();
  });

  test("whose disk goes and comes back is not ready in between", async () => {
    await settles();
    const text = await node.disk.readText(`${POOL}/pool.json`);
    node.disk.lose(`${POOL}/pool.json`);
    await node.eventually("it is not ready", () => status()?.reason === "NotMounted", 130_000);
    node.disk.put(`${POOL}/pool.json`, text);
    await node.eventually("it is ready", () => status()?.ready === true, 130_000);
  });

  test("whose disk is back is looked at as soon as somebody asks for a volume of it", async () => {
    await settles();
    const text = await node.disk.readText(`${POOL}/pool.json`);
    node.disk.lose(`${POOL}/pool.json`);
    await node.eventually("it is not ready", () => status()?.ready === false, 130_000);
    node.disk.put(`${POOL}/pool.json`, text);
    node.put(at.volume("pvc-1"), localVolume("pvc-1"));
    node.pod("pod-1");
    await expect(node.node.publish(publishRequest())).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
    await node.clock.advance(1000);
    await node.node.publish(publishRequest());
  });

  test("without its StoragePool keeps its UUID", async () => {
    const before = await settles();
    node.kube.remove(at.pool);
    await node.eventually("it is not ready", () => status()?.ready === false, 130_000);
    expect(status()).toMatchObject({ uuid: before?.uuid, reason: "Unknown" });
    node.put(at.pool, definition({ path: POOL }));
    await node.eventually("it is ready", () => status()?.ready === true, 130_000);
    expect(status()?.uuid).toBe(before?.uuid);
  });

  test("gets one identity, wherever the agent is killed while it gives it", async () => {
    const changes = await (async () => {
      node.disk.crashAt();
      await settles();
      await node.stop();
      return node.disk.changes;
    })();
    for (let crash = 1; crash <= changes; crash++) {
      node = new TestNode();
      node.disk.crashAt(crash);
      node.launch();
      await node.eventually("it is killed", () => node.log.lines.some(({ fields }) => fields["err"] instanceof Crash));
      await node.stop();
      node.disk.powerCut();
      expect(await settles()).toMatchObject({ ready: true });
      const { uuid } = (await node.json(`${POOL}/pool.json`)) as { uuid: string };
      expect(status()?.uuid).toBe(uuid);
      await node.stop();
    }
  });
});

describe("whether a node had a pool", () => {
  const copy = (volume: string, poolUUID?: string) => ({
    spec: { volume, nodeName: NODE },
    status:
      poolUUID === undefined
        ? {}
        : { copies: [{ epoch: 1, directory: "1", state: "Active", incarnation: "i", poolUUID } as const] },
  });
  const named = (volumes: ReturnType<typeof localVolume>[], copies: ReturnType<typeof copy>[], others: string[] = []) =>
    isPoolNamed("default", NODE, volumes, copies, new Set(others));

  test.each([
    ["a volume on it", [localVolume("v")], [], true],
    ["a volume that may be made on it", [localVolume("v", { nodeName: "b" })], [], true],
    ["a volume of another pool", [localVolume("v", { pool: "other" })], [], false],
    ["a volume elsewhere", [localVolume("v", { nodeName: "b", mayCreate: { nodeName: "b", epoch: 1 } })], [], false],
    [
      "a copy of a volume of it",
      [localVolume("v", { nodeName: "b", mayCreate: { nodeName: "b", epoch: 1 } })],
      [copy("v")],
      true,
    ],
    ["a copy of a volume of another pool", [localVolume("v", { pool: "other" })], [copy("v")], false],
    ["a copy of nobody's volume", [], [copy("v")], true],
  ])("%s", (_, volumes, copies, wanted) => {
    expect(named(volumes, copies)).toBe(wanted);
  });
  test("a copy of nobody's volume in another pool of the node", () => {
    expect(named([], [copy("v", "u")], ["u"])).toBe(false);
    expect(named([], [copy("v", "u")], ["w"])).toBe(true);
  });
});

test.each([
  ["/var/lib/mooring/a", "/var/lib/mooring"],
  ["/var/lib/mooring/a/b", "/var/lib/mooring"],
  ["/var/lib/mooring", undefined],
  ["/var/lib/mooring-2/a", undefined],
  ["/var/lib/mooring/../x", undefined],
  ["/var/lib/mooring//a", undefined],
  ["/mnt/a", "/mnt"],
])("the root of %s is %s", (path, root) => {
  expect(rootOf(path, ["/var/lib/mooring", "/mnt"])).toBe(root);
});

test("a component that is a file is no directory", async () => {
  node.disk.put("/var/lib/mooring/file", "text");
  expect(await inspectPool(node.disk, "/var/lib/mooring/file/pool", ["/var/lib/mooring"])).toEqual({
    kind: "notADirectory",
    at: "/var/lib/mooring/file",
  });
});
