/*
 * A PersistentVolume that somebody made by hand and marked as the provisioner's own: kept ready in
 * a pool, or restored by a backup tool. Its name is not pvc-<uid>.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { leaveNothing, openNamespace } from "./support/cleanup.ts";
import { expectDirectory, expectEvent, expectGone, expectNoDirectory, helperPods } from "./support/expect.ts";
import { toYaml } from "./support/manifest.ts";
import type { Claim } from "./support/objects.ts";
import { installProduct } from "./support/product.ts";
import { useGroundForLongWaits } from "./support/shared-ground.ts";

const on = useGroundForLongWaits("containers", "load-image", "node-files");
const NS = "hand-named";
const BASE = "/opt/local-path-provisioner";
/** Fails until somebody has mended what was wrong. */
const TEARDOWN = ["#!/bin/sh", "set -eu", '[ -e "$VOL_DIR/mended" ]', 'rm -rf "$VOL_DIR"', ""].join("\n");

beforeAll(async () => {
  await openNamespace(on.ground, NS);
  await installProduct(on.ground, {
    config: { nodePathMap: [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: [BASE] }] },
    teardown: TEARDOWN,
  });
});
afterAll(async () => {
  await leaveNothing(on.ground, { namespace: NS });
});

test("a teardown of a hand-named volume that failed once is run again", async () => {
  const { ground } = on;
  const [node = ""] = ground.nodes;
  const name = "warm-node-a-0";
  const path = `${BASE}/warm-0`;
  await ground.onNode(node).writeFile(`${path}/data`, "kept until it is to go");
  await ground.apply(toYaml(handMade(node, name, path), claimOf(name)));
  await ground.waitFor("the claim to be bound", async (saw) => {
    const claim = await ground.get<Claim>("PersistentVolumeClaim", "warm", NS);
    saw(claim?.status);
    return claim?.status?.phase === "Bound" ? true : undefined;
  });
  await ground.delete("PersistentVolumeClaim", "warm", NS);
  await expectEvent(ground, { kind: "PersistentVolume", name }, "VolumeFailedDelete", "exit code 1");
  await expectDirectory(ground, node, path);
  await ground.onNode(node).writeFile(`${path}/mended`, "");
  await expectGone(ground, "PersistentVolume", name);
  await expectNoDirectory(ground, node, path);
  expect(await helperPods(ground)).toEqual([]);
});

function handMade(node: string, name: string, path: string): object {
  const expression = { key: "kubernetes.io/hostname", operator: "In", values: [node] };
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name, annotations: { "pv.kubernetes.io/provisioned-by": "rancher.io/local-path" } },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Delete",
      storageClassName: "local-path",
      hostPath: { path, type: "DirectoryOrCreate" },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [expression] }] } },
    },
  };
}

function claimOf(volumeName: string): object {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "warm", namespace: NS },
    spec: {
      storageClassName: "local-path",
      volumeName,
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "1Gi" } },
    },
  };
}
