/*
 * A PersistentVolume that somebody made by hand and marked as the provisioner's own: kept ready in
 * a pool, or restored by a backup tool. Its name is not pvc-<uid>.
 */
import { afterAll, beforeAll, test } from "vitest";
import { leaveNothing, openNamespace } from "./support/cleanup.ts";
import { expectDirectory, expectEvent, expectGone, expectNoDirectory, expectNoHelpers } from "./support/expect.ts";
import { toYaml } from "./support/manifest.ts";
import type { Claim } from "./support/objects.ts";
import { installProduct } from "./support/product.ts";
import { useGroundForLongWaits } from "./support/shared-ground.ts";
import { handMadeVolume } from "./support/volumes.ts";
import { claim } from "./support/workloads.ts";

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
  await ground.apply(
    toYaml(handMadeVolume(name, node, path), claim(NS, "warm", "local-path", { spec: { volumeName: name } })),
  );
  await ground.waitFor("the claim to be bound", async (saw) => {
    const found = await ground.get<Claim>("PersistentVolumeClaim", "warm", NS);
    saw(found?.status);
    return found?.status?.phase === "Bound" ? true : undefined;
  });
  await ground.delete("PersistentVolumeClaim", "warm", NS);
  await expectEvent(ground, { kind: "PersistentVolume", name }, "VolumeFailedDelete", "exit code 1");
  await expectDirectory(ground, node, path);
  await ground.onNode(node).writeFile(`${path}/mended`, "");
  await expectGone(ground, "PersistentVolume", name);
  await expectNoDirectory(ground, node, path);
  await expectNoHelpers(ground);
});
