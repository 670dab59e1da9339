/* The manifests that people have, with nothing but the image exchanged. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { leaveNothing, openNamespace } from "./support/cleanup.ts";
import { expectBound, expectDirectory, expectNoHelpers, expectReady, expectRemoved } from "./support/expect.ts";
import { helperTemplate } from "./support/helper-template.ts";
import { toYaml } from "./support/manifest.ts";
import { askProduct, installProduct, productLog, productPods, PRODUCT_NAMESPACE } from "./support/product.ts";
import { useGround } from "./support/shared-ground.ts";
import { claim, pod } from "./support/workloads.ts";

const on = useGround("containers", "load-image", "node-files");
const MANIFEST = "test/stories/manifests/local-path-storage-v0.0.37.yaml";

describe("local-path-provisioner v0.0.37's own manifest", () => {
  const NS = "original";
  beforeAll(async () => {
    await openNamespace(on.ground, NS);
    await installProduct(on.ground, { manifest: MANIFEST });
  });
  afterAll(async () => {
    await leaveNothing(on.ground, { namespace: NS, product: { manifest: MANIFEST } });
  });

  test("serves a pod and removes its directory", async () => {
    const { ground } = on;
    await ground.apply(toYaml(claim(NS, "c", "local-path"), pod(NS, "p", "c")));
    const running = await expectReady(ground, NS, "p");
    const bound = await expectBound(ground, NS, "c");
    expect(bound.node).toBe(running.spec.nodeName);
    expect(bound.path).toBe(`/opt/local-path-provisioner/${bound.volume.metadata.name}_${NS}_c`);
    await expectDirectory(ground, bound.node, bound.path);
    await expectRemoved(ground, NS, ["p"], [bound]);
    await expectNoHelpers(ground);
  });

  test("runs with the original's rights as the original did: no Lease, ordinary bind, and one log line says so", async () => {
    const { ground } = on;
    await ground.apply(toYaml(claim(NS, "ordinary", "local-path"), pod(NS, "ordinary", "ordinary")));
    await expectReady(ground, NS, "ordinary");
    const bound = await expectBound(ground, NS, "ordinary");
    expect(await ground.list("leases", { namespace: PRODUCT_NAMESPACE })).toEqual([]);
    const [only] = await productPods(ground);
    const { text } = await askProduct(ground, only?.metadata.name ?? "", "/metrics");
    expect(text).not.toMatch(/^mooring_claims_bound_total\{by="express"\} [1-9]/m);
    const lines = await productLog(ground);
    const said = lines.filter(({ msg }) => msg === "some rights are missing: running as local-path-provisioner would");
    expect(said).toMatchObject([{ level: "warn", leaderElection: false, expressBind: false }]);
    expect(said[0]?.["missing"]).toEqual([
      "get leases",
      "create leases",
      "update leases",
      "patch persistentvolumeclaims",
      "patch persistentvolumeclaims/status",
      "patch persistentvolumes/status",
    ]);
    const forbidden = lines.filter((line) => JSON.stringify(line).includes("forbidden"));
    expect(forbidden, "nothing is tried that is not allowed").toEqual([]);
    await expectRemoved(ground, NS, ["ordinary"], [bound]);
  });
});

describe("as k3s bundles it: in kube-system, with local volumes and a setup script of its own", () => {
  const NS = "bundled";
  const BASE = "/var/lib/rancher/k3s/storage";
  const product = { manifest: MANIFEST, namespace: "kube-system" };
  beforeAll(async () => {
    await openNamespace(on.ground, NS);
    await installProduct(on.ground, {
      ...product,
      config: { nodePathMap: [{ node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: [BASE] }] },
      setup: '#!/bin/sh\nset -eu\nmkdir -m 0777 -p "${VOL_DIR}"\nchmod 700 "${VOL_DIR}/.."\n',
      helperPod: helperTemplate({ container: { image: "docker.io/rancher/mirrored-library-busybox:1.37.0" } }),
    });
    const annotations = { defaultVolumeType: "local", "storageclass.kubernetes.io/is-default-class": "true" };
    await on.ground.patch("StorageClass", "local-path", { metadata: { annotations } });
  });
  afterAll(async () => {
    await leaveNothing(on.ground, { namespace: NS, product });
  });

  test("a claim that names no class gets a local volume, and its directory goes with it", async () => {
    const { ground } = on;
    const { storageClassName: _, ...spec } = (claim(NS, "c", "") as { spec: Record<string, unknown> }).spec;
    await ground.apply(toYaml({ ...claim(NS, "c", ""), spec }, pod(NS, "p", "c")));
    await expectReady(ground, NS, "p");
    const bound = await expectBound(ground, NS, "c");
    expect(bound.volume.spec.local?.path).toBe(`${BASE}/${bound.volume.metadata.name}_${NS}_c`);
    const mode = await ground.onNode(bound.node).exec(["stat", "-c", "%a", BASE]);
    expect(mode.stdout.trim()).toBe("700");
    await expectRemoved(ground, NS, ["p"], [bound]);
    await expectNoHelpers(ground, { namespace: "kube-system" });
  });
});
