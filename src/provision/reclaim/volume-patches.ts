/*
 * Guarded JSON patches of a PersistentVolume's metadata. Each is refused (422) when the volume is
 * another one or has changed since; the volume's next event then leads to the next try.
 */
import { PROVISIONED_BY } from "../../api/names.ts";
import { patchSegment, type JsonPatchOperation } from "../../kube/client.ts";
import type { PersistentVolume } from "../../kube/kinds.ts";
import { uidOf, type Stored } from "../../kube/objects.ts";
import type { Owner } from "./plan-reclaim.ts";

/**
 * Removes one finalizer, guarded by tests of the UID and of its position. Undefined when the volume
 * does not have it.
 */
export function withoutFinalizer(
  volume: Stored<PersistentVolume>,
  finalizer: string,
): readonly JsonPatchOperation[] | undefined {
  const index = (volume.metadata.finalizers ?? []).indexOf(finalizer);
  if (index === -1) return undefined;
  const path = `/metadata/finalizers/${String(index)}`;
  return [
    { op: "test", path: "/metadata/uid", value: uidOf(volume) },
    { op: "test", path, value: finalizer },
    { op: "remove", path },
  ];
}

/** Writes the annotation provisioned-by and the driver's finalizer where they are missing. */
export function adopted(owner: Owner, volume: Stored<PersistentVolume>): readonly JsonPatchOperation[] {
  const { annotations, finalizers = [], resourceVersion, uid } = volume.metadata;
  const { finalizer, provisioner } = owner;
  const patch: JsonPatchOperation[] = [
    { op: "test", path: "/metadata/uid", value: uid },
    // A list or map that is not there can only be written whole: not over somebody else's entry.
    { op: "test", path: "/metadata/resourceVersion", value: resourceVersion },
  ];
  if (annotations === undefined) {
    patch.push({ op: "add", path: "/metadata/annotations", value: { [PROVISIONED_BY]: provisioner } });
  } else if (annotations[PROVISIONED_BY] === undefined) {
    patch.push({ op: "add", path: `/metadata/annotations/${patchSegment(PROVISIONED_BY)}`, value: provisioner });
  }
  if (finalizer !== undefined && !finalizers.includes(finalizer)) {
    patch.push({ op: "add", path: "/metadata/finalizers", value: [...finalizers, finalizer] });
  }
  return patch;
}
