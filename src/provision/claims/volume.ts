import { PROVISIONED_BY } from "../../api/names.ts";
import type { PersistentVolume } from "../../kube/kinds.ts";
import { nameOf, namespaceOf } from "../../kube/objects.ts";
import { classNameOf } from "./claims.ts";
import type { ProvisionedVolume, ProvisionRequest } from "../driver.ts";

/**
 * The PersistentVolume for a claim: what the protocol fixes around what the driver made. claimRef
 * carries the UID, so that the volume can be bound to no other claim, not even to one of the same
 * name.
 */
export function volumeFor(
  request: ProvisionRequest,
  made: ProvisionedVolume,
  finalizer: string | undefined,
): PersistentVolume {
  const { claim, storageClass, volumeName } = request;
  const storage = claim.spec?.resources?.requests?.["storage"];
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: {
      name: volumeName,
      annotations: { ...made.annotations, [PROVISIONED_BY]: storageClass.provisioner },
      ...(finalizer === undefined ? {} : { finalizers: [finalizer] }),
    },
    spec: {
      accessModes: [...(claim.spec?.accessModes ?? [])],
      ...(storage === undefined ? {} : { capacity: { storage } }),
      claimRef: {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        namespace: namespaceOf(claim),
        name: nameOf(claim),
        uid: claim.metadata.uid,
        resourceVersion: claim.metadata.resourceVersion,
      },
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? "Delete",
      storageClassName: classNameOf(claim),
      volumeMode: "Filesystem",
      ...made.spec,
    },
  };
}
