import { beforeEach, describe, expect, test } from "vitest";
import { SELECTED_NODE } from "../../src/api/names.ts";
import { HELPER_VOLUME } from "../../src/classic/names.ts";
import {
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  type PersistentVolumeClaim,
  type Pod,
} from "../../src/kube/kinds.ts";
import { uidOf } from "../../src/kube/objects.ts";
import { markOf } from "./guard.ts";
import { HandMade, PRODUCT } from "./hand-made.fixture.ts";
import { planRun, type RunPlan } from "./plan.ts";
import { unsettled } from "./unsettled.ts";

const CLASS = { name: "c", waits: true, policy: "Delete", pattern: false, type: "hostPath" } as const;
const PLAN: RunPlan = {
  ...planRun(1),
  reload: undefined,
  paths: ["/opt", "/srv"],
  classes: [CLASS, { ...CLASS, name: "at-once", waits: false }, { ...CLASS, name: "retain", policy: "Retain" }],
  slots: ["c", "at-once", "retain"].map((className) => ({ name: `of-${className}`, className, steps: [] })),
};
const DATA = { name: "data", namespace: "default" };
const PV = { name: "pvc-1" };
const STATUS = { subresource: "status" } as const;
/** Nobody takes it off, so a deletion does not end. */
const HELD = ["example.com/held"];

let world: HandMade;
let used: Set<string>;
let leftBehind: Set<string>;

beforeEach(() => {
  world = new HandMade();
  used = new Set();
  leftBehind = new Set();
});

function left(plan: RunPlan = PLAN): readonly string[] {
  const { view, guard } = world;
  return unsettled(view, { plan, guard, used, leftBehind, helperNamespace: PRODUCT });
}

/** A pod that uses the claim `data`, Pending. */
async function pod(spec: object = {}): Promise<Pod> {
  const containers = [{ name: "main", image: "app" }];
  const volumes = [{ name: "data", persistentVolumeClaim: { claimName: "data" } }];
  return world.client.create(pods, { metadata: DATA, spec: { containers, volumes, ...spec } });
}

async function phase(kind: "claim" | "volume" | "pod", value: string): Promise<void> {
  const status = { status: { phase: value } };
  if (kind === "claim") await world.client.patchMerge(persistentVolumeClaims, DATA, status, STATUS);
  else if (kind === "volume") await world.client.patchMerge(persistentVolumes, PV, status, STATUS);
  else await world.client.patchMerge(pods, DATA, status, STATUS);
}

/** The claim `data` as it should be: Bound to pvc-1, whose directory is there, and no pod yet. */
async function bound(policy = "Delete"): Promise<PersistentVolumeClaim> {
  const claim = await world.claim();
  await world.madeVolume(claim, policy);
  await world.client.patchMerge(persistentVolumeClaims, DATA, { spec: { volumeName: "pvc-1" } });
  await phase("claim", "Bound");
  await phase("volume", "Bound");
  return claim;
}

/** The same with a pod that runs and has left its mark. */
async function running(): Promise<void> {
  used.add(uidOf(await bound()));
  await pod();
  await phase("pod", "Running");
  await world.guard.using(world.disk, "/opt/pvc-1");
}

/** A claim of this name is gone before its volume was stored. */
async function givenUp(name: string): Promise<void> {
  await world.claim(name);
  await world.client.delete(persistentVolumeClaims, { name, namespace: "default" });
}

describe("it is settled", () => {
  test("when there is nothing", () => {
    expect(left()).toEqual([]);
  });

  test("when the claim is Bound, its pod runs, and what the pod wrote is in its directory", async () => {
    await running();
    expect(left()).toEqual([]);
  });

  test("although a claim waits for its first pod while another's runs", async () => {
    await running();
    await world.claim("other");
    expect(left()).toEqual([]);
  });

  test("although a retained volume has no claim any more", async () => {
    await bound("Retain");
    await world.client.delete(persistentVolumeClaims, DATA);
    await phase("volume", "Released");
    expect(left()).toEqual([]);
  });

  test("although nothing is in the directory of a claim whose pod has never run", async () => {
    await bound();
    expect(left()).toEqual([]);
  });

  test("although a pod was placed by the claim of before, and its own was asked of nobody", async () => {
    await world.claim();
    await pod({ nodeName: "node-a" });
    expect(left()).toEqual([]);
  });

  test("although the user has retained a volume whose directory was on its way out", async () => {
    await bound();
    await world.client.delete(persistentVolumeClaims, DATA);
    const removal = { name: "helper-pod-delete-pvc-1", annotations: { [HELPER_VOLUME]: "pvc-1" } };
    const path = `/api/v1/namespaces/${PRODUCT}/pods`;
    world.guard.sending("mooring-0", { method: "POST", path, body: { metadata: removal } });
    await world.client.patchMerge(persistentVolumes, PV, { spec: { persistentVolumeReclaimPolicy: "Retain" } });
    await phase("volume", "Released");
    await world.disk.remove("/opt/pvc-1");
    expect(left()).toEqual([]);
  });

  test("although the directory of a claim that was given up half-way stays, by a path pattern or with policy Retain", async () => {
    await givenUp("of-c");
    await givenUp("of-retain");
    await world.disk.makeDirectories("/opt/default/of-c");
    await world.disk.makeDirectories("/opt/pvc-9_default_of-retain");
    expect(left()).toEqual([]);
  });

  test("although the log has said that a directory stays on a node that does not answer", async () => {
    leftBehind.add("pvc-9");
    await world.disk.makeDirectories("/opt/pvc-9_default_of-c");
    await world.disk.makeDirectories("/opt/pvc-99_default_of-c");
    expect(left()).toEqual(["node-a:/opt/pvc-99_default_of-c belongs to no volume"]);
  });

  test("although an attempt under a path pattern was given up because the claim got another base path", async () => {
    await world.disk.makeDirectories("/opt/default/of-c");
    await world.disk.makeDirectories("/new/pvc-9_default_of-c");
    const reload = { at: 1_000, paths: ["/new"] };
    expect(left({ ...PLAN, reload })).toEqual(["node-a:/new/pvc-9_default_of-c belongs to no volume"]);
  });
});

describe("it is not settled while", () => {
  test("a claim is being deleted", async () => {
    await bound();
    await world.client.patchMerge(persistentVolumeClaims, DATA, { metadata: { finalizers: HELD } });
    await world.client.delete(persistentVolumeClaims, DATA);
    expect(left()).toEqual(["claim default/data is being deleted"]);
  });

  test("a claim that waits for nobody is Pending", async () => {
    await world.claim("data", "at-once");
    expect(left()).toEqual(["claim default/data is Pending"]);
  });

  test("a claim is Pending whose first pod is there, and the pod is", async () => {
    await world.claim();
    await pod();
    expect(left()).toEqual(["claim default/data is Pending", "pod data is Pending"]);
  });

  test("the same where the pod has a node and a volume was asked for", async () => {
    await world.claim();
    const annotations = { [SELECTED_NODE]: "node-a" };
    await world.client.patchMerge(persistentVolumeClaims, DATA, { metadata: { annotations } });
    await pod({ nodeName: "node-a" });
    expect(left()).toEqual(["claim default/data is Pending", "pod data is Pending"]);
  });

  test("a claim is Lost, whether anybody wants it or not", async () => {
    await world.claim();
    await phase("claim", "Lost");
    expect(left()).toEqual(["claim default/data is Lost"]);
  });

  test("a claim is Bound to what is not there", async () => {
    await world.claim();
    await world.client.patchMerge(persistentVolumeClaims, DATA, { spec: { volumeName: "pvc-1" } });
    await phase("claim", "Bound");
    expect(left()).toEqual(["claim default/data is Bound to nothing"]);
  });

  test("a claim is Bound to another's volume", async () => {
    await bound();
    const other = await world.claim("other");
    const claimRef = { name: "other", uid: uidOf(other) };
    await world.client.patchMerge(persistentVolumes, PV, { spec: { claimRef } });
    expect(left()).toEqual(["claim default/data is Bound to nothing"]);
  });

  test("a pod is being deleted", async () => {
    await running();
    await world.client.patchMerge(pods, DATA, { metadata: { finalizers: HELD } });
    await world.client.delete(pods, DATA);
    expect(left()).toEqual(["pod data is being deleted"]);
  });

  test("a pod does not run although its claim is Bound", async () => {
    await bound();
    await pod({ nodeName: "node-a" });
    expect(left()).toEqual(["pod data is Pending"]);
  });

  test("a helper pod is left, whatever has become of it", async () => {
    await world.productNamespace();
    const metadata = { name: "helper-pod-create-pvc-1", namespace: PRODUCT };
    await world.client.create(pods, { metadata, spec: { containers: [{ name: "main", image: "app" }] } });
    await world.client.patchMerge(pods, metadata, { status: { phase: "Succeeded" } }, STATUS);
    expect(left()).toEqual(["helper pod helper-pod-create-pvc-1 is left (Succeeded)"]);
  });

  test("a volume is Bound whose claim is gone", async () => {
    await bound();
    await world.client.delete(persistentVolumeClaims, DATA);
    expect(left()).toEqual(["pvc-1 is Bound, its claim gone"]);
  });

  test("a volume with policy Delete is Released", async () => {
    await bound();
    await world.client.delete(persistentVolumeClaims, DATA);
    await phase("volume", "Released");
    expect(left()).toEqual(["pvc-1 is Released"]);
  });

  test.each(["Pending", "Available", "Failed"])("a retained volume is %s", async (value) => {
    await bound("Retain");
    await phase("volume", value);
    expect(left()).toEqual([`pvc-1 is ${value}`]);
  });

  test("a volume has lost its directory", async () => {
    await running();
    await world.disk.remove("/opt/pvc-1");
    expect(left()).toEqual(["pvc-1 has lost its directory /opt/pvc-1"]);
  });

  test("a volume has lost what its pod wrote", async () => {
    await running();
    const [claim] = world.view.claims();
    await world.disk.remove(`/opt/pvc-1/${markOf(claim?.metadata?.uid ?? "")}`);
    expect(left()).toEqual(["pvc-1 has lost what was in its directory /opt/pvc-1"]);
  });

  test("a directory belongs to no volume, under any of the paths, also where another node has it for one", async () => {
    await bound();
    await world.otherDisk.makeDirectories("/opt/pvc-1");
    await world.disk.makeDirectories("/srv/pvc-2_default_of-c");
    await world.disk.makeDirectories("/opt/default/of-c");
    expect(left()).toEqual([
      "node-a:/opt/default/of-c belongs to no volume",
      "node-a:/srv/pvc-2_default_of-c belongs to no volume",
      "node-b:/opt/pvc-1 belongs to no volume",
    ]);
  });

  test("a directory is left of a claim that was given up, without a path pattern and with policy Delete", async () => {
    await givenUp("of-c");
    await world.disk.makeDirectories("/opt/pvc-9_default_of-c");
    expect(left()).toEqual(["node-a:/opt/pvc-9_default_of-c belongs to no volume"]);
  });

  test("a directory is left with policy Retain, and its claim was not given up", async () => {
    await world.claim("of-retain", "retain");
    await world.disk.makeDirectories("/opt/pvc-9_default_of-retain");
    expect(left()).toEqual(["node-a:/opt/pvc-9_default_of-retain belongs to no volume"]);
  });
});
