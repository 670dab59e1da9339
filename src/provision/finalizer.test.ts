import { expect, test } from "vitest";
import { PROVISIONED_BY } from "../api/names.ts";
import { settle } from "../effects/testing/manual-clock.fixture.ts";
import { KubeError } from "../kube/errors.ts";
import type { Driver } from "./driver.ts";
import { fakeDriver, PROVISIONER, startProvisioner } from "./testing/harness.fixture.ts";

/* `kubectl delete pv` and a driver with a finalizer. */

const FINALIZER = "example.com/volume";
const PROTECTION = "kubernetes.io/pv-protection";
const PATH = "/api/v1/persistentvolumes/pvc-claim-c";
const CSI: object = { hostPath: undefined, csi: { driver: "csi.example.com", volumeHandle: "x" } };
const DELETING = { deletionTimestamp: "2030-01-01T00:00:00Z" };

function guarded(overrides: Partial<Driver> = {}) {
  const driver = fakeDriver({
    finalizer: FINALIZER,
    csiDriver: "csi.example.com",
    retain: (volume) => {
      driver.calls.push(`retain ${volume.metadata.name}`);
      return Promise.resolve();
    },
    ...overrides,
  });
  return driver;
}

/** A claim `c` that is bound to its volume, which is being deleted. */
async function startDeleting(driver = guarded(), policy = "Delete") {
  const world = await startProvisioner(driver, { express: true });
  world.putClaim("c", { spec: { volumeName: "pvc-claim-c" }, status: { phase: "Bound" } });
  world.putVolume("pvc-claim-c", {
    metadata: { ...DELETING, finalizers: [PROTECTION, FINALIZER] } as never,
    spec: {
      ...CSI,
      persistentVolumeReclaimPolicy: policy,
      claimRef: { namespace: "default", name: "c", uid: "claim-c" },
    },
    status: { phase: "Bound" },
  });
  await settle();
  return world;
}

/** What the API server's protection controller does once the volume is not Bound. */
function endProtection(world: Awaited<ReturnType<typeof startProvisioner>>): void {
  const volume = world.volume("pvc-claim-c");
  const finalizers = volume?.metadata?.finalizers?.filter((name) => name !== PROTECTION);
  world.kube.put(PATH, { ...volume, metadata: { ...volume?.metadata, finalizers } } as never);
}

test("the driver's finalizer is on every PersistentVolume it makes", async () => {
  const world = await startProvisioner(guarded());
  world.putClaim("c", { selectedNode: "a" });
  await settle();
  expect(world.volume("pvc-claim-c")?.metadata?.finalizers).toEqual([FINALIZER, PROTECTION]);
  await world.stop();
});

test("a volume that is deleted while its claim is bound keeps its data until the claim is gone", async () => {
  const driver = guarded();
  const world = await startDeleting(driver);
  await world.clock.advance(600_000);
  expect(driver.calls).toEqual([]);
  world.removeClaim("c");
  await settle();
  expect(driver.calls).toEqual(["remove pvc-claim-c"]);
  expect(world.volume("pvc-claim-c")?.metadata?.finalizers).toEqual([PROTECTION]);
  await world.stop();
});

test("with policy Retain the driver is told, the data stays and the finalizer goes", async () => {
  const driver = guarded();
  const world = await startDeleting(driver, "Retain");
  expect(driver.calls).toEqual([]);
  world.removeClaim("c");
  await settle();
  expect(driver.calls).toEqual(["retain pvc-claim-c"]);
  expect(world.volume("pvc-claim-c")?.metadata?.finalizers).toEqual([PROTECTION]);
  await world.stop();
});

test("when a claim is deleted first, its volume's data goes, then the object, then the finalizer", async () => {
  const world = await startProvisioner(guarded());
  world.kube.log.length = 0;
  world.putVolume("pvc-claim-c", { metadata: { finalizers: [FINALIZER] } as never, spec: { ...CSI } });
  await settle();
  expect(world.volume("pvc-claim-c")).toBeUndefined();
  expect(world.kube.log.filter((line) => /^(DELETE|PATCH)/.test(line))).toEqual([`DELETE ${PATH}`, `PATCH ${PATH}`]);
  await world.stop();
});

test("a finalizer that has moved up meanwhile is found where it is now, and the data is not removed twice", async () => {
  const driver = guarded();
  const world = await startDeleting(driver);
  world.kube.intercept = (request) => {
    if (request.method !== "PATCH" || request.path !== PATH) return;
    world.kube.intercept = () => undefined;
    endProtection(world);
  };
  world.removeClaim("c");
  await settle();
  expect(world.volume("pvc-claim-c")).toBeUndefined();
  expect(driver.calls).toEqual(["remove pvc-claim-c"]);
  await world.stop();
});

test("a finalizer that may not be taken off is told on the volume and tried again", async () => {
  const world = await startDeleting();
  world.kube.intercept = (request) => {
    if (request.method !== "PATCH" || request.path !== PATH) return;
    throw new KubeError({ code: 403, reason: "Forbidden", message: "may not patch" });
  };
  world.removeClaim("c");
  await settle();
  expect(world.said("PersistentVolume pvc-claim-c")).toEqual([
    "VolumeFailedDelete: PersistentVolume pvc-claim-c could not be changed, which must happen before it is removed: may not patch",
  ]);
  world.kube.intercept = () => undefined;
  await world.clock.advance(16_000);
  expect(world.volume("pvc-claim-c")?.metadata?.finalizers).toEqual([PROTECTION]);
  await world.stop();
});

test("a volume that lost annotation and finalizer in a restore gets both back", async () => {
  const world = await startProvisioner(guarded());
  world.kube.put(PATH, {
    metadata: { name: "pvc-claim-c", finalizers: [PROTECTION] },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Delete",
      csi: { driver: "csi.example.com", volumeHandle: "x" },
      claimRef: { namespace: "default", name: "c", uid: "claim-c" },
    },
    status: { phase: "Pending" },
  } as never);
  await settle();
  expect(world.volume("pvc-claim-c")?.metadata).toMatchObject({
    annotations: { [PROVISIONED_BY]: PROVISIONER },
    finalizers: [PROTECTION, FINALIZER],
  });
  await world.stop();
});

test("a claim whose unbound volume is being deleted is told to be made again", async () => {
  const driver = guarded();
  const world = await startProvisioner(driver);
  world.putVolume("pvc-claim-c", {
    metadata: { ...DELETING, finalizers: [FINALIZER] } as never,
    spec: { ...CSI, claimRef: { namespace: "default", name: "c", uid: "claim-c" } },
    status: { phase: "Pending" },
  });
  world.putClaim("c", { selectedNode: "a" });
  await settle();
  expect(driver.calls).toEqual([]);
  expect(world.said("PersistentVolumeClaim c").at(-1)).toContain("deleted before the claim was bound");
  await world.stop();
});
