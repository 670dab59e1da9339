/*
 * A PersistentVolume that somebody made by hand and marked as the provisioner's own: kept ready in
 * a pool, or restored by a backup tool. Its name is not pvc-<uid>, or the UID of its claim is that
 * of a claim which is gone.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { leaveNothing, openNamespace } from "./support/cleanup.ts";
import { expectDirectory, expectEvent, expectGone, expectNoDirectory, expectNoHelpers } from "./support/expect.ts";
import { toYaml } from "./support/manifest.ts";
import { eventMatching } from "./support/movable-objects.ts";
import type { Claim, Meta, Volume } from "./support/objects.ts";
import { installProduct } from "./support/product.ts";
import { useGroundForLongWaits } from "./support/shared-ground.ts";
import { handMadeVolume, releasedVolume } from "./support/volumes.ts";
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

test("a volume that was restored with the UID of an earlier claim keeps its directory for the present one", async () => {
  const { ground } = on;
  const [node = ""] = ground.nodes;
  const name = "restored-0";
  const path = `${BASE}/restored-0`;
  await ground.onNode(node).writeFile(`${path}/data`, "kept for the claim");
  await ground.onNode(node).writeFile(`${path}/mended`, "");
  await ground.apply(toYaml(claim(NS, "restored", "local-path", { spec: { volumeName: name } })));
  const affinity = { key: "kubernetes.io/hostname", value: node };
  await ground.apply(toYaml(releasedVolume(name, { path, claim: { namespace: NS, name: "restored" }, affinity })));
  const told = await eventMatching(ground, { kind: "PersistentVolume", name }, /belongs to an earlier claim/);
  expect(told).toMatch(/^VolumeClaimedByAnother/);
  expect((await ground.get<Volume>("PersistentVolume", name))?.status.phase).toBe("Released");
  await expectDirectory(ground, node, path);
  await expectNoHelpers(ground);

  const { metadata } = (await ground.get<{ metadata: Meta }>("PersistentVolumeClaim", "restored", NS)) ?? {};
  await ground.patch("PersistentVolume", name, { spec: { claimRef: { uid: metadata?.uid } } });
  await ground.waitFor("the claim to be bound", async (saw) => {
    const found = await ground.get<Claim>("PersistentVolumeClaim", "restored", NS);
    saw(found?.status);
    return found?.status?.phase === "Bound" ? true : undefined;
  });
  expect(await ground.onNode(node).readFile(`${path}/data`)).toBe("kept for the claim");
  await ground.delete("PersistentVolumeClaim", "restored", NS);
  await expectGone(ground, "PersistentVolume", name);
  await expectNoDirectory(ground, node, path);
  await expectNoHelpers(ground);
});
