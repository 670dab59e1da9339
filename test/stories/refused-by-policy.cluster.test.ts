/*
 * Admission policies that refuse what the product writes: told once with the server's words, done
 * without, and tried again only after minutes. A real API server only: the lab's has no policies.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { leaveNothing, openNamespace } from "./support/cleanup.ts";
import { eventsOn, expectBound, expectEvent, expectRemoved, type BoundClaim } from "./support/expect.ts";
import { toYaml } from "./support/manifest.ts";
import type { KubeEvent } from "./support/objects.ts";
import { installProduct, productLog, type LogLine } from "./support/product.ts";
import { useGround } from "./support/shared-ground.ts";
import { claimOn, pod } from "./support/workloads.ts";

const on = useGround("containers", "load-image", "node-files", "control-plane", "kubectl");
const NS = "refused-by-policy";
const SELECTED_NODE = "volume.kubernetes.io/selected-node";
const MINUTES_MS = 300_000;

interface Policy {
  readonly name: string;
  readonly operation: "CREATE" | "UPDATE";
  readonly resource: string;
  /** True: allowed. No reason is given, so the server answers 422, as for an invalid object. */
  readonly expression: string;
  readonly message: string;
}

/** "In this cluster PersistentVolumes are local ones." */
const LOCAL_ONLY: Policy = {
  name: "stories-local-volumes-only",
  operation: "CREATE",
  resource: "persistentvolumes",
  expression: "has(object.spec.hostPath) || has(object.spec.local)",
  message: "only local volumes are allowed here",
};

const hasNode = (object: string): string =>
  `(has(${object}.metadata.annotations) && "${SELECTED_NODE}" in ${object}.metadata.annotations)`;
const NODE_STAYS: Policy = {
  name: "stories-node-stays",
  operation: "UPDATE",
  resource: "persistentvolumeclaims",
  expression: `!${hasNode("oldObject")} || ${hasNode("object")}`,
  message: "a claim keeps the node it was given",
};

beforeAll(async () => {
  const { ground } = on;
  await openNamespace(ground, NS);
  await ground.apply(toYaml(...objectsOf(LOCAL_ONLY), ...objectsOf(NODE_STAYS)));
  await inForce(LOCAL_ONLY, ["create", "--filename=-"], toYaml(foreignVolume()));
  await ground.apply(toYaml(claimOn("no-such-node", NS, "probe", "no-such-class")));
  await inForce(NODE_STAYS, ["annotate", "pvc", "probe", `--namespace=${NS}`, `${SELECTED_NODE}-`]);
  // Only now: a canary that is there already is not created again.
  await installProduct(ground, { replicas: 1 });
});
afterAll(async () => {
  for (const { name } of [LOCAL_ONLY, NODE_STAYS]) {
    await on.ground.delete("ValidatingAdmissionPolicyBinding", name);
    await on.ground.delete("ValidatingAdmissionPolicy", name);
  }
  await leaveNothing(on.ground, { namespace: NS });
});

test("a canary and a change of a claim that policies refuse: each is told once, claims are bound nevertheless, and nothing is tried again for minutes", async () => {
  const { ground } = on;
  const [node = ""] = ground.nodes;
  const before = { canary: await denials(LOCAL_ONLY), claim: await denials(NODE_STAYS) };

  // A claim that should get another node, and may not. It has what the controller manager would
  // write: any change of the claim is a reason to try again at once.
  const annotations = { "volume.kubernetes.io/storage-provisioner": "rancher.io/local-path" };
  await ground.apply(toYaml(claimOn("no-such-node", NS, "stuck", "local-path", { annotations })));
  const stuck = { kind: "PersistentVolumeClaim", name: "stuck", namespace: NS };
  const failed = await expectEvent(ground, stuck, "ProvisioningFailed", NODE_STAYS.message);
  expect(failed.message).toContain("the scheduler should choose another node, but the claim may not be changed: ");

  // Claims that only the product can bind ask for the canary.
  await ground.killComponent("controller-manager");
  try {
    await ground.apply(toYaml(...["a", "b", "c"].map((name) => claimOn(node, NS, name, "local-path"))));
    await expectTold();
  } finally {
    await ground.startComponent("controller-manager");
  }
  const bound: BoundClaim[] = [];
  for (const name of ["a", "b", "c"]) bound.push(await expectBound(ground, NS, name));
  // Later ones ask again.
  await ground.apply(toYaml(claimOn(node, NS, "later", "local-path"), pod(NS, "app", "later")));
  bound.push(await expectBound(ground, NS, "later"));

  expect(await denials(LOCAL_ONLY)).toBe(before.canary + 1);
  expect(await denials(NODE_STAYS)).toBe(before.claim + 1);
  expect((await expressBindOff()).map(({ count = 1 }) => count)).toEqual([1]);
  const failures = (await eventsOn(ground, stuck.kind, stuck.name, NS)).filter(
    ({ reason }) => reason === "ProvisioningFailed",
  );
  expect(failures.map(({ count = 1 }) => count)).toEqual([1]);

  const log = await productLog(ground);
  const refusals = log.filter(({ msg }) => msg === "the acknowledgement canary was refused, express bind is off");
  expect(refusals).toEqual([
    expect.objectContaining({ why: expect.stringContaining(LOCAL_ONLY.message) as unknown, againInMinutes: 5 }),
  ]);
  const ofStuck = (line: LogLine): boolean => line["claim"] === `${NS}/stuck` && line.msg === "provisioning failed";
  expect(log.filter(ofStuck)).toEqual([
    expect.objectContaining({ code: "PROVISION_RESCHEDULE_REFUSED", requeueAfterMs: MINUTES_MS }),
  ]);
  await expectRemoved(ground, NS, ["app"], bound);
});

/** One event, on one of the claims. */
async function expectTold(): Promise<void> {
  const told = await on.ground.waitFor("an event ExpressBindOff", async (saw) => {
    const events = await expressBindOff();
    saw(events.map(({ message }) => message));
    return events[0];
  });
  expect(told.message).toContain(LOCAL_ONLY.message);
}

async function expressBindOff(): Promise<KubeEvent[]> {
  return await on.ground.list<KubeEvent>("events", { namespace: NS, fieldSelector: "reason=ExpressBindOff" });
}

function objectsOf({ expression, message, name, operation, resource }: Policy): readonly object[] {
  const rule = { apiGroups: [""], apiVersions: ["v1"], operations: [operation], resources: [resource] };
  const kind = "ValidatingAdmissionPolicy";
  const apiVersion = "admissionregistration.k8s.io/v1";
  return [
    {
      apiVersion,
      kind,
      metadata: { name },
      spec: {
        failurePolicy: "Fail",
        matchConstraints: { resourceRules: [rule] },
        validations: [{ expression, message }],
      },
    },
    {
      apiVersion,
      kind: `${kind}Binding`,
      metadata: { name },
      spec: { policyName: name, validationActions: ["Deny"] },
    },
  ];
}

/** The API server takes a policy up a moment after it was created. */
async function inForce(policy: Policy, args: readonly string[], stdin?: string): Promise<void> {
  await on.ground.waitFor(`policy ${policy.name} to be in force`, async (saw) => {
    const { stderr } = await on.ground.kubectl([...args, "--dry-run=server"], stdin === undefined ? {} : { stdin });
    saw(stderr);
    return stderr.includes(policy.message) ? true : undefined;
  });
}

/** How often the API server has refused a request because of this policy. */
async function denials({ name }: Policy): Promise<number> {
  const { code, stdout, stderr } = await on.ground.kubectl(["get", "--raw", "/metrics"]);
  if (code !== 0) throw new Error(`the API server's metrics cannot be read: ${stderr}`);
  const of = (line: string): boolean =>
    line.startsWith("apiserver_validating_admission_policy_check_total{") &&
    line.includes(`policy="${name}"`) &&
    line.includes('enforcement_action="deny"');
  const lines = stdout.split("\n").filter(of);
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

/** As the product's canary: of a CSI driver. */
function foreignVolume(): object {
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: "stories-foreign" },
    spec: {
      accessModes: ["ReadWriteOncePod"],
      capacity: { storage: "1" },
      csi: { driver: "stories.mooring.dev", volumeHandle: "foreign" },
      persistentVolumeReclaimPolicy: "Retain",
      storageClassName: "stories-foreign",
    },
  };
}
