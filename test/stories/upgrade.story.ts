/*
 * What a cluster holds that has run local-path-provisioner for years: volumes of every version, and
 * whatever helper pods the last one left when it was stopped.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { leaveNothing, openNamespace } from "./support/cleanup.ts";
import {
  expectBound,
  expectDirectory,
  expectGone,
  expectNoDirectory,
  expectNoHelpers,
  expectRemoved,
  expectUnbound,
  helperPods,
} from "./support/expect.ts";
import { toYaml } from "./support/manifest.ts";
import { labelNode } from "./support/nodes.ts";
import type { Claim, Volume } from "./support/objects.ts";
import { installProduct, installWithoutDeployment, PRODUCT_NAMESPACE } from "./support/product.ts";
import { useGround } from "./support/shared-ground.ts";
import { releasedVolume, type VolumeShape } from "./support/volumes.ts";
import { claimOn } from "./support/workloads.ts";

const on = useGround("containers", "load-image", "node-files");
const NS = "upgrade";
const BASE = "/opt/local-path-provisioner";
const RACK = "example.com/rack";
const MANIFEST = "test/stories/manifests/local-path-storage-v0.0.37.yaml";

type Shape = Omit<VolumeShape, "path" | "claim">;

/**
 * What each version has written; every node's host name label differs from its name here, as on
 * some clouds.
 */
const SHAPES: readonly {
  readonly version: string;
  /** Of the directory. */
  readonly folder: (volume: string) => string;
  readonly shape: (node: string) => Shape;
}[] = [
  {
    version: "before v0.0.13: directory pvc-<uid>, the affinity names the node",
    folder: (volume) => volume,
    shape: (node) => ({ affinity: { key: "kubernetes.io/hostname", value: node } }),
  },
  {
    version: "v0.0.13: directory pvc-<uid>_<namespace>_<claim>",
    folder: (volume) => `${volume}_${NS}_c`,
    shape: (node) => ({ affinity: { key: "kubernetes.io/hostname", value: node } }),
  },
  {
    version: "v0.0.20: the affinity has the value of the node's host name label",
    folder: (volume) => `${volume}_${NS}_c`,
    shape: (node) => ({ affinity: { key: "kubernetes.io/hostname", value: hostname(node) } }),
  },
  {
    version: "v0.0.23: local volumes",
    folder: (volume) => `${volume}_${NS}_c`,
    shape: (node) => ({ type: "local", affinity: { key: "kubernetes.io/hostname", value: hostname(node) } }),
  },
  {
    version: "v0.0.25: the annotation selected-node",
    folder: (volume) => `${volume}_${NS}_c`,
    shape: (node) => ({ affinity: { key: "kubernetes.io/hostname", value: hostname(node) }, selectedNode: node }),
  },
  {
    version: "v0.0.27: a directory by pathPattern",
    folder: (volume) => `${NS}/${volume}/data`,
    shape: (node) => ({ affinity: { key: "kubernetes.io/hostname", value: hostname(node) }, selectedNode: node }),
  },
  {
    version: "v0.0.29: matchFields and the annotation",
    folder: (volume) => `${volume}_${NS}_c`,
    shape: (node) => ({ matchFields: node, selectedNode: node }),
  },
  {
    version: "v0.0.29: matchFields, the annotation lost",
    folder: (volume) => `${volume}_${NS}_c`,
    shape: (node) => ({ type: "local", matchFields: node }),
  },
  {
    version: "v0.0.35: a custom nodeAffinityKey, and the annotation",
    folder: (volume) => `${volume}_${NS}_c`,
    shape: (node) => ({ affinity: { key: RACK, value: rack(node) }, selectedNode: node }),
  },
  {
    version: "v0.0.35: a custom nodeAffinityKey, the annotation lost",
    folder: (volume) => `${volume}_${NS}_c`,
    shape: (node) => ({ affinity: { key: RACK, value: rack(node) } }),
  },
];

function hostname(node: string): string {
  return `ip-of-${node}.example.com`;
}
function rack(node: string): string {
  return `rack-of-${node}`;
}

beforeAll(async () => {
  const { ground } = on;
  await openNamespace(ground, NS);
  for (const node of ground.nodes) {
    await labelNode(ground, node, { "kubernetes.io/hostname": hostname(node), [RACK]: rack(node) });
  }
});
afterAll(async () => {
  const { ground } = on;
  for (const node of ground.nodes) {
    await labelNode(ground, node, { "kubernetes.io/hostname": node, [RACK]: null });
  }
  await leaveNothing(ground, { namespace: NS, product: { manifest: MANIFEST } });
});

describe("the original is stopped, and its Deployment gets this image", () => {
  const old = SHAPES.map(({ version, folder, shape }, index) => {
    const name = `pvc-${randomUUID()}`;
    return { version, name, path: `${BASE}/${folder(name)}`, shape, index };
  });
  const nodeOf = (index: number): string => on.ground.nodes[index % on.ground.nodes.length] ?? "";
  const retained = `pvc-${randomUUID()}`;
  const claims = ["made", "failed", "half-way"] as const;
  const uids = new Map<string, string>();
  const abandoned = `pvc-${randomUUID()}`;
  const deleting = `pvc-${randomUUID()}`;
  const deletingPath = `${BASE}/${deleting}_${NS}_deleting`;

  beforeAll(async () => {
    const { ground } = on;
    await installWithoutDeployment(ground, { manifest: MANIFEST });
    for (const { path, index } of old) {
      await ground.onNode(nodeOf(index)).writeFile(`${path}/file`, "years of data");
      // Its neighbour is nobody's business.
      await ground.onNode(nodeOf(index)).writeFile(`${path}-neighbour/file`, "somebody else's");
    }
    const keep = { path: `${BASE}/${retained}`, claim: { namespace: NS, name: "retained" } };
    await ground.onNode(nodeOf(0)).writeFile(`${keep.path}/file`, "kept");

    // Claims that the original was serving when it was stopped, and the helper pods it has left.
    await ground.apply(toYaml(...claims.map((name) => claimOn(nodeOf(1), NS, name, "local-path"))));
    for (const name of claims) {
      const claim = await ground.get<Claim>("PersistentVolumeClaim", name, NS);
      uids.set(name, `pvc-${claim?.metadata.uid ?? ""}`);
    }
    await ground.onNode(nodeOf(2)).writeFile(`${deletingPath}/file`, "on its way out");
    await ground.apply(
      toYaml(
        leftHelper(
          "create",
          uids.get("made") ?? "",
          nodeOf(1),
          `${uids.get("made")}_${NS}_made`,
          'mkdir -m 0777 -p "$VOL_DIR"; touch "$VOL_DIR/made-by-the-original"',
        ),
        leftHelper("create", uids.get("failed") ?? "", nodeOf(1), `${uids.get("failed")}_${NS}_failed`, "exit 1"),
        leftHelper(
          "create",
          uids.get("half-way") ?? "",
          nodeOf(1),
          `${uids.get("half-way")}_${NS}_half-way`,
          'until [ -e "$VOL_DIR-goes-on" ]; do sleep 0.1; done; rm "$VOL_DIR-goes-on"; mkdir -m 0777 -p "$VOL_DIR"; touch "$VOL_DIR/made-by-the-original"',
        ),
        leftHelper(
          "create",
          abandoned,
          nodeOf(2),
          `${abandoned}_${NS}_abandoned`,
          'mkdir -m 0777 -p "$VOL_DIR"; touch "$VOL_DIR/file"',
        ),
        leftHelper("delete", deleting, nodeOf(2), `${deleting}_${NS}_deleting`, "exit 1"),
      ),
    );
    await ground.waitFor("the left helper pods to have got where they were", async (saw) => {
      const phases = (await helperPods(ground)).map(({ status }) => status.phase).toSorted();
      saw(phases);
      return phases.join() === "Failed,Failed,Running,Succeeded,Succeeded" ? true : undefined;
    });

    const affinity = { key: "kubernetes.io/hostname", value: hostname(nodeOf(0)) };
    await ground.apply(
      toYaml(
        ...old.map(({ name, path, shape, index }) =>
          releasedVolume(name, { path, claim: { namespace: NS, name: `old-${index}` }, ...shape(nodeOf(index)) }),
        ),
        releasedVolume(retained, { ...keep, affinity, reclaimPolicy: "Retain" }),
        releasedVolume(deleting, {
          path: deletingPath,
          claim: { namespace: NS, name: "deleting" },
          affinity: { key: "kubernetes.io/hostname", value: hostname(nodeOf(2)) },
          selectedNode: nodeOf(2),
        }),
      ),
    );
    await installProduct(ground, { manifest: MANIFEST });
    // It serves, and waits for the one that still runs; now that may end.
    await Promise.all([expectBound(ground, NS, "made"), expectBound(ground, NS, "failed")]);
    await expectUnbound(ground, NS, "half-way");
    await ground.onNode(nodeOf(1)).writeFile(`${BASE}/${uids.get("half-way")}_${NS}_half-way-goes-on`, "");
  });
  afterAll(async () => {
    await on.ground.delete("PersistentVolume", retained);
    await on.ground.onNode(nodeOf(0)).exec(["rm", "-rf", `${BASE}/${retained}`]);
  });

  test.each(old.map((one) => [one.version, one] as const))(
    "a volume of %s is deleted, its directory too, and nothing besides",
    async (_, { name, path, index }) => {
      await expectGone(on.ground, "PersistentVolume", name);
      await expectNoDirectory(on.ground, nodeOf(index), path);
      const neighbour = `${path}-neighbour`;
      expect(await on.ground.onNode(nodeOf(index)).readFile(`${neighbour}/file`)).toBe("somebody else's");
      await on.ground.onNode(nodeOf(index)).exec(["rm", "-r", neighbour]);
    },
  );

  test("a directory that the original's helper pod had made is taken over, one that failed is made anew, one that still runs is waited for", async () => {
    const { ground } = on;
    const bound = await Promise.all(claims.map(async (name) => expectBound(ground, NS, name)));
    for (const { claim, volume, node, path } of bound) {
      expect(node).toBe(nodeOf(1));
      expect(path).toBe(`${BASE}/${volume.metadata.name}_${NS}_${claim.metadata.name}`);
      await expectDirectory(ground, node, path);
      const theirs = await ground.onNode(node).exists(`${path}/made-by-the-original`);
      expect(theirs, claim.metadata.name).toBe(claim.metadata.name !== "failed");
    }
    await expectRemoved(ground, NS, [], bound);
  });

  test("what was made for a claim that is gone is removed, and a deletion that had failed is done", async () => {
    const { ground } = on;
    await expectGone(ground, "Pod", `helper-pod-create-${abandoned}`, PRODUCT_NAMESPACE);
    await expectNoDirectory(ground, nodeOf(2), `${BASE}/${abandoned}_${NS}_abandoned`);
    await expectGone(ground, "PersistentVolume", deleting);
    await expectNoDirectory(ground, nodeOf(2), deletingPath);
    await expectNoHelpers(ground);
  });

  test("a Retain volume is left alone", async () => {
    const { ground } = on;
    expect((await ground.get<Volume>("PersistentVolume", retained))?.status.phase).toBe("Released");
    expect(await ground.onNode(nodeOf(0)).readFile(`${BASE}/${retained}/file`)).toBe("kept");
  });
});

/**
 * A helper pod as the original makes it: no annotations, the path only in environment and
 * arguments. The script stands in the command, to play how far it had come.
 */
function leftHelper(action: "create" | "delete", volume: string, node: string, folder: string, script: string): object {
  const directory = `${BASE}/${folder}`;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `helper-pod-${action}-${volume}`, namespace: PRODUCT_NAMESPACE },
    spec: {
      nodeName: node,
      serviceAccountName: "local-path-provisioner-service-account",
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: "helper-pod",
          image: "docker.io/library/busybox",
          imagePullPolicy: "IfNotPresent",
          command: ["/bin/sh", "-c", script],
          args: ["-p", directory, "-s", "67108864", "-m", "Filesystem", "-a", action],
          env: [
            { name: "VOL_DIR", value: directory },
            { name: "VOL_MODE", value: "Filesystem" },
            { name: "VOL_SIZE_BYTES", value: "67108864" },
            { name: "VOL_USER", value: "" },
            { name: "VOL_GROUP", value: "" },
            { name: "VOL_PERM", value: "" },
          ],
          volumeMounts: [
            { name: "data", mountPath: `${BASE}/` },
            { name: "script", mountPath: "/script" },
          ],
        },
      ],
      volumes: [
        { name: "data", hostPath: { path: `${BASE}/`, type: "DirectoryOrCreate" } },
        {
          name: "script",
          configMap: {
            name: "local-path-config",
            items: ["setup", "teardown"].map((key) => ({ key, path: key })),
          },
        },
      ],
    },
  };
}
