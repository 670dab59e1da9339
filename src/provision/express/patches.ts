import { BIND_COMPLETED, BOUND_BY_CONTROLLER, STORAGE_PROVISIONER } from "../../api/names.ts";
import { patchSegment, type JsonPatchOperation } from "../../kube/client.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../../kube/kinds.ts";
import { nameOf, uidOf, type Stored } from "../../kube/objects.ts";
import { selectedNodeOf } from "../claims/claims.ts";

/*
 * What kube-controller-manager would write to bind a claim, as patches that refuse to apply to
 * anything but the claim and the volume they were made for. Every one is a test of the UID first; a
 * test that fails (422) leaves the object as it is, and the ordinary protocol goes on.
 */

/**
 * Binds the claim to the volume. The API server refuses to change volumeName once it is set: of two
 * writers one wins.
 */
export function bindClaim(
  claim: Stored<PersistentVolumeClaim>,
  volumeName: string,
  provisioner: string,
): readonly JsonPatchOperation[] {
  const annotation = (name: string): string => `/metadata/annotations/${patchSegment(name)}`;
  const selected = selectedNodeOf(claim);
  return [
    { op: "test", path: "/metadata/uid", value: uidOf(claim) },
    // The scheduler takes the annotation away when it wants another node: the volume is then no
    // longer the right one.
    ...(selected === undefined
      ? []
      : [{ op: "test", path: annotation(selected.annotation), value: selected.node } as const]),
    { op: "add", path: annotation(BIND_COMPLETED), value: "yes" },
    { op: "add", path: annotation(BOUND_BY_CONTROLLER), value: "yes" },
    { op: "add", path: annotation(STORAGE_PROVISIONER), value: provisioner },
    { op: "add", path: "/spec/volumeName", value: volumeName },
  ];
}

/**
 * The same for a claim that has no annotations at all, as a merge patch: a JSON patch could add to
 * a map that is not there only by replacing it, and would fight kube-controller-manager, which may
 * be writing its first annotation. The API server refuses another UID. There is no selected node to
 * test: it would be an annotation.
 */
export function bindUnannotatedClaim(
  claim: Stored<PersistentVolumeClaim>,
  volumeName: string,
  provisioner: string,
): object {
  return {
    metadata: {
      uid: uidOf(claim),
      annotations: { [BIND_COMPLETED]: "yes", [BOUND_BY_CONTROLLER]: "yes", [STORAGE_PROVISIONER]: provisioner },
    },
    spec: { volumeName },
  };
}

/** The claim's status once it is bound, or (from `Lost`) once its volume turned out to be there. */
export function markClaimBound(
  claim: Stored<PersistentVolumeClaim>,
  volume: Stored<PersistentVolume>,
  from?: "Lost",
): readonly JsonPatchOperation[] {
  return [
    { op: "test", path: "/metadata/uid", value: uidOf(claim) },
    { op: "test", path: "/spec/volumeName", value: nameOf(volume) },
    ...(from === undefined ? [] : [{ op: "test", path: "/status/phase", value: from } as const]),
    { op: "add", path: "/status/phase", value: "Bound" },
    { op: "add", path: "/status/accessModes", value: volume.spec?.accessModes ?? [] },
    { op: "add", path: "/status/capacity", value: volume.spec?.capacity ?? {} },
  ];
}

/** Moves a volume from one phase to the next. */
export function volumePhase(
  volume: Stored<PersistentVolume>,
  from: "Pending" | "Bound" | "Available",
  to: "Pending" | "Bound" | "Released",
): readonly JsonPatchOperation[] {
  return [
    { op: "test", path: "/metadata/uid", value: uidOf(volume) },
    { op: "test", path: "/status/phase", value: from },
    { op: "replace", path: "/status/phase", value: to },
  ];
}
