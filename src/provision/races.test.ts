import { expect, test } from "vitest";
import { settle } from "../effects/testing/manual-clock.fixture.ts";
import { KubeError } from "../kube/errors.ts";
import { fakeDriver, startProvisioner } from "./testing/harness.fixture.ts";
import { KcmVolumeWorker } from "./testing/kcm-volume-worker.fixture.ts";

async function startExpress(driver = fakeDriver()) {
  const world = await startProvisioner(driver, { express: true });
  return { ...world, kcm: new KcmVolumeWorker(world.kube) };
}

async function work(world: Awaited<ReturnType<typeof startExpress>>, rounds = 6): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    world.kcm.drain();
    await settle();
  }
}

test.each([
  ["whose claimRef an administrator has taken off (phase not yet Available)", undefined],
  [
    "that an administrator has reserved for a claim to come (no UID, phase not yet Available)",
    { namespace: "default", name: "next" },
  ],
])("a volume %s keeps its data though its policy is Delete", async (_, claimRef) => {
  const driver = fakeDriver();
  const world = await startProvisioner(driver);
  world.putVolume("pvc-1", { spec: { claimRef } as never });
  await settle();
  expect(driver.calls).toEqual([]);
  expect(world.volume("pvc-1")).toBeDefined();
  await world.stop();
});

test("a volume whose claim was bound to another volume is reclaimed while that claim lives", async () => {
  // kube-controller-manager: "dynamically provisioned for this claim; the claim got bound
  // elsewhere, and thus this volume is not needed" → Released.
  const driver = fakeDriver();
  const world = await startProvisioner(driver);
  world.putClaim("c", { spec: { storageClassName: "now", volumeName: "static" }, status: { phase: "Bound" } });
  world.putVolume("pvc-claim-c", { spec: { claimRef: { namespace: "default", name: "c", uid: "claim-c" } } });
  await settle();
  await world.clock.advance(600_000);
  expect(driver.calls).toEqual(["remove pvc-claim-c"]);
  expect(world.volume("pvc-claim-c")).toBeUndefined();
  await world.stop();
});

test("a claim is not bound to a PersistentVolume that was deleted before kube-controller-manager's acknowledgement", async () => {
  let attempts = 0;
  const driver = fakeDriver({
    provision: ({ volumeName }, signal) => {
      attempts += 1;
      if (attempts === 1) {
        return Promise.resolve({ annotations: {}, spec: { hostPath: { path: `/data/${volumeName}` } } });
      }
      // The helper pod of the second attempt takes its time, and fails.
      return new Promise((_, reject) => {
        setImmediate(() => undefined);
        signal.addEventListener("abort", () => {
          reject(signal.reason as Error);
        });
        void world.clock.sleep(1_000, signal).then(
          () => {
            reject(new Error("script failed"));
          },
          () => undefined,
        );
      });
    },
  });
  const world = await startExpress(driver);
  world.putClaim("c", { selectedNode: "a" });
  await settle();
  await world.clock.advance(120);
  world.kube.remove("/api/v1/persistentvolumes/pvc-claim-c");
  await settle();
  await work(world);
  await world.clock.advance(60_000);
  await work(world);
  const bound = world.claim("c")?.spec?.volumeName ?? "";
  expect({ bound, exists: world.volume("pvc-claim-c") !== undefined }).toEqual({ bound: "", exists: false });
  await world.stop();
});

test("a claim that is Lost because its volume was deleted is not called Bound", async () => {
  const world = await startExpress();
  world.putVolume("pvc-claim-c", {
    spec: { claimRef: { namespace: "default", name: "c", uid: "claim-c" } },
    status: { phase: "Bound" },
  });
  world.putClaim("c", { spec: { volumeName: "pvc-claim-c" }, status: { phase: "Lost" } });
  await settle();
  await world.clock.advance(120);
  world.kube.remove("/api/v1/persistentvolumes/pvc-claim-c");
  await settle();
  await work(world);
  expect(world.claim("c")?.status?.phase).toBe("Lost");
  await world.stop();
});

test("a claim made anew under the same name is bound by us though the old one's answer comes later", async () => {
  const world = await startExpress();
  world.putClaim("c", { selectedNode: "a" });
  await settle();
  await world.clock.advance(120);
  world.removeClaim("c");
  world.putClaim("c", { selectedNode: "a", metadata: { uid: "claim-c2" } as never });
  await settle();
  expect(world.volume("pvc-claim-c2")).toBeDefined();
  await world.clock.advance(20);
  await work(world, 10);
  await world.clock.advance(60_000);
  await work(world, 10);
  expect(world.claim("c")?.status?.phase).toBe("Bound");
  await world.stop();
});

test("a claim whose patch was refused once and that is Lost later gets its status back", async () => {
  const world = await startExpress();
  world.kube.intercept = (request) => {
    if (request.method === "PATCH" && request.path.endsWith("persistentvolumeclaims/c")) {
      // Somebody else was first, and bound and lost it before our cache saw either.
      world.kube.intercept = () => undefined;
      const claim = world.claim("c");
      world.kube.put("/api/v1/namespaces/default/persistentvolumeclaims/c", {
        ...claim,
        spec: { ...claim?.spec, volumeName: "pvc-claim-c" },
        status: { phase: "Lost" },
      } as never);
      throw new KubeError({ code: 409, reason: "Conflict", message: "changed" });
    }
  };
  world.putClaim("c", { selectedNode: "a" });
  await settle();
  await world.clock.advance(200);
  await work(world);
  expect(world.claim("c")?.spec?.volumeName).toBe("pvc-claim-c");
  await world.clock.advance(60_000);
  await work(world);
  expect(world.claim("c")?.status?.phase).toBe("Bound");
  await world.stop();
});

test("a status patch that fails once after the claim's patch is tried again", async () => {
  const world = await startExpress();
  let refused = 0;
  world.kube.intercept = (request) => {
    if (request.method === "PATCH" && request.path.endsWith("persistentvolumeclaims/c/status") && refused++ === 0) {
      throw new KubeError({ code: 500, reason: "InternalError", message: "etcd" });
    }
  };
  world.putClaim("c", { selectedNode: "a" });
  await settle();
  await world.clock.advance(200);
  await work(world);
  await world.clock.advance(60_000);
  await work(world);
  expect(refused).toBeGreaterThan(0);
  expect(world.claim("c")?.status?.phase).toBe("Bound");
  await world.stop();
});
