import { expect, test } from "vitest";
import { PROVISIONED_BY } from "../../api/names.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../../kube/kinds.ts";
import type { Stored } from "../../kube/objects.ts";
import { isRescued, planReclaim, type Owner } from "./plan-reclaim.ts";

const FINALIZER = "example.com/volume";
const plain: Owner = { provisioner: "example.com/fake" };
const guarded: Owner = { provisioner: "example.com/fake", csiDriver: "csi.example.com", finalizer: FINALIZER };
const OURS = { [PROVISIONED_BY]: "example.com/fake" };
const csi = { driver: "csi.example.com", volumeHandle: "v" };

interface Fields {
  readonly metadata?: object;
  readonly spec?: object;
  readonly phase?: string;
}

function volume({ metadata, spec, phase = "Released" }: Fields = {}): Stored<PersistentVolume> {
  return {
    metadata: {
      name: "v",
      uid: "uid-v",
      resourceVersion: "1",
      annotations: OURS,
      finalizers: [FINALIZER],
      ...metadata,
    },
    spec: {
      persistentVolumeReclaimPolicy: "Delete",
      claimRef: { namespace: "default", name: "c", uid: "claim-c" },
      csi,
      ...spec,
    },
    status: { phase },
  } as Stored<PersistentVolume>;
}

function claim(uid = "claim-c", volumeName = "v"): PersistentVolumeClaim {
  return { metadata: { name: "c", namespace: "default", uid }, spec: { volumeName } };
}

const gone = { deletionTimestamp: "2030-01-01T00:00:00Z" };
const Retain = { persistentVolumeReclaimPolicy: "Retain" };
const lost = { annotations: {} };

test.each<[string, string, Stored<PersistentVolume>, PersistentVolumeClaim?]>([
  ["Released, its claim gone", "reclaim", volume()],
  ["Released, and a claim with another UID names it", "tell-claimed", volume(), claim("restored")],
  ["Released, and a claim of that name has another volume", "reclaim", volume(), claim("restored", "w")],
  ["Released, and a claim of that name waits for a volume", "reclaim", volume(), claim("restored", "")],
  [
    "being deleted, and a claim with another UID names it",
    "tell-claimed",
    volume({ metadata: gone }),
    claim("restored"),
  ],
  ["policy Retain, and a claim with another UID names it", "nothing", volume({ spec: Retain }), claim("restored")],
  ["Bound, its claim there", "nothing", volume({ phase: "Bound" }), claim()],
  ["Bound, its claim gone", "mark-released", volume({ phase: "Bound" })],
  ["policy Retain", "nothing", volume({ spec: Retain })],
  ["being deleted, its claim there", "nothing", volume({ metadata: gone, phase: "Bound" }), claim()],
  [
    "being deleted, its claim not bound yet",
    "nothing",
    volume({ metadata: gone, phase: "Bound" }),
    claim("claim-c", ""),
  ],
  ["being deleted, its claim just gone", "mark-released", volume({ metadata: gone, phase: "Bound" })],
  ["being deleted, its claim gone", "reclaim", volume({ metadata: gone })],
  ["being deleted, policy Retain, its claim there", "nothing", volume({ metadata: gone, spec: Retain }), claim()],
  ["being deleted, policy Retain, its claim gone", "retain", volume({ metadata: gone, spec: Retain })],
  [
    "being deleted, taken back by an administrator (no claimRef)",
    "retain",
    volume({ metadata: gone, spec: { claimRef: undefined }, phase: "Available" }),
  ],
  [
    "being deleted, reserved by name for a claim that names it",
    "nothing",
    volume({ metadata: gone, spec: { claimRef: { namespace: "default", name: "c" } }, phase: "Available" }),
    claim(),
  ],
  ["being deleted without our finalizer", "nothing", volume({ metadata: { ...gone, finalizers: [] } })],
  ["without our finalizer", "adopt", volume({ metadata: { finalizers: undefined } })],
  ["without any annotation, by its CSI driver", "adopt", volume({ metadata: { annotations: undefined } })],
  ["without the annotation, being deleted", "reclaim", volume({ metadata: { ...lost, ...gone } })],
  [
    "without the annotation, called Failed, being deleted",
    "reclaim",
    volume({ metadata: { ...lost, ...gone }, phase: "Failed" }),
  ],
  ["called Failed after its annotation is back", "reclaim", volume({ phase: "Failed" })],
  [
    "of another CSI driver, without an annotation",
    "nothing",
    volume({ metadata: lost, spec: { csi: { ...csi, driver: "x" } } }),
  ],
  [
    "of another CSI driver, with our annotation and finalizer",
    "nothing",
    volume({ spec: { csi: { ...csi, driver: "x" } } }),
  ],
  ["of no CSI driver, with our annotation", "nothing", volume({ spec: { csi: undefined, nfs: {} } })],
  [
    "of another CSI driver, with our annotation and finalizer, being deleted",
    "drop-finalizer",
    volume({ metadata: gone, spec: { csi: { ...csi, driver: "x" } } }),
  ],
  [
    "of another CSI driver, with another finalizer, being deleted",
    "nothing",
    volume({ metadata: { ...gone, finalizers: ["x"] }, spec: { csi: { ...csi, driver: "x" } } }),
  ],
  [
    "of another provisioner, by its annotation",
    "nothing",
    volume({ metadata: { annotations: { [PROVISIONED_BY]: "x" } } }),
  ],
])("of a driver with a finalizer, %s: %s", (_, step, pv, pvc) => {
  expect(planReclaim(guarded, pv, pvc).step).toBe(step);
});

test.each<[string, string, Stored<PersistentVolume>]>([
  ["Released, its claim gone", "reclaim", volume({ metadata: { finalizers: [] } })],
  ["being deleted", "nothing", volume({ metadata: gone })],
  ["being deleted, policy Retain", "nothing", volume({ metadata: gone, spec: Retain })],
  ["without the annotation", "nothing", volume({ metadata: lost })],
  ["Failed", "nothing", volume({ phase: "Failed" })],
])("of a driver without a finalizer, %s: %s", (_, step, pv) => {
  expect(planReclaim(plain, pv, undefined).step).toBe(step);
});

test("once the data is gone only the finalizer is left to take off", () => {
  expect(planReclaim(guarded, volume({ metadata: gone }), undefined, true).step).toBe("drop-finalizer");
  expect(planReclaim(guarded, volume(), undefined, true).step).toBe("reclaim");
});

test.each<[string, boolean, Owner, Stored<PersistentVolume>]>([
  ["deleted, held by our finalizer", false, guarded, volume({ metadata: gone })],
  ["deleted, held by nothing of ours", true, plain, volume({ metadata: gone })],
  ["set to Retain", true, guarded, volume({ spec: Retain })],
  ["of another CSI driver now", true, guarded, volume({ spec: { csi: { ...csi, driver: "x" } } })],
  ["called Bound by a controller that is behind", false, guarded, volume({ phase: "Bound" })],
])("a volume whose removal has begun and that is %s is rescued: %s", (_, expected, owner, now) => {
  expect(isRescued(owner, volume(), now)).toBe(expected);
});
