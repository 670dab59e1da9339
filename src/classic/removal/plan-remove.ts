import type { Node, PersistentVolume } from "../../kube/kinds.ts";
import { uidOf } from "../../kube/objects.ts";
import { bytes } from "../../kube/quantity.ts";
import { configOf, isShared } from "../directory/base-path.ts";
import { directoryOf, nodeOf, releasedSince, topologyOf } from "../directory/directory-of.ts";
import type { Location } from "../directory/locations.ts";
import { classicErrors } from "../errors.ts";
import type { HelperTask } from "../helper/pods/pod.ts";
import type { ClassConfig, ClassicConfig } from "../settings/config.ts";

/** What determines how a Released volume is removed. */
export interface RemoveView {
  readonly config: ClassicConfig;
  readonly nodes: Iterable<Node>;
  /** Wall clock. */
  readonly now: number;
}

export type RemoveStep =
  /** The reclaim policy is Retain. */
  | { readonly step: "retain"; readonly path: string }
  /** The node that has the directory (`wanted`) does not exist now. */
  | { readonly step: "await-node"; readonly wanted: string; readonly path: string }
  | TearDownStep;

export interface TearDownStep {
  readonly step: "tear-down";
  readonly task: HelperTask;
  /** Without a node if the volume has no node affinity: it may be on any node. */
  readonly location: Location;
  /** The node that has the directory; undefined on a file system that all nodes share. */
  readonly node: Node | undefined;
}

/**
 * How the directory of a Released PersistentVolume is removed. The PersistentVolume says where it
 * is, not the class as it is configured now. With a node affinity the directory is on that node's
 * disk. Only without one may it be on a file system that all nodes share. Throws if the volume does
 * not say where it is, or if the configuration does not know its class.
 */
export function planRemove(volume: PersistentVolume, { config, nodes, now }: RemoveView): RemoveStep {
  const shared = isOnSharedFileSystem(volume, config);
  const path = directoryOf(volume);
  if (path === undefined) throw classicErrors.NO_PATH_SET({});
  const { capacity, claimRef, persistentVolumeReclaimPolicy, volumeMode } = volume.spec ?? {};
  if (persistentVolumeReclaimPolicy === "Retain") return { step: "retain", path };
  const topology = topologyOf(volume);
  const answer = shared ? undefined : nodeOf(topology, nodes);
  if (answer?.found === "none") return { step: "await-node", wanted: answer.wanted, path };
  const volumeName = volume.metadata?.name ?? "";
  const node = answer?.node.metadata?.name ?? "";
  const released = { uid: uidOf(volume), claimUid: claimRef?.uid, since: releasedSince(volume, now) };
  return {
    step: "tear-down",
    location: { volume: volumeName, node: topology.affinity === "given" ? node : undefined, path },
    task: {
      action: "delete",
      volumeName,
      released,
      path,
      node,
      shared,
      sizeBytes: bytes(capacity?.["storage"] ?? "0"),
      mode: volumeMode,
    },
    node: answer?.node,
  };
}

/**
 * Whether a volume is on a file system that all nodes share. A volume with a node affinity is not,
 * whatever its class says: the class may have changed, or may be gone from the configuration. If
 * the class of a volume without a node affinity is gone, any class that has the directory on its
 * shared file system takes its place. Throws CLASSIC_UNKNOWN_CLASS if there is none.
 */
function isOnSharedFileSystem(volume: PersistentVolume, config: ClassicConfig): boolean {
  if (topologyOf(volume).affinity === "given") return false;
  const storageClass = volume.spec?.storageClassName ?? "";
  const isGone = !config.classes.has(storageClass);
  const path = directoryOf(volume);
  const holds = ({ sharedFileSystemPath: base }: ClassConfig): boolean =>
    base !== "" && path?.startsWith(`${base.replace(/\/+$/, "")}/`) === true;
  if (isGone && [...config.classes.values()].some(holds)) return true;
  return isShared(configOf(config, storageClass));
}
