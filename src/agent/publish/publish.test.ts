import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CsiError, type CsiCode } from "../../api/csi.ts";
import { KubeError } from "../../kube/errors.ts";
import type { StorageNode } from "../../api/kinds/storage-node.ts";
import { RENEW_MS } from "../pools/pools.ts";
import { at, KUBELET, localVolume, NODE, POOL, publishRequest, targetOf, TestNode } from "../testing/agent.fixture.ts";

let node: TestNode;
beforeEach(async () => {
  node = new TestNode();
  await node.start();
  node.put(at.volume("pvc-1"), localVolume("pvc-1"));
  node.pod("pod-1");
  node.pod("pod-2");
});
afterEach(() => node.stop());

const DATA = `${POOL}/volumes/pvc-1/1/data`;
const MOUNTED = `${DATA} at ${targetOf("pod-1")} rw`;
const FENCED = { fence: "uid-move-1", activeMove: { name: "move-1", uid: "uid-move-1" } };
const publish = (request = {}): Promise<void> => node.node.publish(publishRequest(request));
const unpublish = (targetPath = targetOf("pod-1")): Promise<void> =>
  node.node.unpublish({ volumeId: "pvc-1", targetPath });

async function refusal(call: Promise<void>): Promise<{ code: CsiCode; message: string }> {
  const error = await call.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (!(error instanceof CsiError)) throw new Error(`not refused: ${String(error)}`);
  return error;
}

describe("the first publish", () => {
  test("makes the directory, writes the VolumeCopy, mounts", async () => {
    await publish();
    expect(node.mounts.summary()).toEqual([MOUNTED]);
    expect(node.disk.attributesOf(DATA)).toEqual({ mode: 0o777, uid: 0, gid: 0 });
    expect(node.copyOf("pvc-1")).toMatchObject({
      metadata: { finalizers: ["mooring.dev/copy"] },
      spec: { volume: "pvc-1", nodeName: NODE },
      status: { copies: [{ epoch: 1, directory: "1", state: "Active", incarnation: "inc-1" }] },
    });
  });

  test("mounts nothing before the VolumeCopy says that the copy is there", async () => {
    let recorded: unknown;
    node.mounts.onBind = () => {
      recorded = node.copyOf("pvc-1")?.status?.copies?.map(({ epoch, state }) => [epoch, state]);
    };
    await publish();
    expect(recorded).toEqual([[1, "Active"]]);
  });

  test("goes on where an agent was killed after the directory was made", async () => {
    node.kube.intercept = ({ method, path }) => {
      if (method === "POST" && path.endsWith("/volumecopies"))
        throw new KubeError({ code: 500, reason: "", message: "no" });
    };
    expect(await refusal(publish())).toMatchObject({ code: "ABORTED" });
    expect(node.mounts.summary()).toEqual([]);
    node.kube.intercept = () => undefined;
    await publish();
    expect(node.mounts.summary()).toEqual([MOUNTED]);
  });

  test("makes nothing where the VolumeCopy says that there was a copy", async () => {
    node.put(at.copy("pvc-1"), {
      metadata: { name: `pvc-1.${NODE}` },
      spec: { volume: "pvc-1", nodeName: NODE },
      status: { copies: [{ epoch: 1, directory: "1", state: "Active", incarnation: "inc-1", poolUUID: "p" }] },
    });
    const { code, message } = await refusal(publish());
    expect(code).toBe("FAILED_PRECONDITION");
    expect(message).toContain("data missing: volume pvc-1 was on node node-a");
    expect(await node.disk.stat(`${POOL}/volumes`)).toBeUndefined();
  });

  test.each([
    ["another node", { nodeName: "node-b", epoch: 1 }],
    ["another epoch", { nodeName: NODE, epoch: 2 }],
    ["no node", undefined],
  ])("makes nothing where %s may", async (_, mayCreate) => {
    node.kube.putUnruled(at.volume("pvc-1"), localVolume("pvc-1", { mayCreate: mayCreate as never }));
    expect((await refusal(publish())).message).toContain("data missing");
    expect(await node.disk.stat(`${POOL}/volumes`)).toBeUndefined();
  });

  test("unmounts again when the volume has begun to move meanwhile", async () => {
    node.mounts.onBind = () => {
      node.change("pvc-1", FENCED);
    };
    expect(await refusal(publish())).toMatchObject({ code: "FAILED_PRECONDITION" });
    expect(node.mounts.summary()).toEqual([]);
    expect(await node.disk.stat(targetOf("pod-1"))).toBeUndefined();
  });

  test("unmounts again when it cannot look once more", async () => {
    node.mounts.onBind = () => {
      // The agent's client does not try again after this code.
      node.kube.intercept = () => {
        throw new KubeError({ code: 500, reason: "InternalError", message: "gone" });
      };
    };
    expect(await refusal(publish())).toMatchObject({ code: "UNAVAILABLE" });
    expect(node.mounts.summary()).toEqual([]);
  });
});

describe("a publish is refused for good", () => {
  test.each([
    ["when the volume is on another node", { nodeName: "node-b" }, "is on node node-b, not on node-a"],
    ["while the volume is fenced", FENCED, "is moving (move uid-move-1)"],
    ["when the volume is being removed", { reclaim: true }, "is being removed"],
    [
      "when the copy is of another volume of that name",
      { incarnation: "inc-2" },
      "belongs to another volume with the same name",
    ],
    ["when the copy is of another epoch", { epoch: 2 }, "data missing"],
    ["when there is no such pool", { pool: "other" }, "there is no StoragePool of this name"],
  ])("%s", async (_, spec, sentence) => {
    await publish();
    await unpublish();
    node.change("pvc-1", spec);
    const { code, message } = await refusal(publish());
    expect(code).toBe("FAILED_PRECONDITION");
    expect(message).toContain(sentence);
    expect(node.mounts.summary()).toEqual([]);
  });

  test("when the copy is sealed", async () => {
    await publish();
    await unpublish();
    const file = `${POOL}/volumes/pvc-1/1/copy.json`;
    node.disk.put(file, (await node.disk.readText(file)).replace("Active", "Sealed"));
    expect((await refusal(publish())).message).toContain("(epoch 1) is Sealed, not Active");
  });

  test("when the data directory is not there", async () => {
    await publish();
    await unpublish();
    node.disk.lose(DATA);
    expect((await refusal(publish())).message).toContain(`data missing`);
  });

  test("when the disk is not mounted, and it works once it is", async () => {
    await publish();
    await unpublish();
    const text = await node.disk.readText(`${POOL}/pool.json`);
    node.disk.lose(`${POOL}/pool.json`);
    expect((await refusal(publish())).message).toContain("is the disk mounted?");
    node.disk.put(`${POOL}/pool.json`, text.replace(/"uuid": "[^"]*"/, '"uuid": "another"'));
    expect((await refusal(publish())).message).toContain("is another disk");
    node.disk.put(`${POOL}/pool.json`, text);
    // Whoever asks first finds out that the disk is back.
    await refusal(publish());
    await node.clock.advance(1000);
    await publish();
  });

  test("when the copy was made in another pool", async () => {
    await publish();
    await unpublish();
    const file = `${POOL}/volumes/pvc-1/1/copy.json`;
    node.disk.put(file, (await node.disk.readText(file)).replace(/"poolUUID": "[^"]*"/, '"poolUUID": "another"'));
    expect((await refusal(publish())).message).toContain("was made in another pool");
  });

  test("when there is no LocalVolume", async () => {
    node.kube.remove(at.volume("pvc-1"));
    expect(await refusal(publish())).toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("publishing again", () => {
  test("at the same target is harmless", async () => {
    await publish();
    await publish();
    expect(node.mounts.summary()).toEqual([MOUNTED]);
  });

  test("what the pod has mounted is allowed, whatever became of the volume", async () => {
    await publish();
    node.change("pvc-1", { ...FENCED, nodeName: "node-b", epoch: 7 });
    await publish();
    expect(node.mounts.summary()).toEqual([MOUNTED]);
    expect(await refusal(publish({ targetPath: targetOf("pod-2") }))).toMatchObject({ code: "FAILED_PRECONDITION" });
    expect(node.mounts.summary()).toEqual([MOUNTED]);
  });

  test("at another target shares the volume between pods", async () => {
    await publish();
    await publish({ targetPath: targetOf("pod-2"), readonly: true });
    expect(node.mounts.summary()).toEqual([MOUNTED, `${DATA} at ${targetOf("pod-2")} ro`]);
  });

  test("at another target is refused for ReadWriteOncePod", async () => {
    const accessMode = "SINGLE_NODE_SINGLE_WRITER";
    await publish({ accessMode });
    await publish({ accessMode });
    const { code, message } = await refusal(publish({ accessMode, targetPath: targetOf("pod-2") }));
    expect(code).toBe("FAILED_PRECONDITION");
    expect(message).toContain(`published at ${targetOf("pod-1")}`);
    await unpublish();
    await publish({ accessMode, targetPath: targetOf("pod-2") });
  });

  test("with another value of readonly is refused, and the mount stays", async () => {
    await publish();
    expect(await refusal(publish({ readonly: true }))).toMatchObject({ code: "ALREADY_EXISTS" });
    expect(node.mounts.summary()).toEqual([MOUNTED]);
  });

  test("from a copy that may not be published any more takes the mount off", async () => {
    await publish();
    const file = `${POOL}/volumes/pvc-1/1/copy.json`;
    node.disk.put(file, (await node.disk.readText(file)).replace("Active", "Sealing"));
    expect(await refusal(publish())).toMatchObject({ code: "FAILED_PRECONDITION" });
    expect(node.mounts.summary()).toEqual([]);
  });

  test("where the mount cannot be taken off, the refusal is not final", async () => {
    await publish();
    const file = `${POOL}/volumes/pvc-1/1/copy.json`;
    node.disk.put(file, (await node.disk.readText(file)).replace("Active", "Sealing"));
    node.mounts.busy.add(targetOf("pod-1"));
    expect(await refusal(publish())).toMatchObject({ code: "ABORTED" });
  });

  test("over something else does not unmount it, and is not the end", async () => {
    node.mounts.put("/", targetOf("pod-1"), false, 9);
    expect(await refusal(publish())).toMatchObject({ code: "ABORTED" });
    expect(node.mounts.summary()).toEqual([`/ at ${targetOf("pod-1")} rw`]);
  });
});

describe("publishing again where the disk cannot be read by now", () => {
  const fail = async (): Promise<void> => {
    node.disk.lose(`${POOL}/pool.json`);
    const isReady = (): boolean | undefined => (node.kube.at(at.storageNode) as StorageNode).status?.pools?.[0]?.ready;
    await node.eventually("the pool is not ready", () => isReady() === false, RENEW_MS);
  };

  test.each([
    ["the volume is here", {}],
    ["a move has fenced it", FENCED],
    ["it is on another node", { nodeName: "node-b", epoch: 7 }],
    ["it is being removed", { reclaim: true }],
  ])("a running pod keeps its mount: %s", async (_, spec) => {
    await publish();
    node.change("pvc-1", spec);
    await fail();
    const { code, message } = await refusal(publish());
    expect(code).toBe("ABORTED");
    expect(message).toContain("cannot be read now");
    expect(node.mounts.summary()).toEqual([MOUNTED]);
  });

  test("a running pod keeps its mount: the LocalVolume is gone", async () => {
    await publish();
    node.kube.remove(at.volume("pvc-1"));
    await fail();
    expect(await refusal(publish())).toMatchObject({ code: "ABORTED" });
    expect(node.mounts.summary()).toEqual([MOUNTED]);
  });

  test("a pod without a mount gets none", async () => {
    await publish();
    await fail();
    const { code, message } = await refusal(publish({ targetPath: targetOf("pod-2") }));
    expect(code).toBe("FAILED_PRECONDITION");
    expect(message).toContain("is the disk mounted?");
    expect(node.mounts.summary()).toEqual([MOUNTED]);
  });
});

describe("an API server that does not answer", () => {
  test("is UNAVAILABLE within 800 ms, and no directory is made", async () => {
    node.kube.intercept = ({ path, signal }) =>
      path === at.volume("pvc-1")
        ? new Promise((_, reject) => {
            signal?.addEventListener("abort", () => reject(signal.reason as Error));
          })
        : undefined;
    const refused = refusal(publish());
    await node.clock.advance(800);
    expect(await refused).toMatchObject({ code: "UNAVAILABLE" });
    expect(await node.disk.stat(`${POOL}/volumes`)).toBeUndefined();
  });

  test("does not keep a volume from being unpublished", async () => {
    await publish();
    node.kube.intercept = () => {
      throw new KubeError({ code: 0, reason: "ConnectionRefused", message: "refused" });
    };
    await unpublish();
    expect(node.mounts.summary()).toEqual([]);
    expect(await node.disk.stat(targetOf("pod-1"))).toBeUndefined();
  });
});

describe("unpublishing", () => {
  test("takes off every mount of a stack", async () => {
    await publish();
    node.mounts.put(DATA, targetOf("pod-1"));
    await unpublish();
    expect(node.mounts.summary()).toEqual([]);
  });

  test("an unknown volume, or one whose LocalVolume is gone, is no error", async () => {
    await unpublish(targetOf("pod-9"));
    await publish();
    node.kube.remove(at.volume("pvc-1"));
    await unpublish();
    await unpublish();
    expect(node.mounts.summary()).toEqual([]);
  });

  test("never removes what lies in a target that is not mounted", async () => {
    node.disk.prepare(targetOf("pod-1")).put(`${targetOf("pod-1")}/file`, "somebody's");
    expect((await refusal(unpublish())).message).toContain("cannot be removed");
    expect(await node.disk.readText(`${targetOf("pod-1")}/file`)).toBe("somebody's");
  });

  test("what is in use is refused, and nothing is removed", async () => {
    await publish();
    node.mounts.busy.add(targetOf("pod-1"));
    expect((await refusal(unpublish())).message).toContain("it is in use");
    expect(node.mounts.summary()).toEqual([MOUNTED]);
  });

  test("is told in the VolumeCopy, as publishing is", async () => {
    await publish();
    await node.eventually(
      "pod-1 is told",
      () => node.copyOf("pvc-1")?.status?.copies?.[0]?.publishedTo?.[0] === "pod-1",
    );
    await unpublish();
    await node.eventually("nobody is told", () => node.copyOf("pvc-1")?.status?.copies?.[0]?.publishedTo?.length === 0);
  });
});

describe("a publish that takes long", () => {
  test("is answered within a second, goes on, and the next call joins it", async () => {
    let go = (): void => undefined;
    let binds = 0;
    node.mounts.onBind = () => {
      binds += 1;
      return new Promise<void>((resolve) => {
        go = resolve;
      });
    };
    const first = refusal(publish());
    await node.clock.advance(900);
    expect(await first).toMatchObject({
      code: "ABORTED",
      message: expect.stringContaining("still being published") as string,
    });
    expect(await refusal(publish({ readonly: true }))).toMatchObject({ code: "ABORTED" });
    const second = publish();
    go();
    await second;
    expect(binds).toBe(1);
    expect(node.mounts.summary()).toEqual([MOUNTED]);
  });
});

describe("bad arguments", () => {
  test.each([
    ["a volume with a slash in its name", { volumeId: "../x" }],
    ["a volume without a name", { volumeId: "" }],
    ["a target elsewhere", { targetPath: "/etc" }],
    ["a target with dots", { targetPath: `${KUBELET}/pods/../../x/y` }],
    ["a target that is a pod's own directory", { targetPath: `${KUBELET}/pods/pod-1` }],
    ["a block device", { accessType: "block" }],
    ["no capability", { accessType: "none" }],
    ["an access mode of many nodes", { accessMode: "MULTI_NODE_MULTI_WRITER" }],
    ["mount options", { mountFlags: ["noatime"] }],
    ["an inline volume", { volumeContext: { "csi.storage.k8s.io/ephemeral": "true" } }],
  ])("%s: refused", async (_, request) => {
    expect(await refusal(publish(request))).toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});

describe("stats", () => {
  const stats = (volumePath: string) => node.node.stats({ volumeId: "pvc-1", volumePath });

  test("are what the volume uses and what its pool has", async () => {
    await publish();
    node.disk.put(`${DATA}/file`, "x");
    await node.eventually(
      "it is counted",
      () => node.copyOf("pvc-1")?.status?.copies?.[0]?.bytes !== undefined,
      60_000,
    );
    expect(await stats(targetOf("pod-1"))).toEqual({
      bytes: { total: 100_000_000, available: 60_000_000, used: 4096 },
      inodes: { total: 1000, available: 900, used: 1 },
    });
  });

  test("of what is not published there are NOT_FOUND", async () => {
    await publish();
    await expect(stats(targetOf("pod-2"))).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(stats("/etc")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});

test("an agent that stops takes no more calls", async () => {
  const csi = node.node;
  await node.stop();
  await expect(csi.publish(publishRequest())).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

test("nothing is published where the disk is ahead of the API: etcd was restored from a backup", async () => {
  node.change("pvc-1", { epoch: 3, mayCreate: { nodeName: NODE, epoch: 3 } });
  await publish();
  await unpublish();
  node.change("pvc-1", { epoch: 1, mayCreate: { nodeName: NODE, epoch: 1 } });
  const { code, message } = await refusal(publish());
  expect(code).toBe("FAILED_PRECONDITION");
  expect(message).toContain("has a copy of volume pvc-1 of epoch 3, but the LocalVolume is at epoch 1");
  expect(await node.disk.stat(DATA)).toBeUndefined();
});

function copyOnOther(change: object = {}, other = "node-b"): void {
  const copy = { epoch: 2, directory: "2", state: "Active", incarnation: "inc-1", poolUUID: "p", publishedTo: [] };
  node.put(`/apis/mooring.dev/v1alpha1/volumecopies/pvc-1.${other}`, {
    metadata: { name: `pvc-1.${other}` },
    spec: { volume: "pvc-1", nodeName: other },
    status: { copies: [{ ...copy, ...change }] },
  });
}

describe("where the copy of the epoch cannot be published, and other nodes have later ones", () => {
  const LATEST = "node node-c has a copy of volume pvc-1 of epoch 3, but the LocalVolume is at epoch 1";
  beforeEach(async () => {
    await publish();
    await unpublish();
    node.change("pvc-1", { mayCreate: undefined as never });
    copyOnOther();
    copyOnOther({ epoch: 3, directory: "3" }, "node-c");
  });

  test.each(["Trash", "Sealed"])("the latest is named: it is %s", async (state) => {
    const file = `${POOL}/volumes/pvc-1/1/copy.json`;
    node.disk.put(file, (await node.disk.readText(file)).replace("Active", state));
    const { code, message } = await refusal(publish());
    expect([code, message]).toEqual(["FAILED_PRECONDITION", expect.stringContaining(LATEST)]);
  });

  test("the latest is named: it is gone", async () => {
    node.disk.lose(`${POOL}/volumes/pvc-1/1`);
    expect((await refusal(publish())).message).toContain(LATEST);
  });
});

describe("what another node has of a volume that is to be made here", () => {
  test("is the volume if it is of a later epoch, and no empty directory is made", async () => {
    copyOnOther();
    const { code, message } = await refusal(publish());
    expect(code).toBe("FAILED_PRECONDITION");
    expect(message).toContain("node node-b has a copy of volume pvc-1 of epoch 2, but the LocalVolume is at epoch 1");
    expect(await node.disk.stat(DATA)).toBeUndefined();
  });

  test.each<[string, object]>([
    ["what a move has begun to bring", { state: "Incoming", directory: "2-uid-move-1" }],
    ["what a move has brought that was undone", { state: "Trash", directory: "2-uid-move-1" }],
    ["a copy of another incarnation", { incarnation: "inc-0" }],
    ["a copy that is missing there", { missing: true }],
    ["a copy of this epoch", { epoch: 1, directory: "1" }],
  ])("is not, if it is %s", async (_, change) => {
    copyOnOther(change);
    await publish();
    expect(node.mounts.summary()).toEqual([MOUNTED]);
  });
});

test("where the copy of the epoch is missing, the other copies of the volume are named", async () => {
  await publish();
  await unpublish();
  node.change("pvc-1", { epoch: 2, mayCreate: undefined as never });
  const { message } = await refusal(publish());
  expect(message).toContain("/volumes/pvc-1/2 (epoch 2) does not exist");
  expect(message).toMatch(/; other copies of it on this node: \S+\/volumes\/pvc-1\/1 \(Active\)/);
});
