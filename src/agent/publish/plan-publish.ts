import type { AccessMode } from "../../api/csi.ts";
import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";
import type { CodedError } from "../../observe/errors.ts";
import { aheadElsewhere } from "../copies/ahead.ts";
import type { Copy } from "../copies/copy-store.ts";
import type { CopyMount } from "../copies/on-disk.ts";
import { agentErrors } from "../errors.ts";

/** A mount of this volume on the node. */
export type VolumeMount = Pick<CopyMount, "target" | "copyPath" | "readOnly">;

/** The input of the decision about a publish. All of it was read in this call. */
export interface PublishView {
  readonly volume: string;
  readonly node: string;
  readonly target: string;
  readonly readOnly: boolean;
  readonly accessMode: AccessMode;
  /** The LocalVolume, read uncached; undefined when there is none. */
  readonly localVolume: LocalVolume | undefined;
  /** The pool that the LocalVolume names, in the present state of its disk. */
  readonly pool: { readonly ready: boolean; readonly uuid?: string | undefined; readonly why: string } | undefined;
  /** The volume's copies in all pools of the node. */
  readonly copies: readonly Copy[];
  /**
   * The path of the copy of the LocalVolume's epoch, whether or not it exists; that of the pool
   * while it is not ready. Empty when the pool is not known.
   */
  readonly path: string;
  /** Whether that copy's data directory exists. */
  readonly hasData: boolean;
  /**
   * The VolumeCopy, read uncached. It is read only while the LocalVolume lets this node create the
   * directory (`mayCreateHere`).
   */
  readonly volumeCopy: VolumeCopy | undefined;
  /**
   * The VolumeCopies of all nodes, read uncached. They are read while the copy of the epoch is not
   * there, or is not open, and while this node may create the directory.
   */
  readonly everywhere: readonly VolumeCopy[];
  /** All mounts of the volume, also the one at the target. */
  readonly mounts: readonly VolumeMount[];
  /** Whether something other than this volume is mounted at the target. */
  readonly otherMount: boolean;
}

export type PublishPlan =
  /** The volume is published already. */
  | { readonly step: "done" }
  /** The VolumeCopy does not have this copy yet. It must be written before anything is mounted. */
  | { readonly step: "record"; readonly copy: Copy }
  | { readonly step: "mount"; readonly copy: Copy }
  /** The first publish: make the directory. */
  | { readonly step: "create"; readonly localVolume: LocalVolume }
  | { readonly step: "refuse"; readonly error: CodedError };

/** Whether the LocalVolume lets this node make the directory of its epoch. */
export function mayCreateHere(localVolume: LocalVolume, node: string): boolean {
  const { epoch, mayCreate } = localVolume.spec;
  return mayCreate?.nodeName === node && mayCreate.epoch === epoch;
}

/**
 * The next step of a publish. Called again after each step, with a new view. After the mount it is
 * called once more with `mounts` empty; if the answer is then a refusal, the caller unmounts.
 */
export function planPublish(view: PublishView): PublishPlan {
  // The one exception to all rules below: a pod that has the volume keeps it. The target's path
  // names the pod.
  const mounted = view.mounts.find(({ target }) => target === view.target);
  if (mounted !== undefined) return planMounted(view, mounted);
  const error = refusalOf(view);
  return error === undefined ? planCopy(view) : { step: "refuse", error };
}

function planMounted({ copies, node, readOnly, target, volume }: PublishView, mounted: VolumeMount): PublishPlan {
  const copy = copies.find(({ path }) => path === mounted.copyPath);
  if (copy === undefined) {
    return { step: "refuse", error: agentErrors.NOT_SEEN({ volume, node, path: mounted.copyPath }) };
  }
  if (copy.state !== "Active") {
    const { epoch, state } = copy;
    return { step: "refuse", error: agentErrors.NOT_ACTIVE({ volume, node, epoch, state }) };
  }
  if (mounted.readOnly === readOnly) return { step: "done" };
  return { step: "refuse", error: agentErrors.OTHER_ARGUMENTS({ volume, target }) };
}

function planCopy(view: PublishView): PublishPlan {
  const { copies, localVolume, node, path, pool, volume } = view;
  if (localVolume === undefined) return { step: "refuse", error: agentErrors.UNKNOWN_VOLUME({ volume }) };
  const { epoch, incarnation } = localVolume.spec;
  const ahead = copies.find((one) => {
    return one.incarnation === incarnation && one.epoch > epoch && one.state !== "Incoming";
  });
  if (ahead !== undefined) {
    return { step: "refuse", error: agentErrors.DISK_AHEAD({ volume, node, epoch, found: ahead.epoch }) };
  }
  // A directory that is made here would be an empty one. And of a copy that is not open, this is
  // the reason that helps.
  const there = aheadElsewhere(view.everywhere, node, localVolume);
  if (there !== undefined) return { step: "refuse", error: agentErrors.DISK_AHEAD({ volume, epoch, ...there }) };
  const copy = copies.find((one) => one.path === path);
  const recorded = (view.volumeCopy?.status?.copies ?? []).some((one) => one.epoch === epoch);
  const isFirst = mayCreateHere(localVolume, node) && !recorded;
  if (copy === undefined) {
    if (isFirst) return { step: "create", localVolume };
    const others = copies.filter((one) => one.incarnation === incarnation).map((one) => `${one.path} (${one.state})`);
    return { step: "refuse", error: agentErrors.DATA_MISSING({ volume, node, epoch, path, others }) };
  }
  const error = wrongCopy(copy, localVolume, pool?.uuid, node, view.hasData);
  if (error !== undefined) return { step: "refuse", error };
  return { step: isFirst ? "record" : "mount", copy };
}

/** Why the copy of this epoch must not be published. Undefined: it may be. */
function wrongCopy(
  copy: Copy,
  { spec: { epoch, incarnation } }: LocalVolume,
  poolUUID: string | undefined,
  node: string,
  hasData: boolean,
): CodedError | undefined {
  const { path, state, volume } = copy;
  if (copy.incarnation !== incarnation) {
    return agentErrors.WRONG_INCARNATION({ volume, node, found: copy.incarnation, wanted: incarnation });
  }
  if (copy.poolUUID !== poolUUID) return agentErrors.WRONG_POOL({ volume, node, path });
  if (state !== "Active" || copy.epoch !== epoch) return agentErrors.NOT_ACTIVE({ volume, node, epoch, state });
  if (!hasData) return agentErrors.DATA_MISSING({ volume, node, epoch, path: copy.dataPath, others: [] });
  return undefined;
}

/** The reasons to refuse a publish that do not depend on a copy. */
function refusalOf(view: PublishView): CodedError | undefined {
  const { localVolume, mounts, node, path, pool, target, volume } = view;
  // A mount is recognised by its pool. Without it this may be the pod's own mount.
  if (view.otherMount && pool?.ready !== true) {
    return path === "" ? agentErrors.OTHER_MOUNT({ target }) : agentErrors.NOT_SEEN({ volume, node, path });
  }
  if (localVolume === undefined) return agentErrors.UNKNOWN_VOLUME({ volume });
  const { spec } = localVolume;
  if (spec.reclaim) return agentErrors.RECLAIMED({ volume });
  if (spec.fence !== undefined) return agentErrors.MOVING({ volume, move: spec.fence });
  if (spec.nodeName !== node) return agentErrors.ELSEWHERE({ volume, node, at: spec.nodeName });
  if (pool?.ready !== true) {
    const why = pool?.why ?? "there is no StoragePool of this name for this node";
    return agentErrors.POOL_NOT_READY({ volume, node, pool: spec.pool, why });
  }
  if (view.otherMount) return agentErrors.OTHER_MOUNT({ target });
  const other = mounts.find((mount) => mount.target !== target);
  if (view.accessMode === "SINGLE_NODE_SINGLE_WRITER" && other !== undefined) {
    return agentErrors.IN_USE_BY_ANOTHER_POD({ volume, target: other.target });
  }
  return undefined;
}
