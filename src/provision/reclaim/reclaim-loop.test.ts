import { expect, test } from "vitest";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeError } from "../../kube/errors.ts";
import { fakeDriver, startProvisioner } from "../testing/harness.fixture.ts";

test("a Released volume's data is removed, then the volume", async () => {
  const driver = fakeDriver();
  const world = await startProvisioner(driver);
  world.putVolume("pvc-1");
  await settle();
  expect(driver.calls).toEqual(["remove pvc-1"]);
  expect(world.volume("pvc-1")).toBeUndefined();
  await world.stop();
});

test("a volume whose claim still exists keeps its data, whatever its phase says", async () => {
  const driver = fakeDriver();
  const world = await startProvisioner(driver);
  world.putClaim("c", { spec: { volumeName: "pvc-claim-c" }, status: { phase: "Bound" } });
  world.putVolume("pvc-claim-c", { spec: { claimRef: { namespace: "default", name: "c", uid: "claim-c" } } });
  await settle();
  expect(driver.calls).toEqual([]);
  expect(world.volume("pvc-claim-c")).toBeDefined();
  await world.stop();
});

test("a volume that became Retain past our cache keeps its data", async () => {
  const driver = fakeDriver();
  const world = await startProvisioner(driver);
  world.kube.intercept = (request) => {
    // The cache shows Delete; the read before the removal shows what an administrator has just
    // written.
    if (request.method !== "GET" || request.path !== "/api/v1/persistentvolumes/pvc-1") return;
    world.kube.intercept = () => undefined;
    const volume = world.volume("pvc-1");
    world.kube.put("/api/v1/persistentvolumes/pvc-1", {
      ...volume,
      spec: { ...volume?.spec, persistentVolumeReclaimPolicy: "Retain" },
    } as never);
  };
  world.putVolume("pvc-1");
  await settle();
  expect(driver.calls).toEqual([]);
  expect(world.volume("pvc-1")).toBeDefined();
  await world.stop();
});

test.each([
  ["Retain", { spec: { persistentVolumeReclaimPolicy: "Retain" } }],
  ["another driver's", { metadata: { annotations: { "pv.kubernetes.io/provisioned-by": "other" } } }],
  ["no driver's", { metadata: { annotations: {} } }],
  ["being deleted", { metadata: { deletionTimestamp: "2030-01-01T00:00:00Z" } }],
  ["Available", { status: { phase: "Available" } }],
  ["Failed", { status: { phase: "Failed" } }],
])("a volume that is %s is left alone", async (_, change) => {
  const driver = fakeDriver();
  const world = await startProvisioner(driver);
  world.putVolume("pvc-1", change as never);
  await settle();
  expect(driver.calls).toEqual([]);
  expect(world.volume("pvc-1")).toBeDefined();
  await world.stop();
});

test("a removal that fails is said on the volume and tried again", async () => {
  let attempts = 0;
  const driver = fakeDriver({
    remove: () => {
      attempts += 1;
      return attempts === 1 ? Promise.reject(new Error("busy")) : Promise.resolve({ outcome: "removed" } as const);
    },
  });
  const world = await startProvisioner(driver);
  world.putVolume("pvc-1");
  await settle();
  expect(world.said("PersistentVolume pvc-1")).toEqual(["VolumeFailedDelete: busy"]);
  await world.clock.advance(15_100);
  expect(world.volume("pvc-1")).toBeUndefined();
  await world.stop();
});

test("data that stays is told on the volume and on its node, and counted once the volume is gone", async () => {
  const message = "its directory is kept: it overlaps that of volume other";
  const on = { metadata: { name: "node-a", uid: "uid-a" } };
  const driver = fakeDriver({ remove: () => Promise.resolve({ outcome: "kept", message, on } as const) });
  const world = await startProvisioner(driver);
  let refusals = 1;
  world.kube.intercept = ({ method }) => {
    if (method === "DELETE" && refusals-- > 0) throw new Error("connection reset");
  };
  world.putVolume("pvc-1", { spec: { storageClassName: "fast" } });
  await world.clock.advance(20_000);
  expect(world.volume("pvc-1")).toBeUndefined();
  expect(world.said("PersistentVolume pvc-1")).toContain(`VolumeDataKept: ${message}`);
  expect(world.said("Node node-a")).toEqual([`VolumeDataKept: ${message}`]);
  expect(await world.scrape()).toContain('mooring_volume_data_kept_total{class="fast"} 1');
  await world.stop();
});

test("a volume that waits for its node is said once and tried again when a node appears", async () => {
  let nodeIsThere = false;
  const driver = fakeDriver({
    remove: () =>
      Promise.resolve(
        nodeIsThere
          ? ({ outcome: "removed" } as const)
          : ({ outcome: "waiting", message: "its node is not there", retryAfterMs: 600_000 } as const),
      ),
  });
  const world = await startProvisioner(driver);
  world.putVolume("pvc-1");
  await settle();
  expect(world.said("PersistentVolume pvc-1")).toEqual(["VolumeDeleteWaiting: its node is not there"]);
  nodeIsThere = true;
  world.kube.put("/api/v1/nodes/back", { metadata: { name: "back" } });
  await settle();
  expect(world.volume("pvc-1")).toBeUndefined();
  await world.stop();
});

test("with the right to, a volume is called Released as soon as its claim is gone", async () => {
  const driver = fakeDriver({ remove: () => new Promise(() => undefined) });
  const world = await startProvisioner(driver, { express: true });
  world.putClaim("c", { spec: { volumeName: "pvc-claim-c" }, status: { phase: "Bound" } });
  world.putVolume("pvc-claim-c", {
    spec: { claimRef: { namespace: "default", name: "c", uid: "claim-c" } },
    status: { phase: "Bound" },
  });
  await settle();
  expect(world.volume("pvc-claim-c")?.status?.phase).toBe("Bound");
  world.removeClaim("c");
  await settle();
  expect(world.volume("pvc-claim-c")?.status?.phase).toBe("Released");
  void world.stop();
});

test("the finalizer of other provisioning libraries is taken off our volumes", async () => {
  const driver = fakeDriver();
  const world = await startProvisioner(driver);
  world.putVolume("pvc-1", {
    metadata: { finalizers: ["kubernetes.io/pv-protection", "external-provisioner.volume.kubernetes.io/finalizer"] },
    status: { phase: "Bound" },
  } as never);
  await settle();
  expect(world.volume("pvc-1")?.metadata?.finalizers).toEqual(["kubernetes.io/pv-protection"]);
  await world.stop();
});

test("a leader whose time is over removes nothing", async () => {
  const driver = fakeDriver();
  const world = await startProvisioner(driver);
  world.leading.now = false;
  world.putVolume("pvc-1");
  await settle();
  expect(driver.calls).toEqual([]);
  expect(world.volume("pvc-1")).toBeDefined();
  await world.stop();
});

test("a removal under way goes on when kube-controller-manager, its cache behind, calls the volume Bound once more", async () => {
  const signals: AbortSignal[] = [];
  const driver = fakeDriver({
    remove: (_, __, signal) => {
      signals.push(signal);
      return new Promise(() => undefined);
    },
  });
  const world = await startProvisioner(driver);
  world.putVolume("pvc-1");
  await settle();
  world.putVolume("pvc-1", { status: { phase: "Bound" } });
  await settle();
  world.putVolume("pvc-1");
  await settle();
  expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  world.putVolume("pvc-1", { spec: { persistentVolumeReclaimPolicy: "Retain" } });
  await settle();
  expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  void world.stop();
});

test.each([403, 422, 400])(
  "an old finalizer that a policy does not let us take off is told, and tried again: %i",
  async (code) => {
    const driver = fakeDriver();
    const world = await startProvisioner(driver);
    world.kube.intercept = ({ method }) => {
      if (method === "PATCH") throw new KubeError({ code, reason: "R", message: "denied by policy no-changes" });
    };
    world.putVolume("pvc-1", { metadata: { finalizers: ["external-provisioner.volume.kubernetes.io/finalizer"] } });
    await settle();
    await world.clock.advance(46_000);
    expect(driver.calls).toEqual([]);
    const told =
      "VolumeFailedDelete: PersistentVolume pvc-1 could not be changed, which must happen before it is removed: denied by policy no-changes";
    // At once, after 15 s and after 30 s more.
    expect(world.said("PersistentVolume pvc-1")).toEqual([told, told, told]);
    world.kube.intercept = () => undefined;
    await world.clock.advance(60_000);
    expect(driver.calls).toEqual(["remove pvc-1"]);
    await world.stop();
  },
);

test("a removal that has not begun to run is called off by a claim that asks for the volume", async () => {
  const kept: string[] = [];
  const driver = fakeDriver({
    remove: (_volume, _confirm, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          reject(signal.reason as Error);
        });
      }),
    keep: (name) => {
      kept.push(name);
      return Promise.resolve();
    },
  });
  const world = await startProvisioner(driver);
  const claimRef = { namespace: "default", name: "c", uid: "of-the-old-cluster" };
  world.putVolume("pvc-1", { spec: { claimRef } });
  await settle();
  // Another claim's event changes nothing.
  world.putClaim("d", { spec: { volumeName: "pvc-1" } });
  await settle();
  expect(kept).toEqual([]);
  world.putClaim("c", { metadata: { uid: "restored" }, spec: { volumeName: "pvc-1" } });
  await settle();
  expect(world.said("PersistentVolume pvc-1")[0]).toContain("VolumeClaimedByAnother: ");
  expect(kept).toEqual(["pvc-1"]);
  expect(world.volume("pvc-1")).toBeDefined();
  await world.stop();
});

test("a volume that a restored claim names keeps its data until that claim is deleted", async () => {
  const driver = fakeDriver();
  const world = await startProvisioner(driver);
  world.putClaim("c", { metadata: { uid: "restored" }, spec: { volumeName: "pvc-1" } });
  const claimRef = { namespace: "default", name: "c", uid: "of-the-old-cluster" };
  world.putVolume("pvc-1", { spec: { claimRef } });
  await settle();
  expect(driver.calls).toEqual([]);
  for (const object of ["PersistentVolume pvc-1", "PersistentVolumeClaim c"]) {
    const [said, ...more] = world.said(object);
    expect(said).toContain(`VolumeClaimedByAnother: volume pvc-1 belongs to an earlier claim default/c`);
    expect(said).toContain(`kubectl patch pv pvc-1 --type merge -p '{"spec":{"claimRef":{"uid":"restored"}}}'`);
    expect(more).toEqual([]);
  }
  world.removeClaim("c");
  await settle();
  expect(driver.calls).toEqual(["remove pvc-1"]);
  await world.stop();
});
