/*
 * k3s and kind: what their users have of local-path-provisioner stays when the product takes its
 * place by the manifest for it. Only the images are exchanged for those that the nodes have.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { leaveNothing, openNamespace } from "./support/cleanup.ts";
import { expectBound, expectGone, expectNoDirectory, expectReady } from "./support/expect.ts";
import { helperTemplate } from "./support/helper-template.ts";
import { toYaml } from "./support/manifest.ts";
import { installProduct } from "./support/product.ts";
import { useGround } from "./support/shared-ground.ts";
import { claim, pod } from "./support/workloads.ts";

const on = useGround("containers", "load-image", "node-files", "isolation");

const DISTRIBUTIONS = [
  {
    name: "k3s",
    manifest: "deploy/k3s-local-storage.yaml",
    namespace: "kube-system",
    className: "local-path",
    base: "/var/lib/rancher/k3s/storage",
    type: "local",
    // Of the volume's directory as its pod sees it, and of its parent.
    group: "1000",
    parentMode: "700",
  },
  {
    name: "kind",
    manifest: "deploy/kind-local-path-storage.yaml",
    namespace: undefined,
    className: "standard",
    base: "/var/local-path-provisioner",
    type: "hostPath",
    group: "0",
    parentMode: "755",
  },
] as const;

describe.each(DISTRIBUTIONS)("on $name", ({ name, base, className, group, manifest, namespace, parentMode, type }) => {
  const NS = `on-${name}`;
  const product = { manifest, ...(namespace === undefined ? {} : { namespace }) };
  beforeAll(async () => {
    await openNamespace(on.ground, NS);
    await installProduct(on.ground, { ...product, helperPod: helperTemplate() });
  });
  afterAll(async () => {
    await leaveNothing(on.ground, { namespace: NS, product });
  });

  test("a claim that names no class gets a volume as it did before", async () => {
    const { ground } = on;
    const { spec, ...rest } = claim(NS, "data", "") as { spec: { storageClassName?: string } };
    delete spec.storageClassName;
    const securityContext = { runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 };
    await ground.apply(toYaml({ ...rest, spec }, pod(NS, "app", "data", { spec: { securityContext } })));
    await expectReady(ground, NS, "app");
    const bound = await expectBound(ground, NS, "data");
    expect(bound.volume.spec.storageClassName).toBe(className);
    expect(bound.volume.spec).toHaveProperty(type);
    expect(bound.path).toBe(`${base}/${bound.volume.metadata.name}_${NS}_data`);
    const { stdout } = await ground.exec(NS, "app", ["sh", "-c", "touch /data/x && stat -c %g /data"]);
    expect(stdout).toBe(`${group}\n`);
    const parent = await ground.onNode(bound.node).exec(["stat", "-c", "%a", base]);
    expect(parent.stdout).toBe(`${parentMode}\n`);
    await ground.delete("Pod", "app", NS);
    await ground.delete("PersistentVolumeClaim", "data", NS);
    await expectGone(ground, "PersistentVolume", bound.volume.metadata.name);
    await expectNoDirectory(ground, bound.node, bound.path);
  });
});
