import type { PersistentVolume, PersistentVolumeClaim } from "../../kube/kinds.ts";

/**
 * The differences between a volume and what local-path-provisioner v0.0.37 makes for the claim. The
 * names are written out here and not imported from the driver: a check must not take its
 * expectations from the code that it checks.
 */
export function shapeProblems(claim: PersistentVolumeClaim, volume: PersistentVolume, node: string): string[] {
  const { metadata = {}, spec = {} } = volume;
  const problems: string[] = [];
  const expect = (field: string, found: unknown, wanted: unknown): void => {
    if (JSON.stringify(found) === JSON.stringify(wanted)) return;
    problems.push(`${field} is ${JSON.stringify(found) ?? "missing"} and not ${JSON.stringify(wanted)}`);
  };
  const { name, namespace, uid = "" } = claim.metadata ?? {};
  const volumeName = `pvc-${uid}`;
  expect("metadata.name", metadata.name, volumeName);
  const { annotations = {} } = metadata;
  expect(
    "annotation pv.kubernetes.io/provisioned-by",
    annotations["pv.kubernetes.io/provisioned-by"],
    "rancher.io/local-path",
  );
  expect("annotation local.path.provisioner/selected-node", annotations["local.path.provisioner/selected-node"], node);
  const path = `/opt/local-path-provisioner/${volumeName}_${namespace ?? ""}_${name ?? ""}`;
  expect("spec.hostPath.path", spec.hostPath?.path, path);
  expect("spec.hostPath.type", spec.hostPath?.type, "DirectoryOrCreate");
  const terms = [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [node] }] }];
  expect("spec.nodeAffinity", spec.nodeAffinity?.required?.nodeSelectorTerms, terms);
  expect("spec.capacity", spec.capacity?.["storage"], claim.spec?.resources?.requests?.["storage"]);
  expect("spec.accessModes", spec.accessModes, claim.spec?.accessModes);
  expect("spec.persistentVolumeReclaimPolicy", spec.persistentVolumeReclaimPolicy, "Delete");
  expect("spec.storageClassName", spec.storageClassName, "local-path");
  expect("spec.volumeMode", spec.volumeMode, "Filesystem");
  expect("spec.claimRef.uid", spec.claimRef?.uid, uid);
  return problems;
}
