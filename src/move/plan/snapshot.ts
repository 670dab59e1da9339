import type { LocalVolume } from "../../api/kinds/local-volume.ts";
import type { StorageNode } from "../../api/kinds/storage-node.ts";
import type { VolumeCopy } from "../../api/kinds/volume-copy.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import type { CodedError } from "../../observe/errors.ts";
import type { Stored } from "./stored.ts";

/**
 * The parts of a snapshot that can be read from the API server itself instead of from the
 * informers.
 */
export type Part = "move" | "volumes" | "copies" | "pods" | "nodes";

/**
 * The order in which parts are read uncached, with the VolumeMove last. A write to a LocalVolume
 * carries only the LocalVolume's resourceVersion, so the VolumeMove must not be older than that
 * version. A controller that reads the move first might remove the fence that a later sealing has
 * set meanwhile.
 */
export const READ_ORDER: readonly Part[] = ["nodes", "pods", "volumes", "copies", "move"];

/** The whole input of a plan. The loop reads it; the plan itself reads nothing. */
export interface MoveSnapshot {
  readonly move: Stored<VolumeMove>;
  /**
   * The parts that were read uncached for this plan. The others are from caches, and may be old.
   */
  readonly fresh: ReadonlySet<Part>;
  /** The volumes of spec.volumes, once each, in the order of their names. */
  readonly volumes: readonly VolumeView[];
  /** All pods that use a volume of the move. */
  readonly pods: readonly PodView[];
  /** Other volumes of those pods that are not on the source. */
  readonly apart: readonly ApartVolume[];
  /** Volumes of the source that move together because their pods are tied. */
  readonly ties: readonly { readonly volumes: readonly string[] }[];
  readonly source: NodeView;
  /** The node of status.target, or of `choice` if there is no target yet. */
  readonly target: NodeView | undefined;
  /** The choice of a target while the move has none: spec.to, or the node that was chosen. */
  readonly choice: TargetChoice;
  /** The other VolumeMoves that have not ended. */
  readonly others: readonly Stored<VolumeMove>[];
  /** Names of the VolumeMoves that hold a volume of this one, by UID. */
  readonly holders: ReadonlyMap<string, string>;
  /** The outcome of the last eviction of each pod, by pod UID, since this controller leads. */
  readonly evictions: ReadonlyMap<string, EvictionOutcome>;
  /** When an eviction request for the group or the node's keeper was last seen (milliseconds). */
  readonly askedAt: number | undefined;
  /** When progress was last written (milliseconds). */
  readonly notedAt: number | undefined;
}

export interface VolumeView {
  readonly name: string;
  readonly volume: Stored<LocalVolume> | undefined;
  /** Its VolumeCopy on spec.from. */
  readonly sourceCopy: VolumeCopy | undefined;
  /** Its VolumeCopy on the target. */
  readonly targetCopy: VolumeCopy | undefined;
  /** The node labels that do not match the volume's node and fence yet. Undefined: all match. */
  readonly labelsPending: string | undefined;
}

/** A volume of the group's pods that is on another node, because it moved while no pod used it. */
export interface ApartVolume {
  readonly name: string;
  readonly nodeName: string;
  /** Whether that node is leaving, too. */
  readonly leaving: boolean;
  /** Whether another VolumeMove holds it, or is about to take it. */
  readonly move: "holds" | "wants" | undefined;
}

/** The facts that a plan needs about a pod. */
export interface PodView {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Unset: not scheduled. */
  readonly nodeName: string | undefined;
  readonly deletionTimestamp: string | undefined;
  readonly deletionGracePeriodSeconds: number | undefined;
  /** Succeeded or Failed: its containers do not run any more. */
  readonly finished: boolean;
  /** The LocalVolumes that it uses. */
  readonly volumes: readonly string[];
  /** Why it cannot run on another node, or would not be made again. */
  readonly unmovable: string | undefined;
}

export interface NodeView {
  readonly name: string;
  /** Whether the Node object exists. */
  readonly exists: boolean;
  readonly ready: boolean;
  /** Why the node is leaving, such as `it is cordoned`. Undefined: it stays. */
  readonly leaving: string | undefined;
  readonly storage: StorageNode | undefined;
  /** Bytes, by pool, that are kept free or promised to other moves on this node. */
  readonly reserved: ReadonlyMap<string, bigint>;
}

export type TargetChoice =
  /** `unheard`: why the node was chosen without the scheduler. */
  | { readonly node: string; readonly unheard?: CodedError }
  /** The scheduler is asked which of these nodes to take. The move waits for it until `until`. */
  | { readonly asked: readonly string[]; readonly until: number }
  /** No node fits. One sentence for each node that was checked. */
  | { readonly none: readonly string[] };

export interface EvictionOutcome {
  readonly at: number;
  /**
   * allowed: a dry run passed. sent: the eviction itself passed. held: a disruption budget or a
   * webhook answered 429. failed: any other error.
   */
  readonly outcome: "allowed" | "sent" | "held" | "failed";
  readonly message: string;
}
