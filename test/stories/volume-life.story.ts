/*
 * What local-path-provisioner's own tests leave out: what becomes of directories, and what happens
 * when something goes wrong.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { leaveNothing, openNamespace } from "./support/cleanup.ts";
import {
  type BoundClaim,
  expectBound,
  expectDirectory,
  expectEvent,
  expectGone,
  expectNoDirectory,
  expectNoHelpers,
  expectReady,
  expectRemoved,
  expectUnbound,
  helperPods,
} from "./support/expect.ts";
import { helperTemplate } from "./support/helper-template.ts";
import { toYaml } from "./support/manifest.ts";
import { labelNode, nodesReady, withoutNodeObject } from "./support/nodes.ts";
import { affinityOf, type Claim, type Volume } from "./support/objects.ts";
import {
  askProduct,
  installProduct,
  leaderPod,
  leaseOf,
  PRODUCT_NAMESPACE,
  productLog,
  productPods,
} from "./support/product.ts";
import { useGround } from "./support/shared-ground.ts";
import { releasedVolume } from "./support/volumes.ts";
import { claim, claimOn, onHost, pod, storageClass } from "./support/workloads.ts";

const on = useGround("containers", "load-image", "node-files", "kubelet");
const NS = "volume-life";
const BASE = "/opt/local-path-provisioner";
const DISKS = ["/opt/disk-1", "/opt/disk-2", "/mnt/disk-3"];
const RACK = "example.com/rack";

const CLASSES = [
  storageClass("retain", { reclaimPolicy: "Retain" }),
  storageClass("several"),
  storageClass("partly"),
  storageClass("by-rack", { parameters: { nodeAffinityKey: RACK } }),
  storageClass("inside-base", {
    parameters: { pathPattern: "{{ .PVC.Namespace }}/{{ .PVC.Name }}/{{ .PVC.Annotations.folder }}" },
  }),
  storageClass("immediate", { volumeBindingMode: "Immediate" }),
  storageClass("immediate-third", {
    volumeBindingMode: "Immediate",
    allowedTopologies: [{ matchLabelExpressions: [{ key: "kubernetes.io/hostname", values: ["node-3"] }] }],
  }),
];
const CLASS_NAMES = CLASSES.map((object) => (object as { metadata: { name: string } }).metadata.name);
const ORPHAN = "pvc-0b6a1f7e-3c50-4d0e-9f5b-9d8f5a1c0002";

/** When the original gives a helper pod up, and says nothing before. */
const ORIGINAL_KNOWS_MS = 120_000;

/** Fails for some claims, by their name, which the directory's name ends in. */
const SETUP = `#!/bin/sh
set -eu
case "$VOL_DIR" in
*_broken)
  # One stream: between two, the container runtime keeps no order.
  for line in 1 2 3 4 5 6 7; do echo "line $line" >&2; done
  echo "the disk is on fire" >&2
  exit 3 ;;
esac
mkdir -m 0777 -p "$VOL_DIR"
`;

const aboutClaim = (name: string): { kind: string; name: string; namespace: string } => ({
  kind: "PersistentVolumeClaim",
  name,
  namespace: NS,
});

let nodes: readonly string[] = [];
let first = "";
let second = "";
let third = "";

beforeAll(async () => {
  const { ground } = on;
  ({ nodes } = ground);
  [first = "", second = "", third = ""] = nodes;
  await openNamespace(ground, NS);
  await ground.apply(toYaml(...CLASSES));
});
afterAll(async () => {
  const { ground } = on;
  for (const node of nodes) {
    await labelNode(ground, node, { "kubernetes.io/hostname": node, [RACK]: null });
  }
  await leaveNothing(ground, { namespace: NS, classes: CLASS_NAMES, volumes: [ORPHAN] });
});

/** Every class has its own base paths, so that one installation serves all stories. */
async function install(change: { helperPod?: string } = {}): Promise<void> {
  const local = (...paths: string[]): { node: string; paths: string[] } => ({
    node: "DEFAULT_PATH_FOR_NON_LISTED_NODES",
    paths,
  });
  const plain = { nodePathMap: [local(BASE)] };
  const withoutFirst = { nodePathMap: [{ node: first, paths: [] }, local(BASE)] };
  await installProduct(on.ground, {
    config: {
      storageClassConfigs: {
        "local-path": plain,
        retain: plain,
        "by-rack": plain,
        "inside-base": plain,
        "immediate-third": plain,
        several: { nodePathMap: [local(...DISKS)] },
        partly: withoutFirst,
        immediate: withoutFirst,
      },
    },
    setup: SETUP,
    ...change,
  });
}

describe.concurrent("with every node up", () => {
  beforeAll(async () => {
    await install();
  });

  test("the directory goes with its claim, the data in it too, and its neighbour stays", async () => {
    const { ground } = on;
    await ground.apply(
      toYaml(claimOn(second, NS, "going", "local-path"), claimOn(second, NS, "staying", "local-path")),
    );
    const going = await expectBound(ground, NS, "going");
    const staying = await expectBound(ground, NS, "staying");
    await ground.onNode(second).writeFile(`${going.path}/deep/er/file`, "data");
    await ground.onNode(second).writeFile(`${staying.path}/file`, "data");
    await expectRemoved(ground, NS, [], [going]);
    expect(await ground.onNode(second).readFile(`${staying.path}/file`)).toBe("data");
    await expectRemoved(ground, NS, [], [staying]);
  });

  test("a volume of a Retain class stays Released with its data", async () => {
    const { ground } = on;
    const node = ground.onNode(first);
    await ground.apply(toYaml(claimOn(first, NS, "retained", "retain"), claimOn(first, NS, "after", "local-path")));
    const { volume, path } = await expectBound(ground, NS, "retained");
    const after = await expectBound(ground, NS, "after");
    await node.writeFile(`${path}/file`, "kept");
    await ground.delete("PersistentVolumeClaim", "retained", NS);
    const released = async (): Promise<Volume | undefined> => {
      const found = await ground.get<Volume>("PersistentVolume", volume.metadata.name);
      return found?.status.phase === "Released" ? found : undefined;
    };
    await ground.waitFor("the volume to be Released", released);
    // Whatever would have been done to it has been done when a later claim is through.
    await expectRemoved(ground, NS, [], [after]);
    expect(await released()).toBeDefined();
    expect(await node.readFile(`${path}/file`)).toBe("kept");
    await ground.delete("PersistentVolume", volume.metadata.name);
    await node.exec(["rm", "-r", path]);
  });

  test("a failing script is an event within seconds, with its last lines", async () => {
    const { ground } = on;
    await ground.apply(toYaml(claimOn(first, NS, "broken", "local-path")));
    const { uid } = (await ground.get<Claim>("PersistentVolumeClaim", "broken", NS))?.metadata ?? { uid: "" };
    // The original would wait for two minutes and then know of a timeout only.
    const event = await expectEvent(ground, aboutClaim("broken"), "ProvisioningFailed", "on fire", ORIGINAL_KNOWS_MS);
    expect(event.message).toContain(`helper pod helper-pod-create-pvc-${uid} failed (exit code 3)`);
    expect(event.message).toMatch(/: line 4\nline 5\nline 6\nline 7\nthe disk is on fire$/);
    await expectUnbound(ground, NS, "broken");
    // A failed pod stays to be looked at, and goes with the claim. The next attempt's is there
    // before it goes.
    const ofClaim = async (): Promise<string[]> =>
      (await helperPods(ground)).map(({ metadata: { name } }) => name).filter((name) => name.includes(uid));
    await ground.waitFor("the log of a failed pod to be readable", async (saw) => {
      const pods = await ofClaim();
      saw(pods);
      expect(pods).not.toEqual([]);
      const texts = await Promise.all(pods.map((name) => ground.logs(PRODUCT_NAMESPACE, name).catch(() => "")));
      return texts.some((text) => text.includes("line 1")) ? true : undefined;
    });
    await ground.delete("PersistentVolumeClaim", "broken", NS);
    await ground.waitFor("its helper pods to be gone", async (saw) => {
      const pods = await ofClaim();
      saw(pods);
      return pods.length === 0 ? true : undefined;
    });
    expect(await ground.get("PersistentVolume", `pvc-${uid}`)).toBeUndefined();
  });

  test("claims are spread over the paths of a node, and removed from each", async () => {
    const { ground } = on;
    const used = new Set<string>();
    const made: BoundClaim[] = [];
    // The UIDs decide, and those are the API server's to choose: all of nine on one disk has been
    // seen. That one of three disks has none of 54 is one run in a billion.
    for (let round = 0; used.size < DISKS.length; round++) {
      expect(round, `only ${[...used].join(", ")} used by ${made.length} claims`).toBeLessThan(6);
      const names = Array.from({ length: 9 }, (_, index) => `spread-${round}-${index}`);
      await ground.apply(toYaml(...names.map((name) => claimOn(third, NS, name, "several"))));
      for (const bound of await Promise.all(names.map(async (name) => expectBound(ground, NS, name)))) {
        const { path, claim: of } = bound;
        const disk = path.replace(`/pvc-${of.metadata.uid}_${NS}_${of.metadata.name}`, "");
        expect(DISKS).toContain(disk);
        await expectDirectory(ground, third, path);
        used.add(disk);
        made.push(bound);
      }
    }
    await expectRemoved(ground, NS, [], made);
  });

  test("a claim whose node has no paths is sent back to the scheduler, and gets another node", async () => {
    const { ground } = on;
    await ground.apply(toYaml(claimOn(first, NS, "unlucky", "partly")));
    await expectEvent(
      ground,
      aboutClaim("unlucky"),
      "ProvisioningFailed",
      `node ${first} cannot hold the volume, the scheduler is asked for another one: failed to provision volume with StorageClass "partly": no local path available on node ${first}`,
    );
    await ground.waitFor("the node to be taken off the claim", async () => {
      const found = await ground.get<Claim>("PersistentVolumeClaim", "unlucky", NS);
      return found?.metadata.annotations?.["volume.kubernetes.io/selected-node"] === undefined ? true : undefined;
    });
    await expectUnbound(ground, NS, "unlucky");
    await ground.apply(
      toYaml(
        pod(NS, "unlucky", "unlucky", {
          spec: {
            affinity: {
              nodeAffinity: {
                preferredDuringSchedulingIgnoredDuringExecution: [
                  {
                    weight: 100,
                    preference: {
                      matchExpressions: [{ key: "kubernetes.io/hostname", operator: "NotIn", values: [first] }],
                    },
                  },
                ],
              },
            },
          },
        }),
      ),
    );
    const running = await expectReady(ground, NS, "unlucky");
    expect(running.spec.nodeName).not.toBe(first);
    const bound = await expectBound(ground, NS, "unlucky");
    await expectRemoved(ground, NS, ["unlucky"], [bound]);
  });

  test("a pattern that leads to a neighbour's directory inside the base is refused", async () => {
    const { ground } = on;
    const inside = (name: string, folder: string): object =>
      claimOn(first, NS, name, "inside-base", { annotations: { folder } });
    await ground.apply(toYaml(inside("victim", "data")));
    const victim = await expectBound(ground, NS, "victim");
    expect(victim.path).toBe(`${BASE}/${NS}/victim/data`);
    await ground.onNode(first).writeFile(`${victim.path}/secret`, "mine");

    await ground.apply(toYaml(inside("thief", "../victim/data"), inside("greedy", "../..")));
    for (const [name, text] of [
      ["thief", `${NS}/thief/../victim/data`],
      ["greedy", `${NS}/greedy/../..`],
    ] as const) {
      const says = `folder path contains invalid references: ${text}`;
      await expectEvent(ground, aboutClaim(name), "ProvisioningFailed", says);
      await expectUnbound(ground, NS, name);
      await ground.delete("PersistentVolumeClaim", name, NS);
      await expectGone(ground, "PersistentVolumeClaim", name, NS);
    }
    expect(await ground.onNode(first).readFile(`${victim.path}/secret`)).toBe("mine");
    await expectRemoved(ground, NS, [], [victim]);
  });

  test("a dollar sign in a directory's name reaches the script, and the kubelet replaces nothing", async () => {
    const { ground } = on;
    const annotations = { folder: "a$$b-$(VOL_MODE)" };
    await ground.apply(toYaml(claimOn(first, NS, "dollar", "inside-base", { annotations })));
    const bound = await expectBound(ground, NS, "dollar");
    expect(bound.path).toBe(`${BASE}/${NS}/dollar/a$$b-$(VOL_MODE)`);
    await expectDirectory(ground, first, bound.path);
    await expectRemoved(ground, NS, [], [bound]);
  });

  test("a claim with a selector or a data source is refused with an event, and never bound to an empty volume", async () => {
    const { ground } = on;
    const snapshots = { apiGroup: "snapshot.storage.k8s.io", kind: "VolumeSnapshot", name: "yesterday" };
    const books = { apiGroup: "example.com", kind: "Book", name: "a" };
    const cases = [
      [
        "selecting",
        { selector: { matchLabels: { a: "b" } } },
        "ProvisioningFailed",
        "claim.Spec.Selector is not supported",
      ],
      [
        "cloning",
        { dataSource: { kind: "PersistentVolumeClaim", name: "source" } },
        "ProvisioningFailed",
        'rancher.io/local-path cannot fill a volume from PersistentVolumeClaim "source"',
      ],
      [
        "restoring",
        { dataSource: snapshots },
        "ProvisioningFailed",
        'rancher.io/local-path cannot fill a volume from VolumeSnapshot "yesterday"',
      ],
      ["populating", { dataSourceRef: books }, "Provisioning", "Waiting for a volume populator"],
      ["block", { volumeMode: "Block" }, "ProvisioningFailed", "does not support block volume provisioning"],
    ] as const;
    await ground.apply(toYaml(...cases.map(([name, spec]) => claimOn(first, NS, name, "local-path", { spec }))));
    for (const [name, , reason, says] of cases) await expectEvent(ground, aboutClaim(name), reason, says);
    // One that came later is through: the others are not merely slow.
    await ground.apply(toYaml(claimOn(first, NS, "ordinary", "local-path")));
    const ordinary = await expectBound(ground, NS, "ordinary");
    for (const [name] of cases) {
      await expectUnbound(ground, NS, name);
      await ground.delete("PersistentVolumeClaim", name, NS);
    }
    await expectRemoved(ground, NS, [], [ordinary]);
  });

  test("with Immediate binding a node with a path is chosen, within allowedTopologies", async () => {
    const { ground } = on;
    const names = Array.from({ length: 6 }, (_, index) => `at-once-${index}`);
    await ground.apply(
      toYaml(...names.map((name) => claim(NS, name, "immediate")), claim(NS, "at-once-third", "immediate-third")),
    );
    const bound = await Promise.all(names.map(async (name) => expectBound(ground, NS, name)));
    for (const { node, path } of bound) {
      expect([second, third]).toContain(node);
      await expectDirectory(ground, node, path);
    }
    const topology = await expectBound(ground, NS, "at-once-third");
    expect(topology.node).toBe("node-3");
    // And the scheduler follows the volume.
    await ground.apply(toYaml(pod(NS, "follower", "at-once-0")));
    expect((await expectReady(ground, NS, "follower")).spec.nodeName).toBe(bound[0]?.node);
    await expectRemoved(ground, NS, ["follower"], [...bound, topology]);
  });

  test("with Immediate binding all claims of a pod that is there go to one node, where it can run", async () => {
    const { ground } = on;
    const names = Array.from({ length: 4 }, (_, index) => `together-${index}`);
    const volumes = names.map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
    const volumeMounts = names.map((name) => ({ name, mountPath: `/${name}` }));
    const nodeSelector = { "kubernetes.io/hostname": third };
    await ground.apply(
      toYaml(
        pod(NS, "apart", "apart", { spec: { nodeSelector } }),
        pod(NS, "together", "unused", { spec: { volumes }, container: { volumeMounts } }),
      ),
    );
    await ground.apply(toYaml(...["apart", ...names].map((name) => claim(NS, name, "immediate"))));
    const apart = await expectBound(ground, NS, "apart");
    expect(apart.node).toBe(third);
    const together = await Promise.all(names.map(async (name) => expectBound(ground, NS, name)));
    expect(new Set(together.map(({ node }) => node)).size).toBe(1);
    expect((await expectReady(ground, NS, "apart")).spec.nodeName).toBe(third);
    expect((await expectReady(ground, NS, "together")).spec.nodeName).toBe(together[0]?.node);
    await expectRemoved(ground, NS, ["apart", "together"], [apart, ...together]);
  });

  test("/health, /ready and /metrics answer in every replica", async () => {
    const { ground } = on;
    await ground.apply(toYaml(claimOn(first, NS, "counted", "local-path")));
    const bound = await expectBound(ground, NS, "counted");
    for (const { metadata } of await productPods(ground)) {
      // Where nobody probes, a pod is Ready before its program listens.
      const ready = await ground.waitFor(`${metadata.name} to be ready`, async (saw) => {
        const answer = await askProduct(ground, metadata.name, "/ready");
        saw(answer);
        return answer.ok ? answer : undefined;
      });
      expect(ready).toEqual({ ok: true, text: "Ready" });
      expect(await askProduct(ground, metadata.name, "/health")).toEqual({ ok: true, text: "OK" });
      expect((await askProduct(ground, metadata.name, "/metrics")).text).toContain("# TYPE");
    }
    await ground.waitFor("the leader to have counted the claim", async (saw) => {
      const { text } = await askProduct(ground, await leaderPod(ground), "/metrics");
      saw(text.split("\n").filter((line) => line.startsWith("controller_")));
      return (
        /^controller_persistentvolumeclaim_provision_total\{.*class="local-path".*\} [1-9]/m.test(text) || undefined
      );
    });
    await expectRemoved(ground, NS, [], [bound]);
  });
});

test("two replicas: one leads, and when its pod is deleted the other serves before the Lease has run out", async () => {
  const { ground } = on;
  const leader = await leaderPod(ground);
  const pods = (await productPods(ground)).map(({ metadata }) => metadata.name);
  expect(pods).toHaveLength(2);
  expect(pods).toContain(leader);
  // It may have given it back before anybody looks again.
  let renewed = (await leaseOf(ground))?.renewedAt ?? 0;
  let givenBack = false;
  await ground.delete("Pod", leader, PRODUCT_NAMESPACE);
  const next = async (saw: (what: unknown) => void): Promise<number | undefined> => {
    const lease = await leaseOf(ground);
    saw(lease);
    if (lease === undefined) return undefined;
    if (lease.holder === "") givenBack = true;
    else if (!lease.holder.startsWith(leader)) return lease.acquiredAt;
    else renewed = lease.renewedAt;
    return undefined;
  };
  const acquired = await ground.waitFor("another leader", next, { everyMs: 20 });
  // Ended in order, it has given the Lease back: nobody has waited until it ran out. That is seen,
  // or the Lease's own times say so: how fast a kubelet ends a pod says nothing about us.
  givenBack ||= acquired - renewed < 15_000;
  expect(givenBack, `${String(acquired - renewed)} ms from the last renewal to the next leader`).toBe(true);
  await ground.apply(toYaml(claimOn(first, NS, "after-handover", "local-path")));
  const bound = await expectBound(ground, NS, "after-handover");
  await expectRemoved(ground, NS, [], [bound]);
});

test("where host names differ from node names, and by a custom nodeAffinityKey, directories are really removed", async () => {
  const { ground } = on;
  await labelNode(ground, second, { "kubernetes.io/hostname": "ip-10-0-0-2.example" });
  await labelNode(ground, third, { [RACK]: "r1" });
  await ground.apply(
    toYaml(
      claim(NS, "hostname", "local-path"),
      pod(NS, "hostname", "hostname", { spec: onHost("ip-10-0-0-2.example") }),
      claim(NS, "rack", "by-rack"),
      pod(NS, "rack", "rack", { spec: { nodeSelector: { [RACK]: "r1" } } }),
      claim(NS, "hostname-only", "local-path"),
      pod(NS, "hostname-only", "hostname-only", { spec: onHost("ip-10-0-0-2.example") }),
      claim(NS, "rack-only", "by-rack"),
      pod(NS, "rack-only", "rack-only", { spec: { nodeSelector: { [RACK]: "r1" } } }),
    ),
  );
  const names = ["hostname", "rack", "hostname-only", "rack-only"];
  await Promise.all(names.map(async (name) => expectReady(ground, NS, name)));
  const bound = await Promise.all(names.map(async (name) => expectBound(ground, NS, name)));
  expect(bound.map(({ node }) => node)).toEqual([second, third, second, third]);
  expect(affinityOf((bound[0] ?? fail()).volume)).toEqual({
    key: "kubernetes.io/hostname",
    value: "ip-10-0-0-2.example",
  });
  expect(affinityOf((bound[1] ?? fail()).volume)).toEqual({ key: RACK, value: "r1" });
  // Two of them as versions before v0.0.25 made them: only the label tells where they are.
  for (const { volume } of bound.slice(2)) {
    const annotations = { "local.path.provisioner/selected-node": null };
    await ground.patch("PersistentVolume", volume.metadata.name, { metadata: { annotations } });
  }
  await expectRemoved(ground, NS, names, bound);
  await labelNode(ground, second, { "kubernetes.io/hostname": second });
  await labelNode(ground, third, { [RACK]: null });
});

test("a volume whose node is gone stays Released with an event, and its directory is removed when the node comes back", async () => {
  const { ground } = on;
  await ground.apply(toYaml(claimOn(third, NS, "homeless", "local-path")));
  const { volume, path, node } = await expectBound(ground, NS, "homeless");
  const name = volume.metadata.name;
  await ground.onNode(node).writeFile(`${path}/file`, "data");
  await withoutNodeObject(ground, node, async () => {
    await ground.delete("PersistentVolumeClaim", "homeless", NS);
    // And one of a node that nobody has ever seen.
    const affinity = { key: "kubernetes.io/hostname", value: "never-seen" };
    const orphan = releasedVolume(ORPHAN, {
      path: `${BASE}/${ORPHAN}`,
      claim: { namespace: NS, name: "orphan" },
      affinity,
    });
    await ground.apply(toYaml(orphan));
    for (const [pv, wanted] of [
      [name, node],
      [ORPHAN, "never-seen"],
    ] as const) {
      const says = `Node ${wanted} does not exist: volume ${pv} stays Released until the node is back, or until `;
      const event = await expectEvent(ground, { kind: "PersistentVolume", name: pv }, "VolumeDeleteWaiting", says);
      expect(event.type).toBe("Warning");
      // A controller manager that hears of the phase before it hears that the claim is gone calls
      // the volume Bound once more.
      await ground.waitFor(`${pv} to be Released`, async (saw) => {
        const phase = (await ground.get<Volume>("PersistentVolume", pv))?.status.phase;
        saw(phase);
        return phase === "Released" ? true : undefined;
      });
    }
    expect(await ground.onNode(node).readFile(`${path}/file`)).toBe("data");
  });
  await expectGone(ground, "PersistentVolume", name);
  await expectNoDirectory(ground, node, path);
  expect((await ground.get<Volume>("PersistentVolume", ORPHAN))?.status.phase).toBe("Released");
  await ground.delete("PersistentVolume", ORPHAN);
  await nodesReady(ground);
});

test("a helper image that cannot be pulled is an event at once, and the claim is served when it can", async (context) => {
  on.needs(context, "isolation");
  const { ground } = on;
  const image = "127.0.0.1:1/nothing-listens-here/helper:1";
  await install({ helperPod: helperTemplate({ container: { image, imagePullPolicy: "IfNotPresent" } }) });
  await ground.apply(toYaml(claimOn(first, NS, "no-image", "local-path")));
  const says =
    /^helper pod helper-pod-create-pvc-\S+ is waiting: (ErrImagePull|ImagePullBackOff): .*nothing-listens-here/;
  await expectEvent(ground, aboutClaim("no-image"), "HelperPodStuck", says, ORIGINAL_KNOWS_MS);
  await expectUnbound(ground, NS, "no-image");
  const uid = (await ground.get<Claim>("PersistentVolumeClaim", "no-image", NS))?.metadata.uid ?? "";
  const stuck = (await helperPods(ground)).find(({ metadata }) => metadata.name.includes(uid));
  expect(stuck?.status.phase).toBe("Pending");

  await install();
  // The image is there now; the pod that waits for the other one is in nobody's way.
  await ground.delete("Pod", stuck?.metadata.name ?? "", PRODUCT_NAMESPACE);
  const bound = await expectBound(ground, NS, "no-image");
  await expectRemoved(ground, NS, [], [bound]);
});

test("nothing is left: no helper pod, no directory, no unexpected error in the log", async () => {
  const { ground } = on;
  await expectNoHelpers(ground);
  for (const node of nodes) {
    for (const base of [BASE, ...DISKS]) {
      if (!(await ground.onNode(node).exists(base))) continue;
      const left = (await ground.onNode(node).listDirectory(base)).filter((name) => name.startsWith("pvc-"));
      expect(left, `${node}:${base}`).toEqual([]);
    }
  }
  expect((await productLog(ground)).filter(({ level }) => level === "fatal")).toEqual([]);
});

function fail(): never {
  throw new Error("a claim is missing");
}
