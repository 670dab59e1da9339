import { randomUUID } from "node:crypto";

/** The shape of a PersistentVolume that a story makes by hand. */
export interface VolumeShape {
  readonly path: string;
  /** The claim it belonged to, which does not exist any more. */
  readonly claim: { readonly namespace: string; readonly name: string };
  /** @default "hostPath" */
  readonly type?: "hostPath" | "local";
  /** A matchExpressions affinity, as every version but v0.0.29 writes it. */
  readonly affinity?: { readonly key: string; readonly value: string };
  /** matchFields metadata.name, as v0.0.29 wrote it. */
  readonly matchFields?: string;
  /** The annotation that exists since v0.0.25. */
  readonly selectedNode?: string;
  /** @default "local-path" */
  readonly storageClass?: string;
  /** @default "Delete" */
  readonly reclaimPolicy?: "Delete" | "Retain";
}

/**
 * A PersistentVolume as a provisioner of whatever version has left it, whose claim is gone:
 * kube-controller-manager calls it Released at once.
 */
export function releasedVolume(name: string, shape: VolumeShape): object {
  const { path, claim, type = "hostPath", affinity, matchFields, selectedNode } = shape;
  const term = {
    ...(affinity === undefined
      ? {}
      : { matchExpressions: [{ key: affinity.key, operator: "In", values: [affinity.value] }] }),
    ...(matchFields === undefined
      ? {}
      : { matchFields: [{ key: "metadata.name", operator: "In", values: [matchFields] }] }),
  };
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: {
      name,
      annotations: {
        "pv.kubernetes.io/provisioned-by": "rancher.io/local-path",
        ...(selectedNode === undefined ? {} : { "local.path.provisioner/selected-node": selectedNode }),
      },
    },
    spec: {
      accessModes: ["ReadWriteOnce"],
      capacity: { storage: "64Mi" },
      claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", ...claim, uid: randomUUID() },
      persistentVolumeReclaimPolicy: shape.reclaimPolicy ?? "Delete",
      storageClassName: shape.storageClass ?? "local-path",
      volumeMode: "Filesystem",
      ...(type === "hostPath" ? { hostPath: { path, type: "DirectoryOrCreate" } } : { local: { path } }),
      ...(Object.keys(term).length === 0 ? {} : { nodeAffinity: { required: { nodeSelectorTerms: [term] } } }),
    },
  };
}

/**
 * A PersistentVolume that somebody made by hand on this node and marked as the provisioner's own,
 * for a claim that names it.
 */
export function handMadeVolume(name: string, node: string, path: string): object {
  const expression = { key: "kubernetes.io/hostname", operator: "In", values: [node] };
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name, annotations: { "pv.kubernetes.io/provisioned-by": "rancher.io/local-path" } },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Delete",
      storageClassName: "local-path",
      hostPath: { path, type: "DirectoryOrCreate" },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [expression] }] } },
    },
  };
}
