import { CANARY_ANNOTATION } from "../../api/names.ts";
import type { KubeClient } from "../../kube/client.ts";
import { isNotFound, isForbidden } from "../../kube/errors.ts";
import { namespaces, type PersistentVolume } from "../../kube/kinds.ts";
import { uidOf } from "../../kube/objects.ts";
import { apiVersionOf } from "../../kube/resource.ts";

type OwnerReference = NonNullable<NonNullable<PersistentVolume["metadata"]>["ownerReferences"]>[number];

/**
 * The canary: a PersistentVolume that nobody can use. kube-controller-manager gives every
 * PersistentVolume without a claim the phase Available; setting it back to Pending and waiting for
 * the answer tells how far it has come.
 *
 * Its class name is random, so that no claim asks for it; its driver does not exist, so that
 * nothing could mount it if one did; it holds nothing and is Retained.
 */
export function canaryVolume(name: string, owner: string, goesWith?: OwnerReference): PersistentVolume {
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: {
      name,
      annotations: { [CANARY_ANNOTATION]: owner },
      ...(goesWith === undefined ? {} : { ownerReferences: [goesWith] }),
    },
    spec: {
      accessModes: ["ReadWriteOncePod"],
      capacity: { storage: "1" },
      csi: { driver: "canary.mooring.dev", volumeHandle: name },
      persistentVolumeReclaimPolicy: "Retain",
      storageClassName: name,
      volumeMode: "Filesystem",
    },
  };
}

/**
 * Our namespace as the owner of the canary: an uninstall with one `kubectl delete -f` may remove
 * our rights before we can delete the canary; then the garbage collector deletes it. Undefined
 * where we may not read it.
 */
export async function namespaceAsOwner(
  client: KubeClient,
  name: string,
  signal: AbortSignal,
): Promise<OwnerReference | undefined> {
  try {
    const uid = uidOf(await client.get(namespaces, { name }, { signal }));
    return { apiVersion: apiVersionOf(namespaces), kind: namespaces.kind, name, uid };
  } catch (error) {
    if (isForbidden(error) || isNotFound(error)) return undefined;
    throw error;
  }
}

/**
 * Whether this is a canary of ours that can still answer: not claimed by somebody, not being
 * deleted.
 */
export function isUsableCanary(volume: PersistentVolume, owner: string): boolean {
  return (
    isCanary(volume, owner) &&
    volume.metadata?.deletionTimestamp === undefined &&
    volume.spec?.claimRef === undefined &&
    (volume.status?.phase === "Available" || volume.status?.phase === "Pending")
  );
}

/** Whether this is a canary of ours, usable or not. */
export function isCanary(volume: PersistentVolume, owner: string): boolean {
  return volume.metadata?.annotations?.[CANARY_ANNOTATION] === owner;
}
