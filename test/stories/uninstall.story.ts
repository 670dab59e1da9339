/* The manifest is deleted while the product is dead: none of its own objects stays. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { leaveNothing, openNamespace } from "./support/cleanup.ts";
import { expectBound } from "./support/expect.ts";
import { toYaml } from "./support/manifest.ts";
import type { Volume } from "./support/objects.ts";
import { installProduct, PRODUCT_NAMESPACE, productPods, uninstallProduct } from "./support/product.ts";
import { useGroundForLongWaits } from "./support/shared-ground.ts";
import { claimOn } from "./support/workloads.ts";

const on = useGroundForLongWaits("containers", "load-image", "node-files");
const NS = "uninstall";
type Owned = Volume & { metadata: { ownerReferences?: readonly { readonly name: string }[] } };
/** More than kube-controller-manager binds in a second, so that express bind is needed. */
const CLAIMS = 60;

beforeAll(async () => {
  await openNamespace(on.ground, NS);
  await installProduct(on.ground, { replicas: 1 });
});
afterAll(async () => {
  // Somebody has to remove the volumes.
  await installProduct(on.ground, { replicas: 1 });
  await leaveNothing(on.ground, { namespace: NS });
});

test("the canary of a leader that was killed goes with the namespace, and the users' volumes stay", async () => {
  const { ground } = on;
  const { nodes } = ground;
  const names = Array.from({ length: CLAIMS }, (_, index) => `claim-${index}`);
  await ground.apply(
    toYaml(...names.map((name, index) => claimOn(nodes[index % nodes.length] ?? "", NS, name, "local-path"))),
  );
  await ground.waitFor("a canary", async () => ((await canaries()).length > 0 ? true : undefined), { everyMs: 20 });
  for (const name of names) await expectBound(ground, NS, name);
  for (const { metadata } of await productPods(ground)) await ground.killContainers(PRODUCT_NAMESPACE, metadata.name);
  await uninstallProduct(ground);
  await ground.waitFor("the canary to be gone", async (saw) => {
    const left = await canaries();
    saw(left);
    return left.length === 0 ? true : undefined;
  });
  const volumes = await ground.list<Volume>("persistentvolumes");
  expect(volumes.filter(({ spec }) => spec.claimRef?.namespace === NS)).toHaveLength(CLAIMS);
});

/** Those of this installation: the movable driver may be installed as well. */
async function canaries(): Promise<readonly string[]> {
  const volumes = await on.ground.list<Owned>("persistentvolumes");
  return volumes
    .filter(({ metadata }) => metadata.ownerReferences?.some(({ name }) => name === PRODUCT_NAMESPACE) === true)
    .map(({ metadata }) => metadata.name)
    .filter((name) => name.startsWith("mooring-canary-"));
}
