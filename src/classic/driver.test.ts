import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { settle } from "../effects/testing/manual-clock.fixture.ts";
import type { Driver } from "../provision/driver.ts";
import { settings, TestCluster } from "./testing/cluster.fixture.ts";
import { begun, CREATE, DIRECTORY, VOLUME } from "./testing/driver-suite.fixture.ts";
import { claim, node, request, storageClass } from "./testing/objects.fixture.ts";
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
