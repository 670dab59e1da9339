import { expect, test } from "vitest";
import { localVolumeSpec } from "../api/testing/local-volume.fixture.ts";
import { PROVISIONED_BY, VOLUME_FINALIZER } from "../api/names.ts";
import { manualClock } from "../effects/testing/manual-clock.fixture.ts";
import { KubeClient } from "../kube/client.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../kube/kinds.ts";
import type { Stored } from "../kube/objects.ts";
import { IndexedStore } from "../kube/watch/store.ts";
import { silentLog } from "../observe/log.ts";
import { LabKube } from "../lab/api/testing/lab-kube.fixture.ts";
import type { Confirm, RemovedVolume } from "../provision/driver.ts";
import { volumeIndexes } from "../provision/indexes.ts";
import { createMovableDriver, type MovableDeps } from "./driver.ts";

const LOCAL_VOLUME = "/apis/mooring.dev/v1alpha1/localvolumes/v";
const VOLUMES = "/api/v1/persistentvolumes";

interface Change {
  readonly claimRef?: object;
  readonly handle?: string;
  readonly phase?: string;
  readonly policy?: string;
  readonly driver?: string;
}

function persistentVolume(name: string, change: Change = {}): PersistentVolume {
  const claimRef = { namespace: "ns", name: `claim-of-${name}`, uid: `uid-of-${name}` };
  return {
    metadata: {
      name,
      uid: `uid-${name}`,
      annotations: { [PROVISIONED_BY]: "mooring.dev" },
      finalizers: [VOLUME_FINALIZER],
    },
    spec: {
      accessModes: ["ReadWriteOnce"],
      capacity: { storage: "1Gi" },
      persistentVolumeReclaimPolicy: change.policy ?? "Delete",
      claimRef: change.claimRef ?? claimRef,
      csi: { driver: change.driver ?? "mooring.dev", volumeHandle: change.handle ?? "v" },
    },
    status: { phase: change.phase ?? "Released" },
  };
}

/** A driver whose cache has these PersistentVolumes. */
function driverOn(kube: LabKube, cached: readonly string[]) {
  const store = new IndexedStore<Stored<PersistentVolume>>(volumeIndexes, () => undefined);
  for (const name of cached) store.set(name, kube.at(`${VOLUMES}/${name}`) as Stored<PersistentVolume>);
  const volumes = { list: () => [], get: () => undefined };
  const deps = { client: new KubeClient(kube), log: silentLog, persistentVolumes: { store }, volumes };
  return createMovableDriver(deps as unknown as MovableDeps);
}

/** Removes the PersistentVolume "old" of the LocalVolume "v", beside these. */
async function remove(
  others: readonly PersistentVolume[],
  claims: readonly PersistentVolumeClaim[] = [],
  confirm: Confirm = () => Promise.resolve(true),
): Promise<{ removed: RemovedVolume; reclaim: boolean | undefined }> {
  const kube = new LabKube({ clock: manualClock() });
  kube.put(LOCAL_VOLUME, { metadata: { name: "v" }, spec: localVolumeSpec("node-a") });
  for (const volume of [persistentVolume("old"), ...others]) {
    kube.put(`${VOLUMES}/${volume.metadata?.name ?? ""}`, volume);
  }
  for (const claim of claims) {
    const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, ...claim.spec };
    kube.put(`/api/v1/namespaces/ns/persistentvolumeclaims/${claim.metadata?.name ?? ""}`, { ...claim, spec });
  }
  const driver = driverOn(kube, ["old", ...others.map(({ metadata }) => metadata?.name ?? "")]);
  const old = kube.at(`${VOLUMES}/old`) as Stored<PersistentVolume>;
  const removed = await driver.remove(old, confirm, new AbortController().signal);
  const { spec } = kube.at(LOCAL_VOLUME) as { spec?: { reclaim?: boolean } };
  return { removed, reclaim: spec?.reclaim };
}

test.each<[string, Change]>([
  ["is Bound", { phase: "Bound" }],
  ["is Available, reserved for a claim", { phase: "Available", claimRef: { namespace: "ns", name: "next" } }],
  ["is Released, with policy Retain", { policy: "Retain" }],
])("the data of a volume stays while another PersistentVolume that has it %s", async (_, change) => {
  const { reclaim, removed } = await remove([persistentVolume("new", change)]);
  expect(removed).toMatchObject({
    outcome: "kept",
    message: expect.stringContaining("PersistentVolume new") as string,
  });
  expect(reclaim).toBe(false);
});

test("the data of a volume stays while a claim asks for a Released PersistentVolume that has it", async () => {
  const claim = { metadata: { name: "claim-of-new", namespace: "ns", uid: "restored" }, spec: { volumeName: "new" } };
  const { reclaim, removed } = await remove([persistentVolume("new")], [claim]);
  expect([removed.outcome, reclaim]).toEqual(["kept", false]);
});

test.each<[string, readonly PersistentVolume[]]>([
  ["of itself alone", []],
  ["of another handle", [persistentVolume("new", { phase: "Bound", handle: "w" })]],
  ["of another driver", [persistentVolume("new", { phase: "Bound", driver: "other.example.com" })]],
  ["whose data is to be removed too", [persistentVolume("new")]],
])("the data of a volume is removed beside a PersistentVolume %s", async (_, others) => {
  const { reclaim, removed } = await remove(others);
  expect([removed.outcome, reclaim]).toEqual(["removed", true]);
});

test.each([
  ["stays while a PersistentVolume of another name has it", "by-hand", false],
  ["is taken back without a PersistentVolume", undefined, true],
])("a volume that was never used %s", async (_, name, reclaim) => {
  const kube = new LabKube({ clock: manualClock() });
  kube.put(LOCAL_VOLUME, { metadata: { name: "v" }, spec: localVolumeSpec("node-a") });
  if (name !== undefined) kube.put(`${VOLUMES}/${name}`, persistentVolume(name, { phase: "Bound" }));
  const driver = driverOn(kube, name === undefined ? [] : [name]);
  await driver.removeAttempt("v", () => Promise.resolve(true), new AbortController().signal);
  expect(kube.at(LOCAL_VOLUME)).toMatchObject({ spec: { reclaim } });
});

test("the last question before the removal comes after the look at the other PersistentVolumes", async () => {
  const { reclaim, removed } = await remove([], [], () => Promise.resolve(false));
  expect([removed.outcome, reclaim]).toEqual(["withdrawn", false]);
});
