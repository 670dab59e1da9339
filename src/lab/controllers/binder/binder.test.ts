import { afterEach, expect, test } from "vitest";
import { manualClock, settle } from "../../../effects/testing/manual-clock.fixture.ts";
import type { Event, PersistentVolume, PersistentVolumeClaim, StorageClass } from "../../../kube/kinds.ts";
import { LabKube } from "../../api/testing/lab-kube.fixture.ts";
import { laggingKube, WatchLag } from "../../process/lagging-kube.ts";
import { startController } from "../testing/fast-forward.fixture.ts";
import { Binder } from "./binder.ts";
import { BinderFaults } from "./faults.ts";

const CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims/";
const VOLUMES = "/api/v1/persistentvolumes/";
const BOUND = { "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes" };

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

function world(clock = manualClock()) {
  const kube = new LabKube({ clock });
  const storageClass = (name: string, volumeBindingMode: "Immediate" | "WaitForFirstConsumer", provisioner: string) => {
    const object: StorageClass = { metadata: { name }, provisioner, volumeBindingMode };
    kube.put(`/apis/storage.k8s.io/v1/storageclasses/${name}`, object);
  };
  storageClass("slow", "WaitForFirstConsumer", "example.com/p");
  storageClass("now", "Immediate", "example.com/p");
  storageClass("static", "Immediate", "kubernetes.io/no-provisioner");
  return {
    kube,
    volume: (name: string) => kube.at(`${VOLUMES}${name}`) as PersistentVolume | undefined,
    claim: (name: string) => kube.at(`${CLAIMS}${name}`) as PersistentVolumeClaim | undefined,
    putVolume: (name: string, spec: PersistentVolume["spec"] = {}, annotations: Record<string, string> = {}) => {
      const object: PersistentVolume = {
        metadata: { name, annotations },
        spec: {
          capacity: { storage: "1Gi" },
          accessModes: ["ReadWriteOnce"],
          storageClassName: "slow",
          hostPath: { path: `/data/${name}` },
          ...spec,
        },
        status: { phase: "Pending" },
      };
      kube.put(`${VOLUMES}${name}`, object);
    },
    putClaim: (name: string, spec: PersistentVolumeClaim["spec"] = {}, annotations: Record<string, string> = {}) => {
      const object: PersistentVolumeClaim = {
        metadata: { name, namespace: "default", uid: `uid-of-${name}`, annotations },
        spec: {
          accessModes: ["ReadWriteOnce"],
          storageClassName: "slow",
          resources: { requests: { storage: "1Gi" } },
          ...spec,
        },
        status: { phase: "Pending" },
      };
      kube.put(`${CLAIMS}${name}`, object);
    },
    events: (about: string) =>
      kube
        .list("/api/v1/events")
        .map((object) => object as Event)
        .filter((event) => event.involvedObject.name === about)
        .map((event) => `${event.reason ?? ""}: ${event.message ?? ""}`),
  };
}

async function start(options: { faults?: BinderFaults; lag?: WatchLag } = {}) {
  const clock = manualClock();
  const made = world(clock);
  const watches = options.lag === undefined ? undefined : laggingKube(made.kube, clock, options.lag);
  const started = await startController(made.kube, (process) => new Binder(process, options.faults), {
    clock,
    ...(watches === undefined ? {} : { watches }),
  });
  stops.push(started.stop);
  return { ...made, ...started };
}

const refOf = (name: string) => ({ name, namespace: "default", uid: `uid-of-${name}` });

/** As express bind writes it. */
function bindClaim(on: Awaited<ReturnType<typeof start>>, name: string, volumeName: string): void {
  const claim = on.claim(name);
  const status = { phase: "Bound", capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"] };
  const bound = {
    ...claim,
    metadata: { ...claim?.metadata, annotations: BOUND },
    spec: { ...claim?.spec, volumeName },
    status,
  };
  on.kube.put(`${CLAIMS}${name}`, bound);
}

test("a volume without a claim becomes Available, a claim of a delayed class waits for its first consumer", async () => {
  const on = await start();
  on.putVolume("v");
  on.putClaim("c");
  await settle();
  expect(on.volume("v")?.status?.phase).toBe("Available");
  expect(on.claim("c")?.status?.phase).toBe("Pending");
  expect(on.events("c")).toEqual(["WaitForFirstConsumer: waiting for first consumer to be created before binding"]);
});

test("a claim with a selected node is given its provisioner under both names", async () => {
  const on = await start();
  on.putClaim("c", {}, { "volume.kubernetes.io/selected-node": "a" });
  await settle();
  expect(on.claim("c")?.metadata?.annotations).toMatchObject({
    "volume.kubernetes.io/storage-provisioner": "example.com/p",
    "volume.beta.kubernetes.io/storage-provisioner": "example.com/p",
  });
  expect(on.events("c")[0]).toMatch(/^ExternalProvisioning: Waiting for a volume .* 'example.com\/p'/);
});

test("a volume made for a claim, UID and all, is bound without the volume's bound-by-controller", async () => {
  const on = await start();
  on.putClaim("c", {}, { "volume.kubernetes.io/selected-node": "a" });
  await settle();
  on.putVolume("pvc-1", { claimRef: refOf("c") });
  await settle();
  expect(on.volume("pvc-1")?.status?.phase).toBe("Bound");
  expect(on.volume("pvc-1")?.metadata?.annotations).toBeUndefined();
  expect(on.claim("c")).toMatchObject({
    metadata: { annotations: BOUND },
    spec: { volumeName: "pvc-1" },
    status: { phase: "Bound", capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"] },
  });
});

test("an Immediate claim takes the smallest static volume that fits, and both sides carry the mark of the controller", async () => {
  const on = await start();
  on.putVolume("large", { storageClassName: "now", capacity: { storage: "5Gi" } });
  on.putVolume("small", { storageClassName: "now", capacity: { storage: "2Gi" } });
  on.putVolume("tiny", { storageClassName: "now", capacity: { storage: "1Mi" } });
  on.putVolume("foreign", { storageClassName: "other" });
  await settle();
  on.putClaim("c", { storageClassName: "now" });
  await settle();
  expect(on.claim("c")?.spec?.volumeName).toBe("small");
  expect(on.volume("small")).toMatchObject({
    metadata: { annotations: { "pv.kubernetes.io/bound-by-controller": "yes" } },
    spec: { claimRef: { kind: "PersistentVolumeClaim", name: "c", uid: "uid-of-c" } },
    status: { phase: "Bound" },
  });
  expect(on.claim("c")?.status?.capacity).toEqual({ storage: "2Gi" });
});

test("a volume set aside by name alone stays Available until its claim comes, even for a delayed class", async () => {
  const on = await start();
  on.putVolume("v", { claimRef: { name: "c", namespace: "default" } });
  await settle();
  expect(on.volume("v")?.status?.phase).toBe("Available");
  on.putClaim("c");
  await settle();
  expect(on.claim("c")).toMatchObject({ spec: { volumeName: "v" }, status: { phase: "Bound" } });
  expect(on.volume("v")?.spec?.claimRef?.uid).toBe("uid-of-c");
});

test("a claim that names a volume which does not suit it is told why and stays Pending", async () => {
  const on = await start();
  on.putVolume("v", { capacity: { storage: "1Mi" } });
  await settle();
  on.putClaim("c", { volumeName: "v" });
  await settle();
  expect(on.claim("c")?.status?.phase).toBe("Pending");
  expect(on.events("c")).toContain('VolumeMismatch: Cannot bind to requested volume "v": requested PV is too small');
});

test("a class of kube-controller-manager's own provisions nothing, and a missing class is named", async () => {
  const on = await start();
  on.putClaim("c", { storageClassName: "static" });
  on.putClaim("d", { storageClassName: "absent" });
  await settle();
  expect(on.events("c")).toEqual(["ProvisioningFailed: no volume plugin matched name: kubernetes.io/no-provisioner"]);
  expect(on.events("d")).toEqual(['ProvisioningFailed: storageclass.storage.k8s.io "absent" not found']);
});

test("a claim's deletion releases its volume: one with provisioned-by is left to its provisioner, a host path without becomes Failed", async () => {
  const on = await start();
  for (const [name, annotations] of [
    ["ours", { "pv.kubernetes.io/provisioned-by": "example.com/p" }],
    ["plain", {}],
  ] as const) {
    on.putClaim(name, {}, { "volume.kubernetes.io/selected-node": "a" });
    on.putVolume(
      `pv-${name}`,
      { claimRef: refOf(name), persistentVolumeReclaimPolicy: "Delete", hostPath: { path: `/opt/${name}` } },
      annotations,
    );
  }
  await settle();
  on.kube.remove(`${CLAIMS}ours`);
  on.kube.remove(`${CLAIMS}plain`);
  await settle();
  await on.clock.advance(5_000);
  expect(on.volume("pv-ours")?.status?.phase).toBe("Released");
  expect(on.volume("pv-plain")?.status?.phase).toBe("Failed");
  expect(on.events("pv-plain")).toEqual([
    "VolumeFailedDelete: host_path deleter only supports /tmp/.+ but received provided /opt/plain",
  ]);
});

test("a second volume for a claim that has one is released when it was provisioned, and unbound when it was not", async () => {
  const on = await start();
  on.putClaim("c", {}, { "volume.kubernetes.io/selected-node": "a" });
  on.putVolume("first", { claimRef: refOf("c") });
  await settle();
  on.putVolume(
    "double",
    { claimRef: refOf("c"), persistentVolumeReclaimPolicy: "Delete" },
    { "pv.kubernetes.io/provisioned-by": "example.com/p" },
  );
  on.putVolume("by-hand", { claimRef: refOf("c") });
  await settle();
  expect(on.volume("double")?.status?.phase).toBe("Released");
  expect(on.volume("by-hand")?.status?.phase).toBe("Available");
  expect(on.volume("by-hand")?.spec?.claimRef).toEqual({ name: "c", namespace: "default" });
});

test("a claim bound before the volume worker has its volume is Lost, and Bound again once it is synced after that", async () => {
  const faults = new BinderFaults();
  const on = await start({ faults });
  on.putClaim("c", {}, { "volume.kubernetes.io/selected-node": "a" });
  faults.hold("volumes");
  on.putVolume("pvc-1", { claimRef: refOf("c") });
  await settle();
  bindClaim(on, "c", "pvc-1");
  await settle();
  expect(on.claim("c")?.status?.phase).toBe("Lost");
  expect(on.claim("c")?.status?.capacity).toBeUndefined();
  await on.clock.advance(2_000);
  expect(on.events("c")).toContain("ClaimLost: Bound claim has lost its PersistentVolume. Data on the volume is lost!");
  faults.release("volumes");
  await settle();
  expect(on.volume("pvc-1")?.status?.phase).toBe("Bound");
  expect(on.claim("c")?.status?.phase).toBe("Lost");
  await on.clock.advance(15_000);
  expect(on.claim("c")?.status).toMatchObject({ phase: "Bound", capacity: { storage: "1Gi" } });
});

test("a claim becomes Lost also when only the watch of volumes is late", async () => {
  const lag = new WatchLag();
  const on = await start({ lag });
  on.putClaim("c", {}, { "volume.kubernetes.io/selected-node": "a" });
  await settle();
  lag.set("persistentvolumes", 3_000);
  on.putVolume("pvc-1", { claimRef: refOf("c") });
  bindClaim(on, "c", "pvc-1");
  await settle();
  expect(on.claim("c")?.status?.phase).toBe("Lost");
  await on.clock.advance(15_000);
  expect(on.claim("c")?.status?.phase).toBe("Bound");
});

test("the first answer of a canary can come before the worker has a volume that was written before the question", async () => {
  const faults = new BinderFaults();
  const on = await start({ faults });
  on.putVolume("busy");
  on.putVolume("canary");
  await settle();
  const canary = (phase: string): void => {
    on.kube.put(`${VOLUMES}canary`, { ...on.volume("canary"), status: { phase } });
  };
  // The worker is at work on another volume; the canary is in the queue from its own last answer.
  faults.hold("volumes");
  on.kube.put(`${VOLUMES}busy`, { ...on.volume("busy"), status: { phase: "Available", message: "changed" } });
  await settle();
  canary("Available");
  on.putVolume("pvc-1", { claimRef: refOf("c") });
  canary("Pending");
  await settle();
  let knownAtFirstAnswer: boolean | undefined;
  let knownAtSecondAnswer: boolean | undefined;
  on.kube.onWrite("/api/v1/persistentvolumes", (path, object) => {
    if (path !== `${VOLUMES}canary` || (object as PersistentVolume).status?.phase !== "Available") return;
    const known = on.controller.known.includes("pvc-1");
    if (knownAtFirstAnswer === undefined) {
      knownAtFirstAnswer = known;
      canary("Pending");
    } else knownAtSecondAnswer ??= known;
  });
  faults.release("volumes");
  await settle(60);
  expect(knownAtFirstAnswer).toBe(false);
  expect(knownAtSecondAnswer).toBe(true);
});

test("its requests, events among them, are at most 20 a second after a burst of 30", async () => {
  const on = await start();
  const before = on.kube.log.length;
  for (let index = 0; index < 200; index += 1) on.putVolume(`v-${index}`);
  await settle(60);
  const burst = on.kube.log.length - before;
  expect(burst).toBe(30);
  await on.clock.advance(2_000);
  expect(on.kube.log.length - before - burst).toBe(40);
});

test("after a restart everything is taken in at once: a bound claim is not Lost", async () => {
  const made = world();
  made.putVolume("v", { claimRef: refOf("c") });
  made.putClaim("c", { volumeName: "v" }, BOUND);
  const started = await startController(made.kube, (process) => new Binder(process));
  stops.push(started.stop);
  await settle();
  expect(made.claim("c")?.status?.phase).toBe("Bound");
  expect(made.events("c")).toEqual([]);
});
