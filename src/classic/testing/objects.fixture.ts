import type { Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from "../../kube/kinds.ts";
import type { Stored } from "../../kube/objects.ts";
import type { ProvisionRequest } from "../../provision/driver.ts";

export const CLAIM_UID = "0b1f0c1e-7d1c-4d6c-9c0a-000000000001";

/** A Ready node whose hostname label is its name, unless said otherwise. */
export function node(
  name: string,
  labels: Record<string, string> = { "kubernetes.io/hostname": name },
  ready = true,
): Stored<Node> {
  return {
    metadata: { name, labels },
    status: { conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
  } as Stored<Node>;
}

export interface ClaimFields {
  readonly uid?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  readonly spec?: PersistentVolumeClaim["spec"];
}

export function claim(fields: ClaimFields = {}): Stored<PersistentVolumeClaim> {
  const { uid = CLAIM_UID, name = "data", namespace = "shop", labels, annotations, spec } = fields;
  return {
    metadata: { uid, name, namespace, ...(labels && { labels }), ...(annotations && { annotations }) },
    spec: {
      accessModes: ["ReadWriteOnce"],
      volumeMode: "Filesystem",
      resources: { requests: { storage: "1Gi" } },
      ...spec,
    },
  } as Stored<PersistentVolumeClaim>;
}

export function storageClass(
  parameters: Record<string, string> = {},
  annotations: Record<string, string> = {},
  name = "local-path",
): Stored<StorageClass> {
  return {
    metadata: { name, annotations },
    provisioner: "rancher.io/local-path",
    reclaimPolicy: "Delete",
    volumeBindingMode: "WaitForFirstConsumer",
    parameters,
  } as Stored<StorageClass>;
}

export function request(
  fields: {
    claim?: Stored<PersistentVolumeClaim>;
    storageClass?: Stored<StorageClass>;
    node?: Stored<Node> | undefined;
  } = {},
): ProvisionRequest {
  const pvc = fields.claim ?? claim();
  return {
    claim: pvc,
    storageClass: fields.storageClass ?? storageClass(),
    volumeName: `pvc-${pvc.metadata.uid}`,
    node: "node" in fields ? fields.node : node("node-a"),
  };
}

type VolumeSpec = NonNullable<PersistentVolume["spec"]>;

export interface VolumeFields {
  readonly name?: string;
  readonly path?: string;
  readonly annotations?: Record<string, string>;
  /** `claimRef: undefined`: it is of no claim. */
  readonly spec?: Omit<Partial<VolumeSpec>, "claimRef"> & { readonly claimRef?: VolumeSpec["claimRef"] | undefined };
  readonly status?: object;
}

/** A Released PersistentVolume as v0.0.37 makes it, on node-a, with what is different about it. */
export function volume(fields: VolumeFields = {}): Stored<PersistentVolume> {
  const { name = `pvc-${CLAIM_UID}`, path = `/opt/local-path-provisioner/${name}_shop_data` } = fields;
  return {
    metadata: {
      name,
      uid: `uid-of-${name}`,
      annotations: fields.annotations ?? {
        "local.path.provisioner/selected-node": "node-a",
        "pv.kubernetes.io/provisioned-by": "rancher.io/local-path",
      },
    },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Delete",
      storageClassName: "local-path",
      volumeMode: "Filesystem",
      hostPath: { path, type: "DirectoryOrCreate" },
      nodeAffinity: affinity("kubernetes.io/hostname", "node-a"),
      claimRef: { namespace: "shop", name: "data", uid: CLAIM_UID },
      ...fields.spec,
    },
    status: { phase: "Released", ...fields.status },
  } as Stored<PersistentVolume>;
}

export function affinity(
  key: string,
  ...values: string[]
): NonNullable<NonNullable<PersistentVolume["spec"]>["nodeAffinity"]> {
  return { required: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: "In", values }] }] } };
}
