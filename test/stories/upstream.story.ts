/*
 * What local-path-provisioner's own end-to-end tests claim, test by test and under their names,
 * also the one that is disabled there and the one that was reverted. Each story goes further than
 * its model: the claim is deleted at the end, and the directory must be gone.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { leaveNothing, openNamespace } from "./support/cleanup.ts";
import {
  eventsOn,
  expectBound,
  expectCompleted,
  expectDirectory,
  expectEvent,
  expectGone,
  expectNoDirectory,
  expectReady,
  expectRemoved,
  expectUnbound,
  type BoundClaim,
} from "./support/expect.ts";
import { toYaml } from "./support/manifest.ts";
import { cordon, labelNode } from "./support/nodes.ts";
import { affinityOf } from "./support/objects.ts";
import { installProduct, productLog } from "./support/product.ts";
import { useGround } from "./support/shared-ground.ts";
import { releasedVolume } from "./support/volumes.ts";
import { claim, claimOn, onHost, pod, storageClass } from "./support/workloads.ts";

const on = useGround("containers", "load-image", "node-files");
const NS = "upstream";
const BASE = "/opt/local-path-provisioner";
const STABLE_ID = "test.example.com/stable-id";

const CLASSES = [
  storageClass("local-by-default", { annotations: { defaultVolumeType: "local" } }),
  storageClass("custom-affinity-key", { parameters: { nodeAffinityKey: STABLE_ID } }),
  storageClass("unsafe-parameter", {
    parameters: {
      allowUnsafePathPattern: "true",
      pathPattern: "/opt/../{{ .PVC.Namespace }}_{{ .PVC.Name }}/../etc/",
    },
  }),
  storageClass("unsafe-annotation", {
    annotations: { allowUnsafePathPattern: "true" },
    parameters: { pathPattern: "/opt/../{{ .PVC.Namespace }}_{{ .PVC.Name }}/../etc/" },
  }),
  storageClass("traversal", { parameters: { pathPattern: "{{ .PVC.Name }}/../../../etc/passwd" } }),
  storageClass("ownership", {
    parameters: { userPattern: "1000", groupPattern: "{{ .PVC.Labels.group }}", permPattern: "0700" },
  }),
  storageClass("by-pattern", {
    parameters: { nodePath: "/mnt/second", pathPattern: "{{ .PVC.Namespace }}/{{ .PVC.Name }}/" },
  }),
  storageClass("shared", { volumeBindingMode: "Immediate" }),
];
const CLASS_NAMES = CLASSES.map((object) => (object as { metadata: { name: string } }).metadata.name);
const AS_SEEN = "until [ -s /shared/file ]; do sleep 0.1; done; cp /shared/file /data/seen";
const LEGACY = "pvc-0b6a1f7e-3c50-4d0e-9f5b-9d8f5a1c0001";

beforeAll(async () => {
  await openNamespace(on.ground, NS);
  await on.ground.apply(toYaml(...CLASSES));
});
afterAll(async () => {
  for (const node of on.ground.nodes) {
    await labelNode(on.ground, node, { "kubernetes.io/hostname": node, [STABLE_ID]: null });
    await cordon(on.ground, node, false);
  }
  await leaveNothing(on.ground, { namespace: NS, classes: CLASS_NAMES, volumes: [LEGACY] });
});

/** A pod and its claim of one name, applied; Ready, and on a volume of this type. */
async function expectPodOn(type: "hostPath" | "local", name: string, objects: readonly object[]): Promise<BoundClaim> {
  const { ground } = on;
  await ground.apply(toYaml(...objects));
  const running = await expectReady(ground, NS, name);
  const bound = await expectBound(ground, NS, name);
  expect(Object.keys(bound.volume.spec)).toContain(type);
  expect(bound.volume.spec.hostPath?.type).toBe(type === "hostPath" ? "DirectoryOrCreate" : undefined);
  expect(bound.node).toBe(running.spec.nodeName);
  await expectDirectory(ground, bound.node, bound.path);
  return bound;
}

describe.concurrent("with the manifest as it is", () => {
  beforeAll(async () => {
    await installProduct(on.ground);
  });

  test("TestPodWithHostPathVolume: a plain claim gets a hostPath volume", async () => {
    const name = "plain";
    const bound = await expectPodOn("hostPath", name, [claim(NS, name, "local-path"), pod(NS, name, name)]);
    expect(bound.path).toBe(`${BASE}/${bound.volume.metadata.name}_${NS}_${name}`);
    expect(affinityOf(bound.volume)).toEqual({ key: "kubernetes.io/hostname", value: bound.node });
    await expectRemoved(on.ground, NS, [name], [bound]);
  });

  test("TestPodWithLocalVolume: a claim annotated volumeType: local gets a local volume", async () => {
    const name = "local";
    const local = claim(NS, name, "local-path", { metadata: { annotations: { volumeType: "local" } } });
    const bound = await expectPodOn("local", name, [local, pod(NS, name, name)]);
    await expectRemoved(on.ground, NS, [name], [bound]);
  });

  test("TestPodWithLocalVolumeDefault: a class annotated defaultVolumeType: local makes local volumes", async () => {
    const name = "local-default";
    const bound = await expectPodOn("local", name, [claim(NS, name, "local-by-default"), pod(NS, name, name)]);
    await expectRemoved(on.ground, NS, [name], [bound]);
  });

  test("TestPodWithNodeAffinity: the volume is made on the node the pod is bound to", async () => {
    const name = "affinity";
    const bound = await expectPodOn("hostPath", name, [
      claim(NS, name, "local-path"),
      pod(NS, name, name, {
        spec: {
          affinity: {
            nodeAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: {
                nodeSelectorTerms: [
                  {
                    matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [on.ground.nodes[1]] }],
                  },
                ],
              },
            },
          },
        },
      }),
    ]);
    expect(bound.node).toBe(on.ground.nodes[1]);
    await expectRemoved(on.ground, NS, [name], [bound]);
  });

  test("TestPodWithRWOPVolume: ReadWriteOncePod on a local volume", async () => {
    const name = "rwop";
    const object = claim(NS, name, "local-path", {
      metadata: { annotations: { volumeType: "local" } },
      spec: { accessModes: ["ReadWriteOncePod"] },
    });
    const bound = await expectPodOn("local", name, [object, pod(NS, name, name)]);
    expect(bound.volume.spec.accessModes).toEqual(["ReadWriteOncePod"]);
    await expectRemoved(on.ground, NS, [name], [bound]);
  });

  test("TestPodWithSecurityContext: a pod that is not root writes to its volume and completes", async (context) => {
    on.needs(context, "isolation");
    const name = "not-root";
    await on.ground.apply(
      toYaml(
        claim(NS, name, "local-path"),
        pod(NS, name, name, {
          spec: { restartPolicy: "Never", securityContext: { runAsUser: 1000, fsGroup: 1000 } },
          command: ["sh", "-c", "echo mine > /data/file"],
        }),
      ),
    );
    await expectCompleted(on.ground, NS, name);
    const bound = await expectBound(on.ground, NS, name);
    expect(bound.volume.spec.hostPath).toBeDefined();
    expect(await on.ground.onNode(bound.node).readFile(`${bound.path}/file`)).toBe("mine\n");
    await expectRemoved(on.ground, NS, [name], [bound]);
  });

  test("TestPodWithSubpath: two containers use two subPaths of one claim", async () => {
    const name = "subpath";
    const container = (part: string): object => ({
      name: part,
      image: "docker.io/library/busybox:latest",
      imagePullPolicy: "IfNotPresent",
      command: ["sh", "-c", `echo ${part} > /data/file; sleep 3600`],
      volumeMounts: [{ name: "data", mountPath: "/data", subPath: part }],
    });
    const bound = await expectPodOn("hostPath", name, [
      claim(NS, name, "local-path"),
      pod(NS, name, name, { spec: { containers: [container("one"), container("two")] } }),
    ]);
    const node = on.ground.onNode(bound.node);
    for (const part of ["one", "two"]) {
      await on.ground.waitFor(`${part} to have written`, async () =>
        (await node.exists(`${bound.path}/${part}/file`)) ? true : undefined,
      );
      expect(
        await on.ground.waitFor(
          "the text",
          async () => (await node.readFile(`${bound.path}/${part}/file`)) || undefined,
        ),
      ).toBe(`${part}\n`);
    }
    await expectRemoved(on.ground, NS, [name], [bound]);
  });

  test("TestPodWithCustomNodeAffinityKey: the class's nodeAffinityKey pins the volume by that label", async () => {
    const name = "affinity-key";
    const [node = ""] = on.ground.nodes;
    await labelNode(on.ground, node, { [STABLE_ID]: "my-stable-node" });
    const bound = await expectPodOn("hostPath", name, [
      claim(NS, name, "custom-affinity-key"),
      pod(NS, name, name, { spec: { nodeSelector: { [STABLE_ID]: "my-stable-node" } } }),
    ]);
    expect(affinityOf(bound.volume)).toEqual({ key: STABLE_ID, value: "my-stable-node" });
    // The original does not assert this, and fails at it: it takes the label's value for a node
    // name.
    await expectRemoved(on.ground, NS, [name], [bound]);
  });

  // Both lead to one directory, so each has a node for itself.
  test.each([
    ["TestPodWithSkipPathPatternCheck: the parameter", "unsafe-parameter", 1],
    ["TestPodWithSkipPathPatternCheckByAnnotation: the annotation", "unsafe-annotation", 2],
  ] as const)("%s allowUnsafePathPattern lets a pattern lead out of its prefix", async (_, name, index) => {
    const spec = onHost(on.ground.nodes[index] ?? "");
    const bound = await expectPodOn("hostPath", name, [claim(NS, name, name), pod(NS, name, name, { spec })]);
    expect(bound.path).toBe(`${BASE}/etc`);
    await expectRemoved(on.ground, NS, [name], [bound]);
  });

  test("TestPathTraversalPrevention/BasicDirectoryTraversal: a pattern that leads out of the base directory is refused", async () => {
    const name = "traversal";
    const [node = ""] = on.ground.nodes;
    const before = await on.ground.onNode(node).readFile("/etc/passwd");
    await on.ground.apply(toYaml(claimOn(node, NS, name, name)));
    await expectEvent(
      on.ground,
      { kind: "PersistentVolumeClaim", name, namespace: NS },
      "ProvisioningFailed",
      "pathPattern must start with {{ .PVC.Namespace }}/{{ .PVC.Name }}/: traversal/../../../etc/passwd",
    );
    await expectUnbound(on.ground, NS, name);
    expect(await on.ground.onNode(node).readFile("/etc/passwd")).toBe(before);
    const created = (await productLog(on.ground)).filter(({ msg }) => msg.includes("create the helper pod"));
    expect(created.filter(({ msg }) => msg.includes("passwd"))).toEqual([]);
    await on.ground.delete("PersistentVolumeClaim", name, NS);
    await expectGone(on.ground, "PersistentVolumeClaim", name, NS);
  });
});

describe("with host names that differ from node names", () => {
  test("TestPodWithLegacyAffinityConstraint: a Released volume with host name affinity is cleaned and removed", async () => {
    const { ground } = on;
    await installProduct(ground);
    for (const node of ground.nodes) {
      await labelNode(ground, node, { "kubernetes.io/hostname": `${node}.example.com` });
    }
    const [, node = ""] = ground.nodes;
    const path = `${BASE}/${LEGACY}_${NS}_legacy`;
    await ground.onNode(node).writeFile(`${path}/file`, "old data");
    await ground.apply(
      toYaml(
        releasedVolume(LEGACY, {
          path,
          claim: { namespace: NS, name: "legacy" },
          affinity: { key: "kubernetes.io/hostname", value: `${node}.example.com` },
        }),
      ),
    );
    await expectGone(ground, "PersistentVolume", LEGACY);
    await expectNoDirectory(ground, node, path);
    for (const each of ground.nodes) {
      await labelNode(ground, each, { "kubernetes.io/hostname": each });
    }
  });
});

describe("with storageClassConfigs and a setup script of one's own", () => {
  beforeAll(async () => {
    const local = (...paths: string[]): object => ({
      nodePathMap: [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths }],
    });
    await installProduct(on.ground, {
      config: {
        nodePathMap: [],
        storageClassConfigs: {
          "local-path": local(BASE),
          ownership: local(BASE),
          "by-pattern": local("/mnt/first", "/mnt/second"),
          // Small s, as in the original's README and test: keys match whatever their case.
          shared: { sharedFilesystemPath: "/mnt/shared" },
        },
      },
      setup: [
        "#!/bin/sh",
        "set -eu",
        'mkdir -m 0777 -p "$VOL_DIR"',
        '[ -z "$VOL_USER" ] || chown "$VOL_USER:$VOL_GROUP" "$VOL_DIR"',
        '[ -z "$VOL_PERM" ] || chmod "$VOL_PERM" "$VOL_DIR"',
      ].join("\n"),
    });
  });

  test("TestPodWithCustomPathPatternStorageClasses: a class has its own base paths, nodePath and pattern", async () => {
    const name = "pattern";
    const bound = await expectPodOn("hostPath", name, [claim(NS, name, "by-pattern"), pod(NS, name, name)]);
    expect(bound.path).toBe(`/mnt/second/${NS}/${name}`);
    await expectRemoved(on.ground, NS, [name], [bound]);
  });

  test("TestPodWithUserGroupPermPattern: owner, group and mode of the class reach the directory", async (context) => {
    on.needs(context, "isolation");
    const name = "ownership";
    const labelled = claim(NS, name, "ownership", { metadata: { labels: { group: "2000" } } });
    const bound = await expectPodOn("hostPath", name, [labelled, pod(NS, name, name)]);
    const stat = await on.ground.exec(NS, name, ["stat", "-c", "%a %u %g", "/data"]);
    expect(stat.stdout.trim()).toBe("700 1000 2000");
    await expectRemoved(on.ground, NS, [name], [bound]);
  });

  test("TestPodWithMultipleStorageClasses: a pod uses a local claim and a shared one, which others share", async () => {
    const { ground } = on;
    const [, second = "", third = ""] = ground.nodes;
    // The nodes share no file system here, so one node is all that can be used.
    await cordon(ground, second);
    await cordon(ground, third);
    const shared = claim(NS, "rwx", "shared", { spec: { accessModes: ["ReadWriteMany"] } });
    // What a pod has seen on the shared volume it writes to the local one, where the node shows it.
    const both = (name: string, command: string): object => {
      const mounts = [
        { name: "data", mountPath: "/data" },
        { name: "shared", mountPath: "/shared" },
      ];
      return pod(NS, name, "rwo", {
        command: ["sh", "-c", `${command}; sleep 3600`],
        container: { volumeMounts: mounts },
        spec: {
          volumes: [
            { name: "data", persistentVolumeClaim: { claimName: "rwo" } },
            { name: "shared", persistentVolumeClaim: { claimName: "rwx" } },
          ],
        },
      });
    };
    await ground.apply(toYaml(claim(NS, "rwo", "local-path"), shared));
    // Immediate: Bound before any pod uses it.
    const rwx = await expectBound(ground, NS, "rwx");
    expect(rwx.path).toBe(`/mnt/shared/${rwx.volume.metadata.name}_${NS}_rwx`);
    expect(rwx.volume.spec.nodeAffinity).toBeUndefined();
    expect(rwx.volume.spec.accessModes).toEqual(["ReadWriteMany"]);
    expect(rwx.node).toBe("");

    await ground.apply(toYaml(both("writer", "echo from-writer > /shared/file"), both("reader", AS_SEEN)));
    await Promise.all([expectReady(ground, NS, "writer"), expectReady(ground, NS, "reader")]);
    const rwo = await expectBound(ground, NS, "rwo");
    await ground.waitFor("the other pod to see it", async (saw) => {
      const seen = await ground.onNode(rwo.node).readFile(`${rwo.path}/seen`);
      saw(seen);
      return seen === "from-writer\n" ? true : undefined;
    });
    expect(rwo.path.startsWith(`${BASE}/`)).toBe(true);
    const node = rwo.node;
    await expectDirectory(ground, node, rwx.path);
    await expectRemoved(ground, NS, ["writer", "reader"], [rwo, rwx]);
    await expectNoDirectory(ground, node, rwx.path);
    const warnings = await eventsOn(ground, "PersistentVolumeClaim", "rwx", NS);
    expect(warnings.filter(({ type, reason }) => type === "Warning" && reason !== "FailedBinding")).toEqual([]);
    await cordon(ground, second, false);
    await cordon(ground, third, false);
  });
});
