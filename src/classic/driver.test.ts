import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { settle } from "../effects/testing/manual-clock.fixture.ts";
import type { Driver } from "../provision/driver.ts";
import { settings, succeeds, TestCluster } from "./testing/cluster.fixture.ts";
import { affinity, claim, CLAIM_UID, node, request, storageClass, volume } from "./testing/objects.fixture.ts";
import { saying } from "./testing/saying.fixture.ts";

const VOLUME = `pvc-${CLAIM_UID}`;
const CREATE = `helper-pod-create-${VOLUME}`;
const DIRECTORY = `/opt/lpp/${VOLUME}_shop_data`;
const UNSAFE = { allowUnsafePathPattern: "true" };

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

/** Starts something that the test will wait for later, or never. */
function begun<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  return work;
}

const provision = (...args: Parameters<typeof request>) => driver.provision(request(...args), stop.signal);

describe("making a volume", () => {
  it("runs a helper on the claim's node and says so in the original's lines", async () => {
    const made = await provision();
    expect(made.annotations).toEqual({ "local.path.provisioner/selected-node": "node-a" });
    expect(made.spec).toMatchObject({ hostPath: { path: DIRECTORY, type: "DirectoryOrCreate" } });
    expect(cluster.ran).toEqual([`create node-a:${DIRECTORY}`]);
    expect(cluster.lines()).toEqual([
      `Creating volume ${VOLUME} at node-a:${DIRECTORY}`,
      `create the helper pod ${CREATE} into local-path-storage`,
      `Volume ${VOLUME} has been created on node-a:${DIRECTORY}`,
    ]);
  });

  it("keeps the succeeded helper until the PersistentVolume is stored, and its log before that", async () => {
    cluster.logs.set(CREATE, "made it\n");
    await provision();
    expect(cluster.podNames()).toEqual([CREATE]);
    expect(driver.leftovers()).toEqual([VOLUME]);
    await driver.settled(VOLUME);
    await settle();
    expect(cluster.podNames()).toEqual([]);
    expect(driver.leftovers()).toEqual([]);
    expect(cluster.lines().slice(-3)).toEqual([`Start of ${CREATE} logs`, "made it", `End of ${CREATE} logs`]);
  });

  it("on a shared file system goes wherever, with any access mode, and names no node in its lines", async () => {
    cluster.settings = settings({ sharedFileSystemPath: "/shared" });
    const made = await provision({ claim: claim({ spec: { accessModes: ["ReadWriteMany"] } }), node: undefined });
    expect(made).toEqual({
      annotations: { "local.path.provisioner/selected-node": "" },
      spec: { volumeMode: "Filesystem", hostPath: { path: `/shared/${VOLUME}_shop_data`, type: "DirectoryOrCreate" } },
    });
    expect(cluster.ran).toEqual([`create :/shared/${VOLUME}_shop_data`]);
    expect(cluster.lines()[0]).toBe(`Creating volume ${VOLUME} at /shared/${VOLUME}_shop_data`);
    const placed = request({ claim: claim({ uid: "0b1f0c1e-7d1c-4d6c-9c0a-000000000002" }) });
    await driver.provision(placed, stop.signal);
    expect(cluster.ran[1]).toMatch(/^create node-a:/);
  });

  it("hands size, user, group and perm to the script", async () => {
    await provision({
      storageClass: storageClass({ userPattern: "{{ .PVC.Labels.uid }}", permPattern: "0700" }),
      claim: claim({ labels: { uid: "1000" }, spec: { resources: { requests: { storage: "1.5Ki" } } } }),
    });
    const env = cluster.pod(CREATE)?.spec?.containers[0]?.env ?? [];
    expect(Object.fromEntries(env.map(({ name, value }) => [name, value]))).toMatchObject({
      VOL_SIZE_BYTES: "1536",
      VOL_USER: "1000",
      VOL_GROUP: "",
      VOL_PERM: "0700",
    });
  });

  it.each([
    [
      "a wrong volume type",
      { claim: claim({ annotations: { volumeType: "tape" } }) },
      'failed to create persistent volume source: "tape" is not a recognised volume type',
    ],
    ["no node", { node: undefined }, "configuration error, no node was specified"],
    [
      "a wrong pattern",
      { storageClass: storageClass({ userPattern: "{{" }) },
      "failed to create user from pattern {{: template: dataPattern:1: unclosed action",
    ],
  ])("nothing is made for %s", async (_what, parts, message) => {
    await expect(provision(parts)).rejects.toThrow(saying(message));
    expect(cluster.ran).toEqual([]);
  });

  it("wraps what goes wrong with the helper once, in the original's words, and keeps its code", async () => {
    cluster.kubelet = () => ({ phase: "Failed" });
    cluster.logs.set(CREATE, "mkdir: Read-only file system\n");
    await expect(provision()).rejects.toThrow(
      expect.objectContaining({
        message: `failed to create volume ${VOLUME}: helper pod ${CREATE} failed: mkdir: Read-only file system`,
        code: "CLASSIC_HELPER_FAILED",
      }),
    );
  });

  it("tells the claim what its helper waits for", async () => {
    cluster.kubelet = () => ({
      phase: "Pending",
      containerStatuses: [
        {
          name: "c",
          image: "",
          imageID: "",
          ready: false,
          restartCount: 0,
          state: { waiting: { reason: "ErrImagePull" } },
        },
      ],
    });
    void begun(provision());
    await settle();
    expect(cluster.events).toEqual([
      `Warning HelperPodStuck PersistentVolumeClaim data: helper pod ${CREATE} is waiting: ErrImagePull`,
    ]);
  });

  it("uses the settings it began with, whatever is reloaded meanwhile", async () => {
    cluster.kubelet = () => undefined;
    const work = begun(provision());
    await settle();
    cluster.settings = settings({ nodePathMap: [{ node: "node-a", paths: ["/elsewhere"] }], cmdTimeoutSeconds: 1 });
    await cluster.clock.advance(100_000);
    await cluster.setStatus(CREATE, { phase: "Succeeded" });
    expect((await work).spec.hostPath?.path).toBe(DIRECTORY);
  });

  it("sixteen helpers at once on a node; the others wait for their turn, those of another node do not", async () => {
    cluster.kubelet = () => undefined;
    const uid = (at: number) => `0b1f0c1e-7d1c-4d6c-9c0a-${String(at).padStart(12, "0")}`;
    for (let at = 0; at < 20; at++) void begun(provision({ claim: claim({ uid: uid(at), name: `c${at}` }) }));
    await settle(60);
    expect(cluster.ran).toHaveLength(16);
    void begun(provision({ claim: claim({ uid: uid(30) }), node: node("node-b") }));
    await settle(60);
    expect(cluster.ran).toHaveLength(17);
    await cluster.setStatus(`helper-pod-create-pvc-${uid(0)}`, { phase: "Succeeded" });
    await settle(60);
    expect(cluster.ran).toHaveLength(18);
  });
});

describe("an attempt that another went before", () => {
  it("takes the path of a succeeded helper and runs nothing, though the configuration has changed since", async () => {
    await provision();
    cluster.settings = settings({ nodePathMap: [{ node: "node-a", paths: ["/new"] }] });
    driver = cluster.driver();
    expect((await provision()).spec.hostPath?.path).toBe(DIRECTORY);
    expect(cluster.ran).toHaveLength(1);
  });

  it("waits for a helper that a dead leader started", async () => {
    cluster.kubelet = () => undefined;
    void begun(provision());
    await settle();
    stop.abort(new Error("lost the lease"));
    stop = new AbortController();
    driver = cluster.driver();
    const again = provision();
    await settle();
    await cluster.setStatus(CREATE, { phase: "Succeeded" });
    expect((await again).spec.hostPath?.path).toBe(DIRECTORY);
    expect(cluster.ran).toHaveLength(1);
  });

  it("replaces a failed helper of its own", async () => {
    cluster.kubelet = () => ({ phase: "Failed" });
    await expect(provision()).rejects.toThrow();
    cluster.kubelet = succeeds;
    await provision();
    expect(cluster.ran).toEqual([`create node-a:${DIRECTORY}`, `create node-a:${DIRECTORY}`]);
    expect(cluster.podNames()).toEqual([CREATE]);
  });

  it("removes what was made on a node that the scheduler has given up since", async () => {
    await provision();
    const made = await provision({ node: node("node-b") });
    expect(made.annotations).toEqual({ "local.path.provisioner/selected-node": "node-b" });
    expect(cluster.ran).toEqual([
      `create node-a:${DIRECTORY}`,
      `delete node-a:${DIRECTORY}`,
      `create node-b:${DIRECTORY}`,
    ]);
    expect(cluster.pod(CREATE)?.spec?.nodeName).toBe("node-b");
  });

  it("does not wait for a node that does not answer", async () => {
    cluster.kubelet = (pod) => (pod.spec?.nodeName === "node-a" ? undefined : { phase: "Succeeded" });
    cluster.settings = settings({
      nodePathMap: [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: ["/opt/lpp"] }],
      cmdTimeoutSeconds: 9,
    });
    const first = begun(provision());
    await settle();
    await cluster.setStatus(CREATE, { phase: "Running" });
    await cluster.clock.advance(9000);
    await expect(first).rejects.toThrow("timeout");
    cluster.kube.put("/api/v1/nodes/node-a", node("node-a", {}, false));
    const second = begun(provision({ node: node("node-b") }));
    await cluster.clock.advance(9000);
    expect((await second).spec.hostPath?.path).toBe(DIRECTORY);
    expect(cluster.lines("warn")).toContain("a directory may be left behind on a node that does not answer");
  });

  it("removes what a timed-out attempt may have made below a path that is not configured any more", async () => {
    cluster.kubelet = () => undefined;
    const first = begun(provision());
    await settle();
    await cluster.setStatus(CREATE, { phase: "Running" });
    await cluster.clock.advance(120_000);
    await expect(first).rejects.toThrow(
      saying(`failed to create volume ${VOLUME}: create process timeout after 120 seconds`),
    );
    expect(driver.leftovers()).toEqual([VOLUME]);
    cluster.settings = settings({ nodePathMap: [{ node: "node-a", paths: ["/new"] }] });
    cluster.kubelet = succeeds;
    await provision();
    expect(cluster.ran.slice(1)).toEqual([`delete node-a:${DIRECTORY}`, `create node-a:/new/${VOLUME}_shop_data`]);
  });
});

describe("a claim without a node", () => {
  const asked = request({ node: undefined });
  const nodes = ["node-a", "node-b", "node-c"].map((name) => node(name));

  it("gets one that has a path, the same each time", () => {
    cluster.settings = settings({
      nodePathMap: [
        { node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: ["/p"] },
        { node: "node-a", paths: [] },
      ],
    });
    const chosen = driver.chooseNode(asked, nodes)?.metadata?.name;
    expect(["node-b", "node-c"]).toContain(chosen);
    expect(driver.chooseNode(asked, nodes.toReversed())?.metadata?.name).toBe(chosen);
    const all = Array.from({ length: 50 }, (_, at) =>
      driver.chooseNode(request({ node: undefined, claim: claim({ uid: `u${at}` }) }), nodes),
    );
    expect(new Set(all.map((each) => each?.metadata?.name))).toEqual(new Set(["node-b", "node-c"]));
  });

  it("stays with the node of an earlier attempt", async () => {
    for (const name of ["node-a", "node-b"]) {
      await provision({ node: node(name) });
      await settle();
      expect(driver.chooseNode(asked, nodes)?.metadata?.name).toBe(name);
    }
  });

  it("is told when there is none", () => {
    expect(() => driver.chooseNode(asked, [])).toThrow(saying("configuration error, no node was specified"));
  });

  it("needs none on a shared file system", () => {
    cluster.settings = settings({ sharedFileSystemPath: "/shared" });
    expect(driver.chooseNode(asked, nodes)).toBeUndefined();
  });

  it("is admitted or refused without a look at nodes", () => {
    driver.admit(asked);
    expect(() => {
      driver.admit(request({ claim: claim({ spec: { accessModes: ["ReadWriteMany"] } }) }));
    }).toThrow("NodePath only supports");
    cluster.settings = settings({ storageClassConfigs: { other: { sharedFileSystemPath: "/s" } } });
    expect(() => {
      driver.admit(asked);
    }).toThrow(saying("BUG: Got request for unexpected storage class local-path"));
  });

  it("a node without a path sends the claim back to the scheduler", async () => {
    cluster.settings = settings({ nodePathMap: [{ node: "node-a", paths: [] }] });
    await expect(provision()).rejects.toThrow(
      expect.objectContaining({ message: "no local path available on node node-a", retry: "reschedule" }),
    );
  });
});

describe("removing a volume", () => {
  const remove = (pv = volume()) => driver.remove(pv, stop.signal);
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
    expect(await driver.remove(pv as Parameters<Driver["remove"]>[0], stop.signal)).toEqual({ outcome: "removed" });
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
    expect(await remove(released)).toMatchObject({ outcome: "waiting", retryAfterMs: day - 3_600_000 });
    await cluster.clock.advance(day - 3_600_001);
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

  it("counts the day from when it first saw the volume where the API server does not say", async () => {
    await cluster.removeNode("node-a");
    expect(await remove()).toMatchObject({ outcome: "waiting", retryAfterMs: 24 * 3_600_000 });
    await cluster.clock.advance(1000);
    expect(await remove()).toMatchObject({ outcome: "waiting", retryAfterMs: 24 * 3_600_000 - 1000 });
  });

  it("on a shared file system runs anywhere and names no node", async () => {
    cluster.settings = settings({ sharedFileSystemPath: "/shared" });
    expect(await remove(volume({ path: "/shared/v" }))).toEqual({ outcome: "removed" });
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
});

describe("volumes that share a directory", () => {
  const shared = storageClass({ ...UNSAFE, pathPattern: "common" });
  const other = (fields: object = {}) => volume({ name: "pv-other", path: "/opt/lpp/common", ...fields });
  const mine = volume({ path: "/opt/lpp/common" });

  it("a new one waits until a Released one's teardown is done", async () => {
    await cluster.putVolume(other({ path: "/opt/lpp/common/below" }));
    await expect(provision({ storageClass: shared })).rejects.toThrow(
      saying(
        "/opt/lpp/common overlaps the directory of volume pv-other, which is being deleted and would take the new volume's data with it",
      ),
    );
    expect(cluster.ran).toEqual([]);
    cluster.kube.remove("/api/v1/persistentvolumes/pv-other");
    await settle();
    await provision({ storageClass: shared });
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
    await provision({ storageClass: shared });
    expect(cluster.ran).toEqual(["create node-a:/opt/lpp/common"]);
  });

  it.each([
    ["the same", "/opt/lpp/common"],
    ["one inside", "/opt/lpp/common/below"],
    ["one around", "/opt/lpp"],
  ])("a directory that another volume uses is kept: %s", async (_what, path) => {
    await cluster.putVolume(other({ path, status: { phase: "Bound" } }));
    expect(await driver.remove(mine, stop.signal)).toEqual({
      outcome: "kept",
      reason: "DirectoryShared",
      message: `volume ${VOLUME} is gone, its directory node-a:/opt/lpp/common is kept: it overlaps the directory of volume pv-other`,
    });
    expect(cluster.ran).toEqual([]);
  });

  it("a directory whose other volumes go as well is removed", async () => {
    await cluster.putVolume(other());
    expect(await driver.remove(mine, stop.signal)).toEqual({ outcome: "removed" });
  });

  it("a directory is not removed between the making of another volume in it and its PersistentVolume", async () => {
    await provision({ storageClass: shared });
    const removal = driver.remove(other(), stop.signal);
    await expect(removal).rejects.toThrow(
      saying(
        `failed to delete volume pv-other: /opt/lpp/common overlaps the directory of volume ${VOLUME}, which is being made`,
      ),
    );
    await driver.settled(VOLUME);
    await cluster.putVolume({ ...mine, status: { phase: "Bound" } });
    expect(await driver.remove(other(), stop.signal)).toMatchObject({ outcome: "kept" });
  });

  it("two claims in the same directory are made one after the other", async () => {
    cluster.kubelet = () => undefined;
    const second = claim({ uid: "0b1f0c1e-7d1c-4d6c-9c0a-000000000002", name: "second" });
    const first = begun(provision({ storageClass: shared }));
    void begun(provision({ storageClass: shared, claim: second }));
    await settle();
    expect(cluster.ran).toHaveLength(1);
    await cluster.setStatus(CREATE, { phase: "Succeeded" });
    await first;
    await settle();
    expect(cluster.ran).toHaveLength(2);
  });
});

describe("what is left when a claim is deleted half-way", () => {
  const abandon = () => driver.abandon(VOLUME, stop.signal);

  it("a made directory is removed, then its record", async () => {
    await provision();
    driver = cluster.driver();
    expect(driver.leftovers()).toEqual([VOLUME]);
    await abandon();
    await settle();
    expect(cluster.ran).toEqual([`create node-a:${DIRECTORY}`, `delete node-a:${DIRECTORY}`]);
    expect(cluster.podNames()).toEqual([]);
    expect(driver.leftovers()).toEqual([]);
  });

  it("the record stays while the teardown fails", async () => {
    await provision();
    cluster.kubelet = () => ({ phase: "Failed" });
    await expect(abandon()).rejects.toThrow(`failed to delete volume ${VOLUME}: helper pod`);
    expect(driver.leftovers()).toEqual([VOLUME]);
    cluster.kubelet = succeeds;
    await abandon();
    await settle();
    expect(driver.leftovers()).toEqual([]);
  });

  it("a helper that has not begun is deleted, and nothing runs: nothing was made", async () => {
    cluster.kubelet = () => undefined;
    void begun(provision());
    await settle();
    stop.abort(new Error("the claim was deleted"));
    stop = new AbortController();
    await abandon();
    await settle();
    expect(cluster.ran).toEqual([`create node-a:${DIRECTORY}`]);
    expect(driver.leftovers()).toEqual([]);
  });

  it("a helper that runs is ended first, so that it cannot make the directory again", async () => {
    cluster.kubelet = () => undefined;
    void begun(provision());
    await settle();
    await cluster.setStatus(CREATE, { phase: "Running" });
    stop.abort(new Error("the claim was deleted"));
    stop = new AbortController();
    cluster.kubelet = succeeds;
    await abandon();
    await settle();
    expect(cluster.ran).toEqual([`create node-a:${DIRECTORY}`, `delete node-a:${DIRECTORY}`]);
    expect(cluster.podNames()).toEqual([]);
  });

  it("a leftover of the original is understood", async () => {
    await provision();
    const pod = cluster.pod(CREATE);
    const { annotations: _, ...metadata } = pod?.metadata ?? {};
    await cluster.putPod(CREATE, { ...pod, metadata });
    driver = cluster.driver();
    await abandon();
    expect(cluster.ran[1]).toBe(`delete node-a:${DIRECTORY}`);
  });

  it("a node that is gone takes its directory with it", async () => {
    await provision();
    await cluster.removeNode("node-a");
    await abandon();
    await settle();
    expect(cluster.podNames()).toEqual([]);
    expect(cluster.lines()).toContain(`Node node-a does not exist, skipping cleanup of volume ${VOLUME}`);
  });

  it("a directory that another volume uses is left to it", async () => {
    await provision();
    await cluster.putVolume(volume({ name: "pv-other", path: DIRECTORY, status: { phase: "Bound" } }));
    await abandon();
    await settle();
    expect(cluster.ran).toHaveLength(1);
    expect(driver.leftovers()).toEqual([]);
  });

  it("nothing is nothing", async () => {
    await abandon();
    await driver.settled(VOLUME);
    expect(cluster.ran).toEqual([]);
  });
});
