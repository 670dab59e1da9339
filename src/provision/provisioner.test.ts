import { expect, test } from "vitest";
import { STORAGE_PROVISIONER } from "../api/names.ts";
import { settle } from "../effects/testing/manual-clock.fixture.ts";
import type { Driver } from "./driver.ts";
import { fakeDriver, startProvisioner } from "./testing/harness.fixture.ts";
import { KcmVolumeWorker } from "./testing/kcm-volume-worker.fixture.ts";

const OTHER = "example.com/other";

function two(other: Partial<Driver> = {}) {
  return [fakeDriver(), fakeDriver({ name: "other", provisioner: OTHER, ...other })] as const;
}

/** Starts both drivers, with a class `slow` of the second one and a claim of each. */
async function startTwo(drivers = two(), express = false) {
  const world = await startProvisioner(drivers, { express });
  const kcm = new KcmVolumeWorker(world.kube);
  world.kube.put("/apis/storage.k8s.io/v1/storageclasses/slow", {
    metadata: { name: "slow" },
    provisioner: OTHER,
    reclaimPolicy: "Delete",
    volumeBindingMode: "WaitForFirstConsumer",
  } as never);
  await settle();
  world.putClaim("c", { selectedNode: "a" });
  world.putClaim("d", {
    selectedNode: "a",
    metadata: { annotations: { [STORAGE_PROVISIONER]: OTHER, "volume.kubernetes.io/selected-node": "a" } } as never,
    spec: { storageClassName: "slow" },
  });
  await settle();
  return { ...world, kcm, drivers };
}

test("each of two drivers serves the claims of its own provisioner", async () => {
  const world = await startTwo();
  const [fake, other] = world.drivers;
  expect(fake.calls).toEqual(["provision pvc-claim-c on a", "stored pvc-claim-c"]);
  expect(other.calls).toEqual(["provision pvc-claim-d on a", "stored pvc-claim-d"]);
  await world.stop();
});

test("each of two drivers reclaims the volumes of its own provisioner", async () => {
  const world = await startProvisioner(two());
  world.putVolume("pvc-1", { metadata: { annotations: { "pv.kubernetes.io/provisioned-by": OTHER } } as never });
  await settle();
  expect(world.volume("pvc-1")).toBeUndefined();
  await world.stop();
});

test("two drivers bind their claims with one canary", async () => {
  const world = await startTwo(two(), true);
  await world.clock.advance(200);
  for (let round = 0; round < 6; round += 1) {
    world.kcm.drain();
    await settle();
  }
  expect([world.claim("c")?.status?.phase, world.claim("d")?.status?.phase]).toEqual(["Bound", "Bound"]);
  const volumes = world.kube.list("/api/v1/persistentvolumes").map((volume) => volume.metadata?.name ?? "");
  expect(volumes.filter((name) => name.startsWith("mooring-canary-"))).toHaveLength(1);
  await world.stop();
});

test("two drivers share one set of metrics, with a queue of each", async () => {
  const world = await startTwo(two({ attempts: () => ["pvc-claim-d"] }));
  await world.clock.advance(30_000);
  const text = await world.scrape();
  for (const name of ["claims/fake", "claims/other", "volumes/fake", "volumes/other"]) {
    expect(text).toContain(`workqueue_depth{name="${name}"}`);
  }
  expect(text).toContain('mooring_provision_attempts{driver="other"} 1');
  expect(text).toContain('controller_persistentvolumeclaim_provision_total{class="slow",source=""} 1');
  await world.stop();
});

test("a driver whose sweep fails does not keep the other's from being done", async () => {
  const left = new Set(["pvc-gone"]);
  const [fake, other] = [
    fakeDriver({
      attempts: () => {
        throw new Error("no memory");
      },
    }),
    fakeDriver({
      name: "other",
      provisioner: OTHER,
      attempts: () => [...left],
      removeAttempt: (name) => {
        left.delete(name);
        return Promise.resolve();
      },
    }),
  ];
  const world = await startProvisioner([fake, other]);
  await settle();
  expect([...left]).toEqual([]);
  await world.stop();
});

test.each([
  ["provisioner", fakeDriver({ name: "other" })],
  ["name", fakeDriver({ provisioner: OTHER })],
])("two drivers with one %s are refused", async (key, second) => {
  const world = await startProvisioner([]);
  await expect(world.run([fakeDriver(), second])).rejects.toThrow(`two drivers have the ${key}`);
  await world.stop();
});
