import type { Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from "../../kube/kinds.ts";
import { HOSTNAME_LABEL } from "../../api/names.ts";
import type { ProvisionedVolume } from "../../provision/driver.ts";
import { classicErrors } from "../errors.ts";
import { DEFAULT_VOLUME_TYPE, PV_NODE, VOLUME_TYPE } from "../names.ts";

type VolumeSpec = NonNullable<PersistentVolume["spec"]>;

/**
 * How pods get the directory: hostPath (made by the kubelet if missing, no fsGroup) or local
 * (fsGroup, volume statistics).
 */
export type VolumeType = "hostPath" | "local";

/**
 * The claim's type, or else the class's, or else hostPath; upper and lower case are the same.
 * Throws for any other word: before a directory is made, unlike the original. A claim of type local
 * on a shared file system is refused as well: the API server would refuse the PersistentVolume,
 * which has no node affinity.
 */
export function volumeTypeOf(claim: PersistentVolumeClaim, storageClass: StorageClass, shared: boolean): VolumeType {
  const type =
    claim.metadata?.annotations?.[VOLUME_TYPE] ??
    storageClass.metadata?.annotations?.[DEFAULT_VOLUME_TYPE] ??
    "hostPath";
  switch (type.toLowerCase()) {
    case "hostpath":
      return "hostPath";
    case "local":
      if (shared) throw classicErrors.LOCAL_ON_SHARED({});
      return "local";
    default:
      throw classicErrors.VOLUME_TYPE({ type });
  }
}

/** What the driver puts into the PersistentVolume. */
export interface VolumeLocation {
  readonly type: VolumeType;
  readonly path: string;
  readonly node: Node | undefined;
  readonly shared: boolean;
  /** "" for the hostname label. */
  readonly affinityKey: string;
}

export function volumeParts(location: VolumeLocation): ProvisionedVolume {
  const { path, node, shared } = location;
  return {
    annotations: { [PV_NODE]: node?.metadata?.name ?? "" },
    spec: {
      volumeMode: "Filesystem",
      ...(location.type === "local" ? { local: { path } } : { hostPath: { path, type: "DirectoryOrCreate" } }),
      ...(shared || node === undefined ? {} : { nodeAffinity: affinityTo(node, location.affinityKey) }),
    },
  };
}

/**
 * One term, one expression, one value: other tools look for this very form. A node without the
 * label is matched by its name.
 */
function affinityTo(node: Node, affinityKey: string): NonNullable<VolumeSpec["nodeAffinity"]> {
  const key = affinityKey === "" ? HOSTNAME_LABEL : affinityKey;
  const value = node.metadata?.labels?.[key] ?? node.metadata?.name ?? "";
  return { required: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: "In", values: [value] }] }] } };
}
