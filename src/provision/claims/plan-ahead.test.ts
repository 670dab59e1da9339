import { expect, test } from "vitest";
import { SELECTED_NODE, STORAGE_PROVISIONER } from "../../api/names.ts";
import { settle } from "../../effects/testing/manual-clock.fixture.ts";
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from "../../kube/kinds.ts";
import { mayGoAhead } from "./plan-ahead.ts";
import { fakeDriver, PROVISIONER, startProvisioner } from "../testing/harness.fixture.ts";
import { KcmVolumeWorker } from "../testing/kcm-volume-worker.fixture.ts";

const now = { provisioner: PROVISIONER, volumeBindingMode: "Immediate" } as StorageClass;
const later = { provisioner: PROVISIONER, volumeBindingMode: "WaitForFirstConsumer" } as StorageClass;

function unnamed(change: { annotations?: Record<string, string>; spec?: object } = {}): PersistentVolumeClaim {
  const { annotations, spec } = change;
  const metadata = { name: "c", namespace: "default", uid: "claim-c", ...(annotations && { annotations }) };
  return { metadata, spec: { ...spec } } as PersistentVolumeClaim;
}

function reserving(uid?: string, name = "static"): PersistentVolume {
  const claimRef = { namespace: "default", name: "c", ...(uid !== undefined && { uid }) };
  return { metadata: { name }, spec: { claimRef } } as PersistentVolume;
}

const noVolumes = { available: [], reserved: [] };

test.each<[string, boolean, Parameters<typeof mayGoAhead>[1]]>([
  ["an Immediate claim of our class", true, { ...noVolumes, claim: unnamed(), storageClass: now }],
  ["a claim whose class is not known", false, { ...noVolumes, claim: unnamed(), storageClass: undefined }],
  [
    "a claim of another driver's class",
    false,
    { ...noVolumes, claim: unnamed(), storageClass: { ...now, provisioner: "other" } },
  ],
  [
    "a claim that is named already",
    false,
    { ...noVolumes, claim: unnamed({ annotations: { [STORAGE_PROVISIONER]: "other" } }), storageClass: now },
  ],
  ["a claim that waits for its consumer", false, { ...noVolumes, claim: unnamed(), storageClass: later }],
  [
    "a claim whose node the scheduler has chosen",
    true,
    { ...noVolumes, claim: unnamed({ annotations: { [SELECTED_NODE]: "a" } }), storageClass: later },
  ],
  [
    "an Immediate claim while an unclaimed volume of its class exists",
    false,
    { ...noVolumes, claim: unnamed(), storageClass: now, available: [{ metadata: { name: "static" } }] },
  ],
  [
    "an Immediate claim for which a volume is reserved by name",
    false,
    { ...noVolumes, claim: unnamed(), storageClass: now, reserved: [reserving()] },
  ],
  [
    "an Immediate claim that was just given a volume",
    false,
    { ...noVolumes, claim: unnamed(), storageClass: now, reserved: [reserving("claim-c")] },
  ],
  [
    "an Immediate claim whose predecessor of the same name left a volume",
    true,
    { ...noVolumes, claim: unnamed(), storageClass: now, reserved: [reserving("claim-before")] },
  ],
  [
    "an Immediate claim whose own volume we have made",
    true,
    { ...noVolumes, claim: unnamed(), storageClass: now, reserved: [reserving("claim-c", "pvc-claim-c")] },
  ],
  [
    "a claim with a selector",
    false,
    { ...noVolumes, claim: unnamed({ spec: { selector: { matchLabels: { a: "b" } } } }), storageClass: now },
  ],
  [
    "a claim that names its volume",
    false,
    { ...noVolumes, claim: unnamed({ spec: { volumeName: "static" } }), storageClass: now },
  ],
])("%s: %s", (_, expected, snapshot) => {
  expect(mayGoAhead(PROVISIONER, snapshot)).toBe(expected);
});

test("with express bind an unnamed claim is provisioned and bound, and named as kube-controller-manager would have", async () => {
  const world = await startProvisioner(fakeDriver(), { express: true });
  const kcm = new KcmVolumeWorker(world.kube);
  world.putClaim("c", { metadata: { annotations: undefined } as never, spec: { storageClassName: "now" } });
  await settle();
  await world.clock.advance(200);
  for (let round = 0; round < 6; round += 1) {
    kcm.drain();
    await settle();
  }
  expect(world.claim("c")).toMatchObject({
    metadata: { annotations: { [STORAGE_PROVISIONER]: PROVISIONER, "pv.kubernetes.io/bind-completed": "yes" } },
    spec: { volumeName: "pvc-claim-c" },
    status: { phase: "Bound" },
  });
  await world.stop();
});

test("without express bind an unnamed claim is left alone", async () => {
  const driver = fakeDriver();
  const world = await startProvisioner(driver);
  world.putClaim("c", { metadata: { annotations: undefined } as never, spec: { storageClassName: "now" } });
  await settle();
  expect(driver.calls).toEqual([]);
  await world.stop();
});
