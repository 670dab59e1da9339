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
 * The order in which parts are read uncached: the VolumeMove last. A write to a LocalVolume carries
 * the LocalVolume's version only, so what the move says must not be older than that version: a
 * controller that reads the move first may take off the fence that a later sealing has put on
 * meanwhile.
 */
export const READ_ORDER: readonly Part[] = ["nodes", "pods", "volumes", "copies", "move"];

/** Everything a plan is made of. Reading it is the loop's work; the plan itself reads nothing. */
export interface MoveSnapshot {
  readonly move: Stored<VolumeMove>;
  /**
   * The parts that were read uncached for this plan. The others are as the informers have them:
   * they may be old.
   */
  readonly fresh: ReadonlySet<Part>;
  /** The volumes of spec.volumes, once each, in the order of their names. */
  readonly volumes: readonly VolumeView[];
  /** All pods that use a volume of the move. */
  readonly pods: readonly PodView[];
  /** Other volumes of those pods that are not on the source. */
  readonly apart: readonly ApartVolume[];
  /** Volumes of the source that go together although no pod uses both: their pods are tied. */
  readonly ties: readonly { readonly volumes: readonly string[] }[];
  readonly source: NodeView;
  /** The node of status.target or, before there is one, of `choice`. */
  readonly target: NodeView | undefined;
  /** Where the move may go while it has no target: spec.to, or what was chosen. */
  readonly choice: TargetChoice;
  /** The other VolumeMoves that have not ended. */
  readonly others: readonly Stored<VolumeMove>[];
  /** Names of the VolumeMoves that hold a volume of this one, by UID. */
  readonly holders: ReadonlyMap<string, string>;
  /** What became of the last eviction of each pod, by pod UID, since this controller leads. */
  readonly evictions: ReadonlyMap<string, EvictionOutcome>;
  /**
   * When the last ask for an eviction of the group, or of the node's keeper, was seen
   * (milliseconds).
   */
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
  /** Which node labels do not match the volume's node and fence yet; undefined when all do. */
  readonly labelsPending: string | undefined;
}

/**
 * A volume of the group's pods that is on another node already: it was moved by itself, while no
 * pod used it.
 */
export interface ApartVolume {
  readonly name: string;
  readonly nodeName: string;
  /** Whether that node is leaving, too. */
  readonly leaving: boolean;
  /** What another VolumeMove does with it: holds it, or is about to. */
  readonly move: "holds" | "wants" | undefined;
}

/** What a plan needs to know of a pod. */
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
  /** Why it cannot run on another node, or would not be started again. */
  readonly unmovable: string | undefined;
}

export interface NodeView {
  readonly name: string;
  /** Whether there is a Node object. */
  readonly exists: boolean;
  readonly ready: boolean;
  /** Why the node is leaving, as in `it is cordoned`; undefined when it stays. */
  readonly leaving: string | undefined;
  readonly storage: StorageNode | undefined;
  /** Bytes, by pool, that are kept free or promised to other moves on this node. */
  readonly reserved: ReadonlyMap<string, bigint>;
}

export type TargetChoice =
  /** `unheard`: why the scheduler was not heard about it. */
  | { readonly node: string; readonly unheard?: CodedError }
  /** The scheduler is asked which of these nodes it is, and waited for until then. */
  | { readonly asked: readonly string[]; readonly until: number }
  /** One sentence for each node that was looked at. */
  | { readonly none: readonly string[] };

export interface EvictionOutcome {
  readonly at: number;
  /**
   * allowed: a dry run passed. held: a disruption budget or a webhook answered 429. failed:
   * anything else that is no success.
   */
  readonly outcome: "allowed" | "sent" | "held" | "failed";
  readonly message: string;
}
