/*
 * The rights of local-path-provisioner's Helm chart. Its role is that of the manifest with one verb
 * more, `update` on claims: enough to send a claim back to the scheduler, and too little for what
 * the product does besides.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { leaveNothing, openNamespace } from "./support/cleanup.ts";
import {
  expectBound,
  expectDirectory,
  expectEvent,
  expectNoHelpers,
  expectReady,
  expectRemoved,
  expectUnbound,
  helperPods,
} from "./support/expect.ts";
import { toYaml, type ManifestObject } from "./support/manifest.ts";
import { cordon } from "./support/nodes.ts";
import { installProduct, productLog, PRODUCT_NAMESPACE, type LogLine } from "./support/product.ts";
import { useGroundForLongWaits } from "./support/shared-ground.ts";
import { claim, claimOn, pod } from "./support/workloads.ts";

const on = useGroundForLongWaits("containers", "load-image", "node-files");
const NS = "helm-role";
const MANIFEST = "test/stories/manifests/local-path-storage-v0.0.37.yaml";
/** As the chart names things in a release called `storage`. */
const FULL_NAME = "storage-local-path-provisioner";
const PROVISIONER = `cluster.local/${FULL_NAME}`;
const BASE = "/opt/local-path-provisioner";
const FLAGS = [
  `--service-account-name=${FULL_NAME}`,
  `--provisioner-name=${PROVISIONER}`,
  "--helper-image=docker.io/library/busybox:latest",
  "--configmap-name=local-path-config",
];

interface Rule {
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** What the chart has otherwise than the manifest. */
function asTheChart(object: ManifestObject): void {
  if (object.kind === "ClusterRole") {
    const update: Rule & { apiGroups: string[] } = {
      apiGroups: [""],
      resources: ["persistentvolumeclaims"],
      verbs: ["update"],
    };
    object["rules"] = [...(object["rules"] as Rule[]), update];
  }
  if (object.kind === "StorageClass") object["provisioner"] = PROVISIONER;
  if (object.kind === "ServiceAccount") Object.assign(object.metadata, { name: FULL_NAME });
  for (const subject of (object["subjects"] as { name: string }[] | undefined) ?? []) subject.name = FULL_NAME;
  if (object.kind === "Deployment") {
    const { template } = object["spec"] as { template: { spec: { serviceAccountName: string } } };
    template.spec.serviceAccountName = FULL_NAME;
  }
}

beforeAll(async () => {
  const { ground } = on;
  const [first = ""] = ground.nodes;
  await openNamespace(ground, NS);
  await installProduct(ground, {
    manifest: MANIFEST,
    edit: asTheChart,
    args: FLAGS,
    config: {
      nodePathMap: [
        { node: first, paths: [] },
        { node: "DEFAULT_PATH_FOR_NON_LISTED_NODES", paths: [BASE] },
      ],
    },
  });
});
beforeEach(async () => {
  for (const node of on.ground.nodes) await cordon(on.ground, node, false);
});
afterAll(async () => {
  for (const node of on.ground.nodes) await cordon(on.ground, node, false);
  await leaveNothing(on.ground, { namespace: NS, product: { manifest: MANIFEST } });
});

test("a claim of the release's own provisioner becomes a volume, and is removed again", async () => {
  const { ground } = on;
  const [first = ""] = ground.nodes;
  await cordon(ground, first);
  await ground.apply(toYaml(claim(NS, "c", "local-path"), pod(NS, "p", "c")));
  await expectReady(ground, NS, "p");
  const bound = await expectBound(ground, NS, "c");
  expect(bound.volume.metadata.annotations?.["pv.kubernetes.io/provisioned-by"]).toBe(PROVISIONER);
  expect(bound.path).toBe(`${BASE}/${bound.volume.metadata.name}_${NS}_c`);
  await expectDirectory(ground, bound.node, bound.path);
  await expectRemoved(ground, NS, ["p"], [bound]);
  await expectNoHelpers(ground);
});

test("a claim whose node has no path loses that node by `update`, and its pod runs where there is one", async () => {
  const { ground } = on;
  const [first = "", ...others] = ground.nodes;
  const name = "unlucky";
  for (const other of others) await cordon(ground, other);
  const mine = { "stories.mooring.dev/mine": "stays" };
  await ground.apply(
    toYaml(claim(NS, name, "local-path", { metadata: { annotations: mine, labels: mine } }), pod(NS, name, name)),
  );
  // The pod fits nowhere else yet, so the scheduler chooses the node that has none, again and
  // again.
  await expectEvent(
    ground,
    { kind: "PersistentVolumeClaim", name, namespace: NS },
    "ProvisioningFailed",
    `node ${first} cannot hold the volume, the scheduler is asked for another one: failed to provision volume with StorageClass "local-path": no local path available on node ${first}`,
  );
  await expectUnbound(ground, NS, name);
  await ground.waitFor("the claim to have been sent back a second time", async (saw) => {
    const back = await sentBack(name);
    saw(back);
    return back.length > 1 ? true : undefined;
  });
  expect(await helperPods(ground)).toEqual([]);

  await cordon(ground, first);
  for (const other of others) await cordon(ground, other, false);
  // A scheduler never takes the node off a claim itself: had it stayed, the pod could run nowhere.
  const running = await expectReady(ground, NS, name);
  expect(others).toContain(running.spec.nodeName);
  const bound = await expectBound(ground, NS, name);
  expect(bound.node).toBe(running.spec.nodeName);
  expect(bound.claim.metadata.annotations).toMatchObject(mine);
  expect(bound.claim.metadata.labels).toEqual(mine);
  await expectDirectory(ground, bound.node, bound.path);
  await expectRemoved(ground, NS, [name], [bound]);
});

test("a claim whose node is gone, for which the chart has the verb, is served on another one", async () => {
  const { ground } = on;
  const [first = ""] = ground.nodes;
  const name = "bereft";
  await cordon(ground, first);
  await ground.apply(toYaml(claimOn("never-was", NS, name, "local-path"), pod(NS, name, name)));
  await expectReady(ground, NS, name);
  const bound = await expectBound(ground, NS, name);
  expect(await sentBack(name)).toMatchObject([{ node: "never-was" }]);
  await expectRemoved(ground, NS, [name], [bound]);
});

test("what the role forbids is told once, and nowhere else in the log", async () => {
  const lines = await productLog(on.ground);
  const told = lines.filter(({ msg }) => msg === "some rights are missing: running as local-path-provisioner would");
  expect(told).toMatchObject([
    {
      level: "warn",
      leaderElection: false,
      expressBind: false,
      missing: [
        "get leases",
        "create leases",
        "update leases",
        "patch persistentvolumeclaims",
        "patch persistentvolumeclaims/status",
        "patch persistentvolumes/status",
      ],
    },
  ]);
  expect(lines.filter((line) => /forbidden|cannot (?:patch|update|get|create)/i.test(JSON.stringify(line)))).toEqual(
    [],
  );
  expect(await on.ground.list("leases", { namespace: PRODUCT_NAMESPACE })).toEqual([]);
});

async function sentBack(name: string): Promise<readonly LogLine[]> {
  const lines = await productLog(on.ground);
  return lines.filter(({ msg, claim: of }) => msg === "claim sent back to the scheduler" && of === `${NS}/${name}`);
}
