import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import {
  SCOUT_LABEL,
  SCOUT_NODES_ANNOTATION,
  SCOUT_OPEN_ANNOTATION,
  SCOUT_PODS_ANNOTATION,
  SELECTED_NODE,
} from "../../api/names.ts";
import type { PersistentVolumeClaim, Pod } from "../../kube/kinds.ts";
import type { KubeObject, Stored } from "../../kube/objects.ts";

/** What the scheduler is asked: where these pods can run together. */
export interface Ask {
  readonly move: Stored<VolumeMove>;
  /** They share volumes, so that one node must take them all. */
  readonly pods: readonly Stored<Pod>[];
  /** The nodes that can take the volumes, in the order of their names. */
  readonly nodes: readonly string[];
  /** The one of them that already has a part of the volumes. */
  readonly preferred?: string | undefined;
}

/** A scout, as its pod and its claim show it. */
export interface Scout {
  readonly name: string;
  readonly uid: string;
  /** The UID of its move. */
  readonly move: string;
  readonly ending: boolean;
  readonly createdAt: number;
  /** The pods that it stands for, as `podsKey` says them. */
  readonly pods: string;
  /** The nodes that would do when it was made. */
  readonly nodes: readonly string[];
  /** It may go to any node that was unknown when it was made. */
  readonly open: boolean;
  /** The node that the scheduler has chosen. */
  readonly answer: string | undefined;
  /** Why the scheduler finds no node, in its own words. */
  readonly refusal: string | undefined;
}

/** The claim of a scout, which has its name. */
export interface ScoutClaim {
  readonly name: string;
  readonly uid: string;
  readonly ending: boolean;
}

/** Index of scout pods, and of their claims, by the name of their move. */
export const SCOUTS_BY_MOVE = "scoutsByMove";
export const scoutIndex = (namespace: string) => ({
  [SCOUTS_BY_MOVE]: (object: KubeObject): readonly string[] => {
    const move = object.metadata?.namespace === namespace ? moveOf(object) : undefined;
    return move === undefined ? [] : [move];
  },
});

/** Which pods a scout stands for. A pod that was made again is another one: its spec may differ. */
export function podsKey(pods: readonly Stored<Pod>[]): string {
  return pods
    .map(({ metadata }) => metadata.uid)
    .toSorted()
    .join(",");
}

/** The name of the move that a scout, or its claim, belongs to. */
export function moveOf({ metadata }: KubeObject): string | undefined {
  return metadata?.labels?.[SCOUT_LABEL] === undefined ? undefined : metadata.ownerReferences?.[0]?.name;
}

/** The scheduler speaks of the scout's own claim or its class, and not of nodes. */
const ABOUT_SCOUT = /persistentvolumeclaim|storageclass/;

export function scoutOf(pod: Stored<Pod>, claim: PersistentVolumeClaim | undefined): Scout {
  const { annotations = {}, creationTimestamp = "", deletionTimestamp, labels, name, uid } = pod.metadata;
  const condition = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
  const answer = claim?.metadata?.annotations?.[SELECTED_NODE];
  const words = condition?.message ?? "it gave no reason";
  const isRefused = condition?.status === "False" && condition.reason === "Unschedulable" && !ABOUT_SCOUT.test(words);
  return {
    name,
    uid,
    move: labels?.[SCOUT_LABEL] ?? "",
    ending: deletionTimestamp !== undefined,
    createdAt: Date.parse(creationTimestamp),
    pods: annotations[SCOUT_PODS_ANNOTATION] ?? "",
    nodes: (annotations[SCOUT_NODES_ANNOTATION] ?? "").split(",").filter((node) => node !== ""),
    open: annotations[SCOUT_OPEN_ANNOTATION] === "true",
    answer,
    // A scout that was refused before it got a node still shows the old words.
    refusal: isRefused && answer === undefined ? words : undefined,
  };
}

export function scoutClaimOf({ metadata }: Stored<PersistentVolumeClaim>): ScoutClaim {
  return { name: metadata.name, uid: metadata.uid, ending: metadata.deletionTimestamp !== undefined };
}
