import { expect, test } from "vitest";
import type { LocalVolume, LocalVolumeSpec } from "../../api/kinds/local-volume.ts";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";
import { localVolumeSpec } from "../../api/testing/local-volume.fixture.ts";
import { LOCAL_VOLUME_FINALIZER } from "../../api/names.ts";
import type { Stored } from "../../kube/objects.ts";
import { planVolume } from "./plan.ts";

const volume = (spec: Partial<LocalVolumeSpec>, deleted = false): Stored<LocalVolume> => ({
  metadata: {
    name: "v",
    uid: "v-uid",
    resourceVersion: "1",
    finalizers: [LOCAL_VOLUME_FINALIZER],
    ...(deleted ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
  },
  spec: localVolumeSpec("a", { incarnation: "i", ...spec }),
});
const copy = (nodeName: string, status: VolumeCopy["status"] = {}, deleted = false): Stored<VolumeCopy> => ({
  metadata: {
    name: `v.${nodeName}`,
    uid: `copy-${nodeName}`,
    resourceVersion: "1",
    ...(deleted ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
  },
  spec: { volume: "v", nodeName },
  status,
});
const active = { epoch: 1, directory: "1", state: "Active", incarnation: "i", poolUUID: "p" } as const;
const mayCreate = { nodeName: "a", epoch: 1 };

test("a volume without our finalizer gets it back", () => {
  const unguarded = { ...volume({}), metadata: { name: "v", uid: "v-uid", resourceVersion: "1" } };
  expect(planVolume(unguarded, [])).toEqual({ step: "guard" });
});
test("a volume in use is left alone", () => {
  expect(planVolume(volume({}), [copy("a", { copies: [active] })])).toEqual({ step: "nothing" });
});
test("the first publish ends the right to create", () => {
  expect(planVolume(volume({ mayCreate }), [copy("a", { copies: [active] })]).step).toBe("forbid-creation");
});
test("the right to create stays while no copy of that epoch and node is there", () => {
  const others = [copy("b", { copies: [active] }), copy("a", { copies: [{ ...active, epoch: 2 }] })];
  expect(planVolume(volume({ mayCreate }), others)).toEqual({ step: "nothing" });
});
test("a tombstone leaves the right to create: the volume was never published", () => {
  const tombstone = { ...active, state: "Sealed", tombstone: true } as const;
  expect(planVolume(volume({ mayCreate }), [copy("a", { copies: [tombstone] })])).toEqual({ step: "nothing" });
});
test("deleting the object is no order to remove data", () => {
  expect(planVolume(volume({}, true), [copy("a", { copies: [active] })])).toEqual({ step: "explain-deletion" });
});
test("a reclaimed volume waits for every node with bytes", () => {
  const copies = [copy("a", { copies: [active] }), copy("b", {})];
  expect(planVolume(volume({ reclaim: true }), copies)).toEqual({ step: "wait", nodes: ["a", "b"] });
});
test("a copy without bytes goes", () => {
  const copies = [copy("a", { copies: [active] }), copy("b", { purged: true })];
  expect(planVolume(volume({ reclaim: true }), copies)).toEqual({ step: "delete-copy", copy: copies[1] });
});
test("a copy that is being deleted is waited for", () => {
  expect(planVolume(volume({ reclaim: true }), [copy("a", { purged: true }, true)])).toEqual({
    step: "wait",
    nodes: ["a"],
  });
});
test("the node that may be making the directory is waited for", () => {
  expect(planVolume(volume({ reclaim: true, mayCreate }), [])).toEqual({ step: "wait", nodes: ["a"] });
});
test("its word that it makes nothing ends the right to create", () => {
  expect(planVolume(volume({ reclaim: true, mayCreate }), [copy("a", { purged: true })]).step).toBe("forbid-creation");
});
test("with no bytes anywhere the volume ends", () => {
  expect(planVolume(volume({ reclaim: true }), [])).toEqual({ step: "finish" });
});
