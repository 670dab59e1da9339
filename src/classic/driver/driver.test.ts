import { describe, expect, it } from "vitest";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import type { Node } from "../../kube/kinds.ts";
import type { Stored } from "../../kube/objects.ts";
import type { PodsOfClaim } from "../../provision/claims/pods-of-claim.ts";
import type { ProvisionRequest } from "../../provision/driver.ts";
import { settings } from "../testing/cluster.fixture.ts";
import { begun, CREATE, DIRECTORY, VOLUME } from "../testing/driver-suite.fixture.ts";
import { claim, node, request, storageClass } from "../testing/objects.fixture.ts";
import { saying } from "../testing/saying.fixture.ts";
import { useDriver } from "../testing/use-driver.fixture.ts";

const on = useDriver();

describe("making a volume", () => {
  it("runs a helper on the claim's node and says so in the original's lines", async () => {
    const made = await on.provision();
    expect(made.annotations).toEqual({ "local.path.provisioner/selected-node": "node-a" });
    expect(made.spec).toMatchObject({ hostPath: { path: DIRECTORY, type: "DirectoryOrCreate" } });
    expect(on.cluster.ran).toEqual([`create node-a:${DIRECTORY}`]);
    expect(on.cluster.lines()).toEqual([
      `Creating volume ${VOLUME} at node-a:${DIRECTORY}`,
      `create the helper pod ${CREATE} into local-path-storage`,
      `Volume ${VOLUME} has been created on node-a:${DIRECTORY}`,
    ]);
  });

  it("keeps the succeeded helper until the PersistentVolume is stored, and its log before that", async () => {
    on.cluster.logs.set(CREATE, "made it\n");
    await on.provision();
    expect(on.cluster.podNames()).toEqual([CREATE]);
    expect(on.driver.attempts()).toEqual([VOLUME]);
    await on.driver.stored(VOLUME);
    await settle();
    expect(on.cluster.podNames()).toEqual([]);
    expect(on.driver.attempts()).toEqual([]);
    expect(on.cluster.lines().slice(-3)).toEqual([`Start of ${CREATE} logs`, "made it", `End of ${CREATE} logs`]);
  });

  it("on a shared file system goes wherever, with any access mode, and names no node in its lines", async () => {
    on.cluster.settings = settings({ sharedFileSystemPath: "/shared" });
    const made = await on.provision({ claim: claim({ spec: { accessModes: ["ReadWriteMany"] } }), node: undefined });
    expect(made).toEqual({
      annotations: { "local.path.provisioner/selected-node": "" },
      spec: { volumeMode: "Filesystem", hostPath: { path: `/shared/${VOLUME}_shop_data`, type: "DirectoryOrCreate" } },
    });
    expect(on.cluster.ran).toEqual([`create :/shared/${VOLUME}_shop_data`]);
    expect(on.cluster.lines()[0]).toBe(`Creating volume ${VOLUME} at /shared/${VOLUME}_shop_data`);
    const placed = request({ claim: claim({ uid: "0b1f0c1e-7d1c-4d6c-9c0a-000000000002" }) });
    await on.driver.provision(placed, on.signal);
    expect(on.cluster.ran[1]).toMatch(/^create node-a:/);
  });

  it("hands size, user, group and perm to the script", async () => {
    await on.provision({
      storageClass: storageClass({ userPattern: "{{ .PVC.Labels.uid }}", permPattern: "0700" }),
      claim: claim({ labels: { uid: "1000" }, spec: { resources: { requests: { storage: "1.5Ki" } } } }),
    });
    const env = on.cluster.pod(CREATE)?.spec?.containers[0]?.env ?? [];
    // A server leaves out a value that is empty.
    expect(Object.fromEntries(env.map(({ name, value = "" }) => [name, value]))).toMatchObject({
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
    [
      "no node",
      { node: undefined },
      "configuration error, no node was specified (binding is Immediate, and no Ready, uncordoned node that has a path fits the claim)",
    ],
    [
      "a wrong pattern",
      { storageClass: storageClass({ userPattern: "{{" }) },
      "failed to create user from pattern {{: template: dataPattern:1: unclosed action",
    ],
  ])("nothing is made for %s", async (_what, parts, message) => {
    await expect(on.provision(parts)).rejects.toThrow(saying(message));
    expect(on.cluster.ran).toEqual([]);
  });

  it("wraps what goes wrong with the helper once, in the original's words, and keeps its code", async () => {
    on.cluster.kubelet = () => ({ phase: "Failed" });
    on.cluster.logs.set(CREATE, "mkdir: Read-only file system\n");
    await expect(on.provision()).rejects.toThrow(
      expect.objectContaining({
        message: `failed to create volume ${VOLUME}: helper pod ${CREATE} failed: mkdir: Read-only file system`,
        code: "CLASSIC_HELPER_FAILED",
      }),
    );
  });

  it("tells the claim what its helper waits for", async () => {
    on.cluster.kubelet = () => ({
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
    void begun(on.provision());
    await settle();
    expect(on.cluster.events).toEqual([
      `Warning HelperPodStuck PersistentVolumeClaim data: helper pod ${CREATE} is waiting: ErrImagePull`,
    ]);
  });

  it("uses the settings it began with, whatever is reloaded meanwhile", async () => {
    on.cluster.kubelet = () => undefined;
    const work = begun(on.provision());
    await settle();
    on.cluster.settings = settings({ nodePathMap: [{ node: "node-a", paths: ["/elsewhere"] }], cmdTimeoutSeconds: 1 });
    await on.cluster.clock.advance(100_000);
    await on.cluster.setStatus(CREATE, { phase: "Succeeded" });
    expect((await work).spec.hostPath?.path).toBe(DIRECTORY);
  });

  it("sixteen helpers at once on a node; the others wait for their turn, those of another node do not", async () => {
    on.cluster.kubelet = () => undefined;
    const uid = (at: number) => `0b1f0c1e-7d1c-4d6c-9c0a-${String(at).padStart(12, "0")}`;
    for (let at = 0; at < 20; at++) void begun(on.provision({ claim: claim({ uid: uid(at), name: `c${at}` }) }));
    await settle(60);
    expect(on.cluster.ran).toHaveLength(16);
    void begun(on.provision({ claim: claim({ uid: uid(30) }), node: node("node-b") }));
    await settle(60);
    expect(on.cluster.ran).toHaveLength(17);
    await on.cluster.setStatus(`helper-pod-create-pvc-${uid(0)}`, { phase: "Succeeded" });
    await settle(60);
    expect(on.cluster.ran).toHaveLength(18);
  });
});

describe("a claim without a node", () => {
  const asked = request({ node: undefined });
  const nodes = ["node-a", "node-b", "node-c"].map((name) => node(name));
  const noPods = (drawBy: string): PodsOfClaim => ({ known: false, drawBy, suits: () => true });
  const choose = (
    asked: ProvisionRequest,
    candidates: readonly Stored<Node>[],
    pods = noPods(asked.claim.metadata.uid),
  ): Stored<Node> | undefined => on.driver.chooseNode(asked, candidates, pods);

  it("gets one that has a path, the same each time", () => {
    on.cluster.settings = settings({
      nodePathMap: [
        { node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: ["/p"] },
        { node: "node-a", paths: [] },
      ],
    });
    const chosen = choose(asked, nodes)?.metadata?.name;
    expect(["node-b", "node-c"]).toContain(chosen);
    expect(choose(asked, nodes.toReversed())?.metadata?.name).toBe(chosen);
    const all = Array.from({ length: 50 }, (_, at) =>
      choose(request({ node: undefined, claim: claim({ uid: `u${at}` }) }), nodes),
    );
    expect(new Set(all.map((each) => each?.metadata?.name))).toEqual(new Set(["node-b", "node-c"]));
  });

  it.each(["NoSchedule", "NoExecute"])("is not one with a taint of effect %s while another will do", (effect) => {
    const tainted = (name: string) => ({ ...node(name), spec: { taints: [{ key: "control-plane", effect }] } });
    const chosen = (uid: string, candidates: Stored<Node>[]): string | undefined =>
      choose(request({ node: undefined, claim: claim({ uid }) }), candidates)?.metadata.name;
    const uids = Array.from({ length: 30 }, (_, at) => `u${at}`);
    const some = [tainted("node-a"), node("node-b"), tainted("node-c")];
    expect(new Set(uids.map((uid) => chosen(uid, some)))).toEqual(new Set(["node-b"]));
    expect(chosen("u", [tainted("node-a")])).toBe("node-a");
  });

  it("is one that suits its pods, tainted or not, and the same for all claims of a pod", () => {
    const tainted = { ...node("node-a"), spec: { taints: [{ key: "control-plane", effect: "NoSchedule" as const }] } };
    const chosen = (uid: string, only?: string): string | undefined => {
      const suits = ({ metadata }: Node): boolean => only === undefined || metadata?.name === only;
      const asked = request({ node: undefined, claim: claim({ uid }) });
      return choose(asked, [tainted, node("node-b"), node("node-c")], { known: true, drawBy: "pod", suits })?.metadata
        .name;
    };
    const uids = Array.from({ length: 30 }, (_, at) => `u${at}`);
    expect(new Set(uids.map((uid) => chosen(uid))).size).toBe(1);
    expect(new Set(uids.map((uid) => chosen(uid, "node-a")))).toEqual(new Set(["node-a"]));
    expect(["node-b", "node-c"]).toContain(chosen("u", "a node that is not there"));
  });

  it("stays with the node of an earlier attempt", async () => {
    for (const name of ["node-a", "node-b"]) {
      await on.provision({ node: node(name) });
      await settle();
      expect(choose(asked, nodes)?.metadata?.name).toBe(name);
    }
  });

  it("stays with the node of a failed attempt when another node that fits comes back", async () => {
    on.cluster.kubelet = () => ({ phase: "Failed" });
    const drawn = choose(asked, nodes)?.metadata?.name;
    const other = drawn === "node-a" ? "node-b" : "node-a";
    await expect(on.provision({ node: node(other) })).rejects.toThrow("failed");
    expect(choose(asked, nodes)?.metadata?.name).toBe(other);
    on.beginAnew();
    expect(choose(asked, nodes)?.metadata?.name).toBe(other);
    const tainted = { ...node(other), spec: { taints: [{ key: "gone", effect: "NoExecute" as const }] } };
    const rest = nodes.filter(({ metadata }) => metadata.name !== other);
    expect(choose(asked, [tainted, ...rest])?.metadata?.name).toBe(drawn);
    const pod = { known: true, drawBy: "pod", suits: () => true };
    const others = request({ node: undefined, claim: claim({ uid: "u" }) });
    expect(choose(asked, nodes, pod)?.metadata?.name).toBe(choose(others, nodes, pod)?.metadata?.name);
  });

  it("also when the failed pod is gone, and only this process remembers", async () => {
    on.cluster.kubelet = () => ({ phase: "Failed" });
    const other = choose(asked, nodes)?.metadata?.name === "node-a" ? "node-b" : "node-a";
    await expect(on.provision({ node: node(other) })).rejects.toThrow("failed");
    await on.cluster.deletePod(CREATE);
    expect(choose(asked, nodes)?.metadata?.name).toBe(other);
  });

  it("is told when there is none", () => {
    expect(() => choose(asked, [])).toThrow("configuration error, no node was specified");
  });

  it("needs none on a shared file system", () => {
    on.cluster.settings = settings({ sharedFileSystemPath: "/shared" });
    expect(choose(asked, nodes)).toBeUndefined();
  });

  it("is admitted or refused without a look at nodes", () => {
    on.driver.admit(asked);
    expect(() => {
      on.driver.admit(request({ claim: claim({ spec: { accessModes: ["ReadWriteMany"] } }) }));
    }).toThrow("NodePath only supports");
    on.cluster.settings = settings({ storageClassConfigs: { other: { sharedFileSystemPath: "/s" } } });
    expect(() => {
      on.driver.admit(asked);
    }).toThrow("BUG: Got request for unexpected storage class local-path");
  });

  it("a node without a path sends the claim back to the scheduler", async () => {
    const nodePathMap = [
      { node: "node-a", paths: [] },
      { node: "node-b", paths: ["/opt"] },
    ];
    on.cluster.settings = settings({ nodePathMap });
    await expect(on.provision()).rejects.toThrow(
      expect.objectContaining({ message: "no local path available on node node-a", retry: "reschedule" }),
    );
  });

  it.each(["DEFAULT", "local-path-hdd"])("fails where no node of the cluster has a path: %s", async (typo) => {
    on.cluster.settings = settings({ nodePathMap: [{ node: typo, paths: ["/opt"] }] });
    await expect(on.provision()).rejects.toThrow(
      expect.objectContaining({
        message: "config doesn't contain node node-a, and no DEFAULT_PATH_FOR_NON_LISTED_NODES available",
        retry: "backoff",
      }),
    );
  });
});
