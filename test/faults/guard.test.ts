import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HELPER_VOLUME, PV_NODE } from "../../src/classic/names.ts";
import { leases, persistentVolumeClaims, persistentVolumes } from "../../src/kube/kinds.ts";
import type { LabApi } from "../../src/lab/index.ts";
import { markOf, type Helper } from "./guard.ts";
import { HandMade, PRODUCT } from "./hand-made.fixture.ts";

const DELETE_POD = {
  method: "POST",
  path: "/api/v1/namespaces/product/pods",
  body: { metadata: { name: "helper-pod-delete-pvc-1", annotations: { [HELPER_VOLUME]: "pvc-1" } } },
} as const;

let world: HandMade;

beforeEach(() => {
  world = new HandMade();
});

describe("the guard sees", () => {
  test("a volume that is stored without its directory", async () => {
    await world.volume(await world.claim(), "pvc-1");
    expect(world.violations).toEqual(["pvc-1 was stored without its directory node-a:/opt/pvc-1"]);
  });

  test("two volumes for one claim", async () => {
    const one = await world.claim();
    await world.madeVolume(one);
    await world.disk.makeDirectories("/opt/pvc-2");
    await world.volume(one, "pvc-2");
    expect(world.violations).toEqual([`pvc-2 and pvc-1 are both for the claim ${one.metadata?.uid}`]);
  });

  test("two claims with one volume", async () => {
    for (const name of ["data", "other"]) {
      await world.claim(name);
      await world.client.patchMerge(
        persistentVolumeClaims,
        { name, namespace: "default" },
        { spec: { volumeName: "pvc-1" } },
      );
    }
    expect(world.violations).toEqual(["pvc-1 is the volume of default/other and of default/data"]);
  });

  test("a claim that is bound to another volume than before, which no API server lets happen", async () => {
    const claim = await world.claim();
    const after = { ...claim, spec: { ...claim.spec, volumeName: "pvc-2" } };
    let tell = (_change: unknown): void => undefined;
    const broken: Pick<LabApi, "onChange"> = {
      onChange: (collection, listener) => {
        if (collection === "persistentvolumeclaims") tell = listener as typeof tell;
        return () => undefined;
      },
    };
    world.guardOf(broken);
    tell({ key: "default/data", before: claim, after });
    expect(world.violations).toEqual([]);
    const before = { ...claim, spec: { ...claim.spec, volumeName: "pvc-1" } };
    tell({ key: "default/data", before, after });
    expect(world.violations).toEqual(["claim default/data was bound to pvc-1 and is to pvc-2"]);
  });

  test("a volume that is claimed by another than before", async () => {
    const [one, other] = [await world.claim(), await world.claim("other")];
    await world.madeVolume(one);
    const claimRef = { name: "other", uid: other.metadata?.uid };
    await world.client.patchMerge(persistentVolumes, { name: "pvc-1" }, { spec: { claimRef } });
    expect(world.violations).toEqual([`pvc-1 was claimed by ${one.metadata?.uid} and is by ${other.metadata?.uid}`]);
  });

  test("a claim that is Lost", async () => {
    await world.claim();
    const at = { name: "data", namespace: "default" };
    await world.client.patchMerge(persistentVolumeClaims, at, { status: { phase: "Lost" } }, { subresource: "status" });
    expect(world.violations).toEqual(["claim default/data is Lost"]);
  });

  test("a volume that is deleted while its claim lives, and none whose claim is gone", async () => {
    await world.madeVolume(await world.claim());
    await world.client.delete(persistentVolumes, { name: "pvc-1" });
    expect(world.violations).toEqual(["pvc-1 was deleted while its claim lives"]);
    world.violations.length = 0;
    await world.madeVolume(await world.claim("other"));
    await world.client.delete(persistentVolumeClaims, { name: "other", namespace: "default" });
    await world.client.delete(persistentVolumes, { name: "pvc-1" });
    expect(world.violations).toEqual([]);
  });

  test("a volume that is deleted although it is retained", async () => {
    await world.madeVolume(await world.claim(), "Retain");
    await world.client.delete(persistentVolumeClaims, { name: "data", namespace: "default" });
    await world.client.delete(persistentVolumes, { name: "pvc-1" });
    expect(world.violations).toEqual(["pvc-1 was deleted although it is retained"]);
  });

  test("a directory that is removed while the claim lives, or although the volume is retained", async () => {
    await world.madeVolume(await world.claim(), "Retain");
    await world.disk.remove("/opt");
    await world.client.delete(persistentVolumeClaims, { name: "data", namespace: "default" });
    await world.disk.remove("/opt/pvc-1");
    expect(world.violations).toEqual([
      "node-a:/opt is removed while the claim of pvc-1 lives",
      "node-a:/opt is removed although pvc-1 is retained",
      "node-a:/opt/pvc-1 is removed although pvc-1 is retained",
    ]);
  });

  test("what is removed inside of a directory whose claim lives", async () => {
    await world.madeVolume(await world.claim());
    await world.disk.remove("/opt/pvc-1/some-file");
    expect(world.violations).toEqual(["node-a:/opt/pvc-1/some-file is removed while the claim of pvc-1 lives"]);
  });

  test("the same of a volume that names no node, on the disk that all have", async () => {
    await world.madeVolume(await world.claim());
    const annotations = { [PV_NODE]: "" };
    await world.client.patchMerge(persistentVolumes, { name: "pvc-1" }, { metadata: { annotations } });
    await world.disk.remove("/opt/pvc-1");
    expect(world.violations).toEqual(["node-a:/opt/pvc-1 is removed while the claim of pvc-1 lives"]);
  });

  test("a claim that finds another's data", async () => {
    await world.madeVolume(await world.claim());
    await world.guard.using(world.disk, "/opt/pvc-1");
    await world.guard.using(world.disk, "/opt/pvc-1");
    expect(world.violations).toEqual([]);
    await world.disk.writeText("/opt/pvc-1/mark-of-somebody", "");
    await world.guard.using(world.disk, "/opt/pvc-1");
    expect(world.violations).toEqual(["the claim of node-a:/opt/pvc-1 finds mark-of-somebody in it"]);
  });

  test("a container that uses what is no claim's volume, or is no longer", async () => {
    await world.madeVolume(await world.claim());
    await world.guard.using(world.otherDisk, "/opt/pvc-1");
    await world.client.delete(persistentVolumeClaims, { name: "data", namespace: "default" });
    await world.guard.using(world.disk, "/opt/pvc-1");
    expect(world.violations).toEqual([
      "a container uses node-b:/opt/pvc-1, which is no claim's volume",
      "a container uses node-a:/opt/pvc-1, which is no claim's volume",
    ]);
    expect(world.disk.names("/opt/pvc-1")).toEqual([]);
  });

  test("two helper pods that work in one directory at once", () => {
    world.guard.helping(helper("create"));
    world.guard.helping(helper("delete"));
    expect(world.violations).toEqual([
      "helper-pod-delete-pvc-1 begins in node-a:/opt/pvc-1 while helper-pod-create-pvc-1 works there",
    ]);
  });

  test("the same on a disk of all nodes, of two volumes, of two attempts, or when the volume is stored", async () => {
    const shared = { shared: true };
    world.guard.helping(helper("create", shared));
    world.guard.helping(helper("delete", { ...shared, volume: "pvc-2" }));
    world.guard.helping(helper("create", { ...shared, uid: "another", path: "/opt/pvc-3" }));
    world.guard.helping(helper("create", { ...shared, path: "/opt/pvc-3" }));
    await world.madeVolume(await world.claim());
    world.guard.helping(helper("create", { ...shared, path: "/opt/pvc-4" }));
    world.guard.helping(helper("delete", { ...shared, path: "/opt/pvc-4" }));
    expect(world.violations).toEqual([
      "helper-pod-delete-pvc-2 begins in node-a:/opt/pvc-1 while helper-pod-create-pvc-1 works there",
      "helper-pod-create-pvc-1 begins in node-a:/opt/pvc-3 while helper-pod-create-pvc-1 works there",
      "helper-pod-delete-pvc-1 begins in node-a:/opt/pvc-4 while helper-pod-create-pvc-1 works there",
    ]);
  });

  test.each(["persistentvolumes/pvc-1", "namespaces/product/pods/helper-pod-create-pvc-1"])(
    "a deletion of %s that names no UID",
    (object) => {
      const request = { method: "DELETE", path: `/api/v1/${object}` } as const;
      world.guard.sending("mooring-0", { ...request, body: { preconditions: { uid: "u" } } });
      expect(world.violations).toEqual([]);
      world.guard.sending("mooring-0", { ...request, body: {} });
      expect(world.violations).toEqual([`mooring-0 deletes /api/v1/${object} without naming a UID`]);
    },
  );

  test("a removal that is begun by a replica that does not lead", async () => {
    await world.productNamespace();
    const lease = { metadata: { name: "leader", namespace: PRODUCT }, spec: { holderIdentity: "mooring-1_x" } };
    await world.client.create(leases, lease);
    world.guard.sending("mooring-1", DELETE_POD);
    expect(world.violations).toEqual([]);
    world.guard.sending("mooring-0", DELETE_POD);
    expect(world.violations).toEqual(["mooring-0 begins helper-pod-delete-pvc-1 while mooring-1_x leads"]);
  });

  test("a removal that is begun after the user has set the volume to Retain, and not one that was begun before", async () => {
    await world.madeVolume(await world.claim());
    world.guard.sending("mooring-0", DELETE_POD);
    const rescue = { spec: { persistentVolumeReclaimPolicy: "Retain" } };
    await world.client.patchMerge(persistentVolumes, { name: "pvc-1" }, rescue);
    expect(world.guard.wasRescuedTooLate("pvc-1")).toBe(true);
    await world.clock.run(1_000);
    world.guard.sending("mooring-0", DELETE_POD);
    expect(world.violations).toEqual(["the removal of pvc-1 begins although it is retained"]);
    expect(world.guard.wasRescuedTooLate("pvc-1")).toBe(true);
  });
});

describe("the guard says nothing of", () => {
  const at = { name: "data", namespace: "default" };
  const rescue = { spec: { persistentVolumeReclaimPolicy: "Retain" } };

  afterEach(() => {
    expect(world.violations).toEqual([]);
  });

  test("the same directory on another node", async () => {
    await world.madeVolume(await world.claim());
    await world.otherDisk.remove("/opt/pvc-1");
  });

  test("a second volume that is deleted when the claim is bound to the first", async () => {
    const claim = await world.claim();
    await world.client.patchMerge(persistentVolumeClaims, at, { spec: { volumeName: "pvc-9" } });
    await world.madeVolume(claim);
    await world.client.delete(persistentVolumes, { name: "pvc-1" });
  });

  test("a volume and a directory that go although retained, where the removal had begun before", async () => {
    await world.madeVolume(await world.claim());
    await world.client.delete(persistentVolumeClaims, at);
    world.guard.sending("mooring-0", DELETE_POD);
    await world.client.patchMerge(persistentVolumes, { name: "pvc-1" }, rescue);
    await world.disk.remove("/opt/pvc-1");
    await world.client.delete(persistentVolumes, { name: "pvc-1" });
  });

  test("what a retained volume's claim finds, or a claim by the path of a retained one", async () => {
    const kept = await world.claim();
    await world.madeVolume(kept, "Retain");
    await world.disk.writeText("/opt/pvc-1/mark-of-somebody", "");
    await world.guard.using(world.disk, "/opt/pvc-1");
    await world.madeVolume(await world.claim("other"), "Delete", "pvc-2");
    await world.disk.writeText(`/opt/pvc-2/${markOf(kept.metadata?.uid ?? "")}`, "");
    await world.guard.using(world.disk, "/opt/pvc-2");
  });

  test("helper pods of two directories or nodes, containers of one pod, and one that begins when another has ended", () => {
    world.guard.helping(helper("create"));
    world.guard.helping(helper("create"));
    world.guard.helping(helper("delete", { path: "/opt/pvc-2" }));
    world.guard.helping(helper("delete", { disk: world.otherDisk }));
    let runs = true;
    world.guard.helping(helper("create", { path: "/opt/pvc-3", runs: () => runs }));
    runs = false;
    world.guard.helping(helper("delete", { path: "/opt/pvc-3" }));
  });

  test("a helper pod of an attempt that is given up, on a disk of all nodes, beside its teardown", () => {
    world.guard.helping(helper("delete", { shared: true }));
    world.guard.helping(helper("create", { shared: true }));
  });

  test("volumes of others", async () => {
    await world.client.create(persistentVolumes, {
      metadata: { name: "foreign" },
      spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/foreign" } },
    });
    await world.disk.remove("/foreign");
  });

  test("a removal while nobody leads", async () => {
    await world.productNamespace();
    await world.client.create(leases, { metadata: { name: "leader", namespace: PRODUCT }, spec: {} });
    world.guard.sending("mooring-0", DELETE_POD);
  });

  test("a removal by an answer that is as old as answers may be, and it does of one by an older", async () => {
    world = new HandMade({ patienceMs: 30_000 });
    await world.madeVolume(await world.claim());
    await world.client.patchMerge(persistentVolumes, { name: "pvc-1" }, rescue);
    await world.clock.run(30_000);
    world.guard.sending("mooring-0", DELETE_POD);
    expect(world.guard.wasRescuedTooLate("pvc-1")).toBe(true);
    expect(world.violations).toEqual([]);
    await world.clock.run(1);
    world.guard.sending("mooring-0", DELETE_POD);
    expect(world.violations.splice(0)).toEqual(["the removal of pvc-1 begins although it is retained"]);
  });
});

/** A container of a helper pod of pvc-1, at work. */
function helper(action: "create" | "delete", but: Partial<Helper> & { uid?: string; volume?: string } = {}): Helper {
  const { uid = action, volume = "pvc-1", ...rest } = but;
  const pod = { name: `helper-pod-${action}-${volume}`, uid, annotations: { [HELPER_VOLUME]: volume } };
  return { pod, disk: world.disk, shared: false, path: "/opt/pvc-1", runs: () => true, ...rest };
}
