import { describe, expect, test } from "vitest";
import { SELECTED_NODE, STORAGE_PROVISIONER } from "../../api/names.ts";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import { KubeError } from "../../kube/errors.ts";
import type { Pod } from "../../kube/kinds.ts";
import { defineErrors } from "../../observe/errors.ts";
import type { Driver } from "../driver.ts";
import { refusalOf } from "../refusals.ts";
import { fakeDriver, PROVISIONER, startProvisioner } from "../testing/harness.fixture.ts";

const errors = defineErrors("TEST", {
  NO_ROOM: { message: () => "no room here", retry: "reschedule", advice: "-" },
  NO_POOL: { message: () => "no pool yet", retry: "change", advice: "-" },
  BROKEN: { message: () => "broken", retry: "backoff", advice: "-" },
});

test("a claim with a selected node gets a volume that belongs to it alone", async () => {
  const driver = fakeDriver();
  const world = await startProvisioner(driver);
  world.putClaim("c", { selectedNode: "a" });
  await settle();
  expect(world.volume("pvc-claim-c")).toMatchObject({
    metadata: { annotations: { made: "yes", "pv.kubernetes.io/provisioned-by": PROVISIONER } },
    spec: {
      accessModes: ["ReadWriteOnce"],
      capacity: { storage: "1Gi" },
      claimRef: { kind: "PersistentVolumeClaim", namespace: "default", name: "c", uid: "claim-c" },
      hostPath: { path: "/data/pvc-claim-c" },
      persistentVolumeReclaimPolicy: "Delete",
      storageClassName: "fast",
    },
  });
  expect(driver.calls).toEqual(["provision pvc-claim-c on a", "stored pvc-claim-c"]);
  expect(world.said("PersistentVolumeClaim c")).toEqual([
    'Provisioning: External provisioner is provisioning volume for claim "default/c"',
    "ProvisioningSucceeded: Successfully provisioned volume pvc-claim-c",
  ]);
  await world.stop();
});

test("a claim that waits for its first consumer is left alone until the scheduler has chosen a node", async () => {
  const driver = fakeDriver();
  const world = await startProvisioner(driver);
  world.putClaim("c");
  await settle();
  expect(driver.calls).toEqual([]);
  await world.stop();
});

test("an Immediate claim is made on a node the driver chooses among those that are Ready and not cordoned", async () => {
  let offered: readonly unknown[] = [];
  const driver = fakeDriver({
    chooseNode: (_, candidates) => {
      offered = candidates.map((node) => node.metadata?.name);
      return candidates[0];
    },
  });
  const world = await startProvisioner(driver);
  world.kube.put("/api/v1/nodes/b", {
    metadata: { name: "b" },
    spec: { unschedulable: true },
    status: { conditions: [{ type: "Ready", status: "True" }] },
  } as never);
  world.kube.put("/api/v1/nodes/c", {
    metadata: { name: "c" },
    status: { conditions: [{ type: "Ready", status: "Unknown" }] },
  } as never);
  await settle();
  world.putClaim("c", { spec: { storageClassName: "now" } });
  await settle();
  expect(offered).toEqual(["a"]);
  expect(driver.calls[0]).toBe("provision pvc-claim-c on a");
  await world.stop();
});

describe("the driver that chooses a node is told where the claim's pods can run", () => {
  const pod = {
    metadata: { name: "p", namespace: "default", uid: "uid-p" },
    spec: {
      containers: [{ name: "main", image: "x" }],
      nodeSelector: { disk: "fast" },
      volumes: [{ name: "data", persistentVolumeClaim: { claimName: "c" } }],
    },
  };
  const chooses = (): { told: unknown[]; driver: Driver } => {
    const told: unknown[] = [];
    const driver = fakeDriver({
      chooseNode: (_, candidates, pods) => {
        told.push(
          candidates.map((node) => pods.suits(node)),
          pods.drawBy,
        );
        return candidates[0];
      },
    });
    return { told, driver };
  };

  test("by the watch of pods", async () => {
    const { told, driver } = chooses();
    const world = await startProvisioner(driver);
    world.kube.put("/api/v1/namespaces/default/pods/p", pod as never);
    await settle();
    world.putClaim("c", { spec: { storageClassName: "now" } });
    await settle();
    expect(told).toEqual([[false], "claim-c"]);
    await world.stop();
  });

  test("by a read of its namespace's pods where they are not watched", async () => {
    const { told, driver } = chooses();
    const asked: string[] = [];
    const podsIn = (namespace: string): Promise<readonly Pod[]> => {
      asked.push(namespace);
      return Promise.resolve([pod as Pod]);
    };
    const world = await startProvisioner(driver, { podsIn });
    world.putClaim("c", { spec: { storageClassName: "now" } });
    world.putClaim("other", { selectedNode: "a" });
    await settle();
    expect(told).toEqual([[false], "claim-c"]);
    expect(asked).toEqual(["default"]);
    await world.stop();
  });
});

test("a node that cannot serve the claim sends it back to the scheduler", async () => {
  const driver = fakeDriver({ provision: () => Promise.reject(errors.NO_ROOM({})) });
  const world = await startProvisioner(driver);
  world.putClaim("c", { selectedNode: "a" });
  await settle();
  expect(world.claim("c")?.metadata?.annotations?.[SELECTED_NODE]).toBeUndefined();
  expect(world.said("PersistentVolumeClaim c").at(-1)).toContain("no room here");
  await world.stop();
});

test("the driver is given the selected node as the server has it, though the watch has not told of its new labels", async () => {
  const labels: unknown[] = [];
  const driver = fakeDriver({
    provision: ({ node }) => {
      labels.push(node?.metadata?.labels);
      return Promise.reject(errors.BROKEN({}));
    },
  });
  const world = await startProvisioner(driver);
  const name = "/api/v1/nodes/a";
  world.kube.intercept = (request) => {
    if (request.method !== "GET" || request.path !== name) return;
    world.kube.intercept = () => undefined;
    world.kube.put(name, { ...world.kube.at(name), metadata: { name: "a", labels: { rack: "new" } } } as never);
  };
  world.putClaim("c", { selectedNode: "a" });
  await settle();
  expect(labels).toEqual([{ rack: "new" }]);
  await world.stop();
});

test("a selected node that is gone sends the claim back to the scheduler", async () => {
  const driver = fakeDriver();
  const world = await startProvisioner(driver);
  world.putClaim("c", { selectedNode: "gone" });
  await settle();
  expect(world.claim("c")?.metadata?.annotations?.[SELECTED_NODE]).toBeUndefined();
  expect(driver.calls).toEqual([]);
  await world.stop();
});

test("with the right to update claims only, as with the original's Helm chart, the claim is written back without the node", async () => {
  const driver = fakeDriver({ provision: () => Promise.reject(errors.NO_ROOM({})) });
  const world = await startProvisioner(driver);
  world.kube.intercept = (request) => {
    if (request.method === "PATCH") throw new KubeError({ code: 403, reason: "Forbidden", message: "no" });
  };
  world.putClaim("c", {
    metadata: { annotations: { [SELECTED_NODE]: "a", mine: "stays", [STORAGE_PROVISIONER]: PROVISIONER } } as never,
  });
  await settle();
  expect(world.claim("c")?.metadata?.annotations).toEqual({ mine: "stays", [STORAGE_PROVISIONER]: PROVISIONER });
  expect(world.claim("c")?.spec?.storageClassName).toBe("fast");
  expect(world.said("PersistentVolumeClaim c").at(-1)).toContain("no room here");
  await world.stop();
});

describe("a node that cannot be taken off its claim", () => {
  const inUse = 'ValidatingAdmissionPolicy "claims-stay" denied request: claims may not be changed';
  test.each([
    [403, "Forbidden", "no right"],
    [422, "Invalid", inUse],
    [400, "BadRequest", "a webhook says no"],
  ])("is told once with the server's words (%i), and tried again after minutes", async (code, reason, message) => {
    const driver = fakeDriver({ provision: () => Promise.reject(errors.NO_ROOM({})) });
    const world = await startProvisioner(driver);
    let refusals = 0;
    world.kube.intercept = (request) => {
      if (["PATCH", "PUT"].includes(request.method) && request.path.includes("persistentvolumeclaims")) {
        refusals += 1;
        throw new KubeError({ code, reason, message });
      }
    };
    world.putClaim("c", { selectedNode: "a" });
    await settle();
    expect(world.claim("c")?.metadata?.annotations?.[SELECTED_NODE]).toBe("a");
    const told = `ProvisioningFailed: failed to provision volume with StorageClass "fast": no room here; the scheduler should choose another node, but the claim may not be changed: ${message}`;
    expect(world.said("PersistentVolumeClaim c")).toEqual([expect.any(String), told]);
    const first = refusals;
    await world.clock.advance(299_000);
    expect(refusals).toBe(first);
    world.kube.intercept = () => undefined;
    await world.clock.advance(2_000);
    expect(world.claim("c")?.metadata?.annotations?.[SELECTED_NODE]).toBeUndefined();
    await world.stop();
  });

  test("because the scheduler has chosen another one meanwhile is nothing to tell", async () => {
    const driver = fakeDriver({ provision: () => Promise.reject(errors.NO_ROOM({})) });
    const world = await startProvisioner(driver);
    world.kube.intercept = (request) => {
      if (request.method !== "PATCH" || !request.path.includes("persistentvolumeclaims")) return;
      world.kube.intercept = () => undefined;
      world.putClaim("c", { selectedNode: "b" });
      throw new KubeError({ code: 422, reason: "Invalid", message: "the test failed" });
    };
    world.putClaim("c", { selectedNode: "a" });
    await settle();
    expect(world.said("PersistentVolumeClaim c").join()).not.toContain("may not be changed");
    await world.stop();
  });
});

test("a failed attempt is tried again after 15 s, then after 30 s", async () => {
  let attempts = 0;
  const driver = fakeDriver({
    provision: () => {
      attempts += 1;
      return Promise.reject(errors.BROKEN({}));
    },
  });
  const world = await startProvisioner(driver);
  world.putClaim("c", { selectedNode: "a" });
  await settle();
  expect(attempts).toBe(1);
  await world.clock.advance(14_900);
  expect(attempts).toBe(1);
  await world.clock.advance(200);
  expect(attempts).toBe(2);
  await world.clock.advance(29_000);
  expect(attempts).toBe(2);
  await world.clock.advance(1_100);
  expect(attempts).toBe(3);
  await world.stop();
});

test.each([
  [
    "a clone of another claim",
    { dataSource: { kind: "PersistentVolumeClaim", name: "other" } },
    "cannot fill a volume",
  ],
  [
    "a snapshot",
    { dataSourceRef: { apiGroup: "snapshot.storage.k8s.io", kind: "VolumeSnapshot", name: "s" } },
    "cannot fill a volume",
  ],
  ["a raw block volume", { volumeMode: "Block" }, `${PROVISIONER} does not support block volume provisioning`],
  ["attributes", { volumeAttributesClassName: "gold" }, "VolumeAttributesClass"],
])("%s is refused with one event and never bound empty", async (_, spec, text) => {
  const driver = fakeDriver();
  const world = await startProvisioner(driver);
  world.putClaim("c", { selectedNode: "a", spec: spec as never });
  await settle();
  world.putClaim("c", { selectedNode: "a", spec: spec as never, metadata: { labels: { touched: "yes" } } as never });
  await settle();
  expect(driver.calls).toEqual([]);
  const said = world.said("PersistentVolumeClaim c");
  expect(said.length).toBe(1);
  expect(said[0]).toContain(text);
  await world.stop();
});

test("a claim that a populator is to fill is left to it, with an event that says so", async () => {
  const driver = fakeDriver();
  const world = await startProvisioner(driver);
  const dataSourceRef = { apiGroup: "populators.example.com", kind: "Archive", name: "x" };
  world.putClaim("c", { selectedNode: "a", spec: { dataSourceRef } as never });
  await settle();
  expect(driver.calls).toEqual([]);
  expect(world.said("PersistentVolumeClaim c")[0]).toContain("populator");
  await world.stop();
});

test("a volume whose answer was lost is not made twice", async () => {
  const driver = fakeDriver();
  const world = await startProvisioner(driver);
  let lost = true;
  world.kube.onWrite = (path) => {
    if (path.startsWith("/api/v1/persistentvolumes/") && lost) {
      lost = false;
      throw new KubeError({ code: 0, reason: "ConnectionReset", message: "reset" });
    }
  };
  world.putClaim("c", { selectedNode: "a" });
  await settle();
  await world.clock.advance(20_000);
  const created = world.kube.log.filter((line) => line === "POST /api/v1/persistentvolumes").length;
  expect(created).toBeLessThanOrEqual(2);
  expect(world.volume("pvc-claim-c")?.spec?.claimRef?.uid).toBe("claim-c");
  await world.stop();
});

test("a claim that is deleted while its volume is made ends that work and leaves no volume", async () => {
  const left = new Set<string>();
  const driver = fakeDriver({
    provision: ({ volumeName }, signal) => {
      left.add(volumeName);
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          reject(signal.reason as Error);
        });
      });
    },
    attempts: () => [...left],
    removeAttempt: (name) => {
      left.delete(name);
      return Promise.resolve();
    },
  });
  const world = await startProvisioner(driver);
  world.putClaim("c", { selectedNode: "a" });
  await settle();
  expect([...left]).toEqual(["pvc-claim-c"]);
  world.removeClaim("c");
  await settle(60);
  expect(left.size).toBe(0);
  expect(world.volume("pvc-claim-c")).toBeUndefined();
  await world.stop();
});

test("another driver's claim is never touched", async () => {
  const driver = fakeDriver();
  const world = await startProvisioner(driver);
  world.putClaim("c", {
    metadata: { annotations: { "volume.kubernetes.io/storage-provisioner": "other", [SELECTED_NODE]: "a" } } as never,
  });
  await settle();
  expect(driver.calls).toEqual([]);
  expect(world.kube.log.filter((line) => !line.startsWith("GET") && !line.startsWith("WATCH"))).toEqual([]);
  await world.stop();
});

test("a claim that waits for a change is tried again when the driver tells of one", async () => {
  let attempts = 0;
  let changed: () => void = () => undefined;
  const driver = fakeDriver({
    provision: () => {
      attempts += 1;
      return Promise.reject(errors.NO_POOL({}));
    },
    onChange: (handler) => {
      changed = handler;
      return () => undefined;
    },
  });
  const world = await startProvisioner(driver);
  world.putClaim("c", { selectedNode: "a" });
  await settle();
  expect(attempts).toBe(1);
  changed();
  await settle();
  expect(attempts).toBe(2);
  await world.stop();
});

test("a claim that failed for another reason is not tried again on a change", async () => {
  let attempts = 0;
  let changed: () => void = () => undefined;
  const driver = fakeDriver({
    provision: () => {
      attempts += 1;
      return Promise.reject(errors.BROKEN({}));
    },
    onChange: (handler) => {
      changed = handler;
      return () => undefined;
    },
  });
  const world = await startProvisioner(driver);
  world.putClaim("c", { selectedNode: "a" });
  await settle();
  changed();
  await settle();
  expect(attempts).toBe(1);
  await world.stop();
});

test("a driver that supports block volumes is given the claim for one", async () => {
  const driver = fakeDriver({ refusal: refusalOf(PROVISIONER, { block: true }) });
  const world = await startProvisioner(driver);
  world.putClaim("c", { selectedNode: "a", spec: { volumeMode: "Block" } });
  await settle();
  expect(driver.calls).toEqual(["provision pvc-claim-c on a", "stored pvc-claim-c"]);
  await world.stop();
});

test("a refusal names what to use instead", async () => {
  const world = await startProvisioner(fakeDriver());
  world.putClaim("c", { selectedNode: "a", spec: { volumeMode: "Block" } });
  await settle();
  expect(world.said("PersistentVolumeClaim c")[0]).toContain("Use volumeMode Filesystem in a new claim");
  await world.stop();
});

test("a claim whose pod fits no other node is not sent back and forth without end", async () => {
  const world = await startProvisioner(fakeDriver({ provision: () => Promise.reject(errors.NO_ROOM({})) }));
  const node = { metadata: { name: "b" }, status: { conditions: [{ type: "Ready", status: "True" }] } };
  world.kube.put("/api/v1/nodes/b", node as never);
  const failed = 'failed to provision volume with StorageClass "fast": no room here';
  const said = (node: string, what: string): number =>
    world.events.filter(({ message }) => message === `node ${node} cannot hold the volume, ${what}: ${failed}`).length;
  const sentBack = (from: string): number => said(from, "the scheduler is asked for another one");
  // A scheduler that has no other node, and looks every second.
  for (let second = 0; second < 600; second++) {
    if (world.claim("c")?.metadata?.annotations?.[SELECTED_NODE] === undefined) {
      world.putClaim("c", { selectedNode: "a" });
    }
    await settle();
    await world.clock.advance(1000);
  }
  // At once, then after pauses of 15 and 30 s, and then every minute.
  expect(sentBack("a")).toBe(12);
  expect(said("a", "and the scheduler chose it again: the pod may fit no other node")).toBe(12);
  // It has not been on this node before.
  world.putClaim("c", { selectedNode: "b" });
  await settle();
  expect(sentBack("b")).toBe(1);
  await world.stop();
});
