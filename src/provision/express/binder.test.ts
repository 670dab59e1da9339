import fc from "fast-check";
import { expect, test } from "vitest";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeError } from "../../kube/errors.ts";
import { fakeDriver, startProvisioner, VOLUME_SPEC } from "../testing/harness.fixture.ts";
import { KcmVolumeWorker } from "../testing/kcm-volume-worker.fixture.ts";

async function start(options: Parameters<typeof startProvisioner>[1] = {}) {
  const world = await startProvisioner(fakeDriver(), { express: true, ...options });
  return { ...world, kcm: new KcmVolumeWorker(world.kube) };
}

/** Lets kube-controller-manager work and answer until nothing more happens. */
async function work(world: Awaited<ReturnType<typeof start>>, rounds = 6): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    world.kcm.drain();
    await settle();
  }
}

test("a claim that kube-controller-manager has not bound within 100 ms is bound, after its acknowledgement, as it would have been", async () => {
  const world = await start();
  world.putClaim("c", { selectedNode: "a" });
  await settle();
  expect(world.volume("pvc-claim-c")?.status?.phase).toBe("Bound");
  await world.clock.advance(90);
  await work(world);
  expect(world.claim("c")?.spec?.volumeName).toBeUndefined();
  await world.clock.advance(20);
  expect(world.claim("c")?.spec?.volumeName).toBeUndefined();
  await work(world);
  expect(world.claim("c")).toMatchObject({
    metadata: {
      annotations: { "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes" },
    },
    spec: { volumeName: "pvc-claim-c" },
    status: { phase: "Bound", capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"] },
  });
  await world.stop();
});

test("a claim that kube-controller-manager binds in time costs no acknowledgement", async () => {
  const world = await start();
  world.putClaim("c", { selectedNode: "a" });
  await settle();
  const claim = world.claim("c");
  world.kube.put("/api/v1/namespaces/default/persistentvolumeclaims/c", {
    ...claim,
    spec: { ...claim?.spec, volumeName: "pvc-claim-c" },
    status: { phase: "Bound" },
  } as never);
  await settle();
  await world.clock.advance(10_000);
  expect(world.kube.log.filter((line) => line === "POST /api/v1/persistentvolumes").length).toBe(1);
  await world.stop();
});

test("a claim whose selected node has changed past our cache is not bound by us", async () => {
  const world = await start();
  world.putClaim("c", { selectedNode: "a" });
  await settle();
  await world.clock.advance(200);
  world.kube.intercept = (request) => {
    if (request.path.endsWith("persistentvolumeclaims/c") && request.method === "PATCH") {
      world.putClaim("c", { selectedNode: "b" });
      world.kube.intercept = () => undefined;
    }
  };
  await work(world);
  expect(world.claim("c")?.status?.phase).toBe("Pending");
  await world.stop();
});

test("an Immediate claim is left to kube-controller-manager while an unclaimed volume of its class exists", async () => {
  const world = await start();
  world.kube.put("/api/v1/persistentvolumes/static", {
    metadata: { name: "static" },
    spec: { ...VOLUME_SPEC, storageClassName: "now" },
    status: { phase: "Available" },
  } as never);
  await settle();
  world.putClaim("c", { spec: { storageClassName: "now" } });
  await settle();
  await world.clock.advance(1_000);
  await work(world);
  expect(world.volume("pvc-claim-c")).toBeDefined();
  expect(world.claim("c")?.spec?.volumeName).toBeUndefined();
  await world.stop();
});

test("a claim that is Lost although its volume is there gets its status back, after an acknowledgement", async () => {
  const world = await start();
  world.putVolume("pvc-claim-c", {
    spec: { claimRef: { namespace: "default", name: "c", uid: "claim-c" } },
    status: { phase: "Bound" },
  });
  world.putClaim("c", { spec: { volumeName: "pvc-claim-c" }, status: { phase: "Lost" } });
  await settle();
  await world.clock.advance(200);
  expect(world.claim("c")?.status?.phase).toBe("Lost");
  await work(world);
  expect(world.claim("c")?.status?.phase).toBe("Bound");
  await world.stop();
});

test.each([403, 400])("a patch refused with %i leaves the claim to kube-controller-manager", async (code) => {
  const world = await start();
  world.kube.intercept = (request) => {
    if (request.method === "PATCH" && request.path.includes("persistentvolumeclaims")) {
      throw new KubeError({ code, reason: "R", message: "no" });
    }
  };
  world.putClaim("c", { selectedNode: "a" });
  await settle();
  await world.clock.advance(200);
  await work(world);
  const patches = world.kube.log.filter((line) => line.includes("persistentvolumeclaims/c")).length;
  await world.clock.advance(60_000);
  await work(world);
  expect(world.kube.log.filter((line) => line.includes("persistentvolumeclaims/c")).length).toBe(patches);
  expect(world.claim("c")?.spec?.volumeName).toBeUndefined();
  await world.stop();
});

test("whatever kube-controller-manager's pace, no claim is bound before it has the volume, and all are bound in the end", async () => {
  const action = fc.oneof(
    { weight: 3, arbitrary: fc.constant("claim" as const) },
    { weight: 8, arbitrary: fc.constant("step" as const) },
    { weight: 3, arbitrary: fc.constant("time" as const) },
    { weight: 1, arbitrary: fc.constant("resync" as const) },
    { weight: 2, arbitrary: fc.constant("foreign" as const) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 20, maxLength: 60 }), async (actions) => {
      const world = await start();
      const names: string[] = [];
      const look = (): void => {
        for (const name of names) {
          const bound = (world.claim(name)?.spec?.volumeName ?? "") !== "";
          if (bound && !world.kcm.known.has(`pvc-claim-${name}`)) throw new Error(`claim ${name} would be Lost`);
        }
      };
      for (const [index, name] of actions.entries()) {
        if (name === "claim") {
          names.push(`c${String(index)}`);
          world.putClaim(`c${String(index)}`, { selectedNode: "a" });
        } else if (name === "foreign") {
          const metadata = { name: `foreign-${String(index)}` };
          const spec = { ...VOLUME_SPEC, claimRef: { namespace: "default", name: "other" } };
          world.kube.put(`/api/v1/persistentvolumes/${metadata.name}`, { metadata, spec });
        } else if (name === "step") world.kcm.step();
        else if (name === "resync") world.kcm.resync((all) => all.toReversed());
        else await world.clock.advance(60);
        await settle(4);
        look();
      }
      await world.clock.advance(200);
      for (let round = 0; round < 10; round += 1) {
        world.kcm.drain();
        await world.clock.advance(100);
        look();
      }
      expect(names.filter((name) => world.claim(name)?.status?.phase !== "Bound")).toEqual([]);
      await world.stop();
    }),
    { numRuns: 100 },
  );
});
