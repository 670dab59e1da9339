import { beforeEach, describe, expect, test } from "vitest";
import { PROVISIONED_BY } from "../../src/api/names.ts";
import { HELPER_VOLUME, PV_NODE } from "../../src/classic/names.ts";
import { KubeClient } from "../../src/kube/client.ts";
import {
  leases,
  persistentVolumeClaims,
  persistentVolumes,
  type PersistentVolume,
  type PersistentVolumeClaim,
} from "../../src/kube/kinds.ts";
import { LabApi } from "../../src/lab/api/lab-api.ts";
import { namespaces } from "../../src/lab/controllers/kinds.ts";
import { virtualClock, type VirtualClock } from "../../src/lab/virtual/virtual-clock.ts";
import { silentLog } from "../../src/observe/log.ts";
import { ClusterView } from "./cluster-view.ts";
import { Disk } from "./disk.ts";
import { Draw } from "./draw.ts";
import { Guard } from "./guard.ts";
import { Trace } from "./trace.ts";

const DELETE_POD = {
  method: "POST",
  path: "/api/v1/namespaces/product/pods",
  body: { metadata: { name: "helper-pod-delete-pvc-1", annotations: { [HELPER_VOLUME]: "pvc-1" } } },
} as const;

let clock: VirtualClock;
let client: KubeClient;
let disk: Disk;
let guard: Guard;
let violations: string[];

beforeEach(() => {
  clock = virtualClock();
  violations = [];
  const api = new LabApi({ clock, random: new Draw(1, "api").random, log: silentLog });
  client = new KubeClient(api.kube());
  disk = new Disk("node-a", new Trace(false), (path) => {
    guard.removing(disk, path);
  });
  const view = new ClusterView(api, new Map([["node-a", disk]]));
  const onViolation = (text: string): void => {
    violations.push(text);
  };
  guard = new Guard(api, view, { namespace: "product", clock, patienceMs: 0, onViolation });
});

async function claim(name = "data"): Promise<PersistentVolumeClaim> {
  const resources = { requests: { storage: "1Gi" } };
  const spec = { accessModes: ["ReadWriteOnce"], storageClassName: "c", resources };
  // No controller runs here to take the protecting finalizer off.
  const made = await client.create(persistentVolumeClaims, { metadata: { name, namespace: "default" }, spec });
  const at = { name, namespace: "default" };
  return client.patchMerge(persistentVolumeClaims, at, { metadata: { uid: made.metadata?.uid, finalizers: null } });
}

async function volume(of: PersistentVolumeClaim, name: string, policy = "Delete"): Promise<PersistentVolume> {
  const { uid = "", name: claimName = "", namespace = "" } = of.metadata ?? {};
  const made = await client.create(persistentVolumes, {
    metadata: { name, annotations: { [PROVISIONED_BY]: "us", [PV_NODE]: "node-a" } },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      storageClassName: "c",
      persistentVolumeReclaimPolicy: policy,
      claimRef: { uid, name: claimName, namespace },
      hostPath: { path: `/opt/${name}` },
    },
  });
  return client.patchMerge(persistentVolumes, { name }, { metadata: { uid: made.metadata?.uid, finalizers: null } });
}

async function madeVolume(of: PersistentVolumeClaim, policy = "Delete"): Promise<void> {
  await disk.makeDirectories("/opt/pvc-1");
  await volume(of, "pvc-1", policy);
}

describe("the guard sees", () => {
  test("a volume that is stored without its directory", async () => {
    await volume(await claim(), "pvc-1");
    expect(violations).toEqual(["pvc-1 was stored without its directory node-a:/opt/pvc-1"]);
  });

  test("two volumes for one claim", async () => {
    const one = await claim();
    await madeVolume(one);
    await disk.makeDirectories("/opt/pvc-2");
    await volume(one, "pvc-2");
    expect(violations).toEqual([`pvc-2 and pvc-1 are both for the claim ${one.metadata?.uid}`]);
  });

  test("two claims with one volume", async () => {
    for (const name of ["data", "other"]) {
      await claim(name);
      await client.patchMerge(
        persistentVolumeClaims,
        { name, namespace: "default" },
        { spec: { volumeName: "pvc-1" } },
      );
    }
    expect(violations).toEqual(["pvc-1 is the volume of default/other and of default/data"]);
  });

  test("a claim that is Lost", async () => {
    await claim();
    const at = { name: "data", namespace: "default" };
    await client.patchMerge(persistentVolumeClaims, at, { status: { phase: "Lost" } }, { subresource: "status" });
    expect(violations).toEqual(["claim default/data is Lost"]);
  });

  test("a volume that is deleted while its claim lives, and none whose claim is gone", async () => {
    await madeVolume(await claim());
    await client.delete(persistentVolumes, { name: "pvc-1" });
    expect(violations).toEqual(["pvc-1 was deleted while its claim lives"]);
    violations.length = 0;
    await madeVolume(await claim("other"));
    await client.delete(persistentVolumeClaims, { name: "other", namespace: "default" });
    await client.delete(persistentVolumes, { name: "pvc-1" });
    expect(violations).toEqual([]);
  });

  test("a directory that is removed while the claim lives, or although the volume is retained", async () => {
    await madeVolume(await claim(), "Retain");
    await disk.remove("/opt");
    await client.delete(persistentVolumeClaims, { name: "data", namespace: "default" });
    await disk.remove("/opt/pvc-1");
    expect(violations).toEqual([
      "node-a:/opt is removed while the claim of pvc-1 lives",
      "node-a:/opt is removed although pvc-1 is retained",
      "node-a:/opt/pvc-1 is removed although pvc-1 is retained",
    ]);
  });

  test("a claim that finds another's data", async () => {
    await madeVolume(await claim());
    await guard.using(disk, "/opt/pvc-1");
    await guard.using(disk, "/opt/pvc-1");
    expect(violations).toEqual([]);
    await disk.writeText("/opt/pvc-1/mark-of-somebody", "");
    await guard.using(disk, "/opt/pvc-1");
    expect(violations).toEqual(["the claim of node-a:/opt/pvc-1 finds mark-of-somebody in it"]);
  });

  test("a deletion that names no UID", () => {
    guard.sending("mooring-0", { method: "DELETE", path: "/api/v1/persistentvolumes/pvc-1", body: {} });
    const preconditions = { uid: "u" };
    guard.sending("mooring-0", { method: "DELETE", path: "/api/v1/persistentvolumes/pvc-1", body: { preconditions } });
    expect(violations).toEqual(["mooring-0 deletes /api/v1/persistentvolumes/pvc-1 without naming a UID"]);
  });

  test("a removal that is begun by a replica that does not lead", async () => {
    await client.create(namespaces, { metadata: { name: "product" } });
    const lease = { metadata: { name: "leader", namespace: "product" }, spec: { holderIdentity: "mooring-1_x" } };
    await client.create(leases, lease);
    guard.sending("mooring-1", DELETE_POD);
    expect(violations).toEqual([]);
    guard.sending("mooring-0", DELETE_POD);
    expect(violations).toEqual(["mooring-0 begins helper-pod-delete-pvc-1 while mooring-1_x leads"]);
  });

  test("a removal that is begun after the user has set the volume to Retain, and not one that was begun before", async () => {
    await madeVolume(await claim());
    guard.sending("mooring-0", DELETE_POD);
    const rescue = { spec: { persistentVolumeReclaimPolicy: "Retain" } };
    await client.patchMerge(persistentVolumes, { name: "pvc-1" }, rescue);
    expect(guard.wasRescuedTooLate("pvc-1")).toBe(true);
    await clock.run(1_000);
    guard.sending("mooring-0", DELETE_POD);
    expect(violations).toEqual(["the removal of pvc-1 begins although it is retained"]);
  });
});
