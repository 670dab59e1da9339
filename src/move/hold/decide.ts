/*
 * Decides how an eviction request is answered: a pure function of the facts that a replica has
 * read. The first step that applies decides:
 *
 *   1 our controller evicts                                pass
 *   2 no movable volume (held if that cannot be read)      pass
 *   3 a dry run                                            pass, with a warning
 *   4 the volume's node is released                        pass
 *   5 a move holds the volume, Fenced to the commit        hold
 *   6 the volume has just moved, and this pod is new       gone
 *   7 the volume's node stays, or the volume does          pass
 *   8 otherwise                                            hold
 *
 * A pod may have several volumes. Steps 4 and 7 remove a volume from the decision. Steps 5, 6 and 8
 * look at the remaining volumes, and the pod passes when none remains. A keeper represents all
 * volumes of its node that are still to move; only steps 1, 3, 4, 7 and 8 apply to it.
 */
import { RELEASE_ANNOTATION } from "../../api/names.ts";
import type { MovePhase } from "../../api/kinds/volume-move.ts";

/** Something that could not be read, and why. */
export interface Unreadable {
  readonly unreadable: string;
}

export interface NodeFacts {
  readonly name: string;
  /** Why the node is leaving. Undefined: it stays. */
  readonly leaving?: "cordon" | "taint";
  /** Whether an administrator has ended every hold on the node. */
  readonly released: boolean;
}

export interface VolumeFacts {
  readonly name: string;
  /** The node that has the volume. */
  readonly nodeName: string;
  /** That node, read from the API server and not from a cache. Undefined: it does not exist. */
  readonly node: NodeFacts | Unreadable | undefined;
  /** A move is cutting over: the volume is not published to new pods. */
  readonly fenced: boolean;
  /**
   * The move that holds the volume, and the node from which it takes it. The phase may be old: the
   * volume may have its new node already.
   */
  readonly move?: { readonly name: string; readonly phase: MovePhase; readonly from: string };
  /** When a move last brought the volume to its node. */
  readonly movedAtMs?: number;
  /** What a move does with the data. @default "Copy" */
  readonly mode?: "Copy" | "Rebuild";
  /**
   * Why the volume stays although its node is leaving (policy Stay, `drain: stay`, a pool of one
   * node, …), as part of a sentence. Undefined: it is to move.
   */
  readonly stays?: string;
  /** A move brings the volume to this node. It is not there yet, and would have to leave again. */
  readonly arrives?: boolean;
  /** Progress and remaining time of its move, as a sentence without a full stop. */
  readonly progress?: string;
}

/** The LocalVolume that the facts come from. A request is recorded for this one only. */
export interface ReadVersion {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly epoch: number;
}

export interface PodVolumeFacts extends VolumeFacts {
  readonly version: ReadVersion;
}

/**
 * A pod with the movable volumes that it uses. Volumes of generic ephemeral claims are left out,
 * because evictions are never held for them.
 */
export interface PodFacts {
  readonly namespace: string;
  readonly name: string;
  /** The pod's node. Undefined: it has none, or the Node object does not exist. */
  readonly node: NodeFacts | undefined;
  readonly volumes: readonly PodVolumeFacts[] | Unreadable;
}

/** A node's keeper. Its eviction counts for all volumes of the node. */
export interface KeeperFacts {
  readonly namespace: string;
  readonly name: string;
  readonly node: NodeFacts | Unreadable | undefined;
  /** The volumes of the node that are still to move, and those that a move brings to it. */
  readonly toMove: readonly VolumeFacts[] | Unreadable;
}

export interface EvictionSnapshot {
  /** Whether the request comes from the controller's service account. */
  readonly byController: boolean;
  /** Set in the request, or in the deleteOptions of its body. */
  readonly dryRun: boolean;
  /** The evictor names a UID, so it cannot mean another pod of that name. */
  readonly hasUidPrecondition: boolean;
  /** Undefined: the pod does not exist, and the API server will answer that itself. */
  readonly target:
    | { readonly kind: "pod"; readonly pod: PodFacts }
    | { readonly kind: "keeper"; readonly keeper: KeeperFacts }
    | undefined;
  readonly gracePeriodSeconds?: number;
  readonly now: number;
}

/** A record of the eviction request for the leader, which then moves these volumes. */
export interface AskRecord {
  /** Record it in the status of these LocalVolumes. */
  readonly volumes: readonly (ReadVersion & { readonly name: string })[];
  /** Record it in an annotation of this keeper. */
  readonly keeper?: { readonly namespace: string; readonly name: string };
  readonly gracePeriodSeconds?: number;
}

export type EvictionDecision =
  | { readonly answer: "pass"; readonly warning?: string }
  /** `why` is only the reason, for short texts. */
  | { readonly answer: "hold"; readonly message: string; readonly why: string; readonly record: AskRecord }
  | { readonly answer: "gone"; readonly message: string };

/** For this time after a move, an eviction without a UID is taken to mean the old pod. */
const MOVED_RECENTLY_MS = 60_000;
const PASS: EvictionDecision = { answer: "pass" };

/** Decides how one eviction request is answered. */
export function decideEviction(snapshot: EvictionSnapshot): EvictionDecision {
  const { byController, dryRun, target } = snapshot;
  if (byController || target === undefined) return PASS;
  if (target.kind === "keeper") return orWarn(dryRun, decideKeeper(snapshot, target.keeper));
  const { pod } = target;
  if (isUnreadable(pod.volumes)) return holdUnread(snapshot, pod.volumes);
  if (pod.volumes.length === 0) return PASS;
  return orWarn(dryRun, decidePod(snapshot, pod, pod.volumes));
}

/** A dry run passes, with a warning that says how the real eviction would be answered. */
function orWarn(dryRun: boolean, decision: EvictionDecision): EvictionDecision {
  if (!dryRun) return decision;
  switch (decision.answer) {
    case "pass":
      return { answer: "pass", warning: decision.warning ?? "Mooring would let this eviction pass" };
    case "hold":
      return { answer: "pass", warning: `Mooring would hold this eviction: ${decision.why}` };
    case "gone":
      return { answer: "pass", warning: `Mooring would answer that this pod is gone: ${decision.message}` };
    default:
      return decision satisfies never;
  }
}

function decidePod(snapshot: EvictionSnapshot, pod: PodFacts, all: readonly PodVolumeFacts[]): EvictionDecision {
  const { hasUidPrecondition, now } = snapshot;
  const volumes = all.filter(({ node }) => !isReleased(node));
  const held = volumes.find(isCuttingOver);
  if (held !== undefined) {
    // While the volumes of a group get their new node one by one, some of them are there already,
    // perhaps even this one. Nobody has asked for them there.
    const beside = volumes.filter(({ nodeName }) => nodeName === sourceOf(held));
    return hold(snapshot, beside, changingOver(held));
  }
  const moved = volumes.find(({ movedAtMs }) => movedAtMs !== undefined && now - movedAtMs < MOVED_RECENTLY_MS);
  if (moved !== undefined && !hasUidPrecondition && pod.node?.leaving === undefined) {
    const message = `volume ${moved.name} has just moved to node ${moved.nodeName}, and pod ${pod.namespace}/${pod.name} there is a new pod`;
    return { answer: "gone", message };
  }
  const unread = volumes.map(({ node }) => node).find(isUnreadable);
  if (unread !== undefined) return holdUnread(snapshot, unread);
  const leaving = volumes.filter(({ node }) => isLeavingNode(node));
  const toMove = leaving.filter(({ stays }) => stays === undefined);
  const [first] = toMove;
  if (first !== undefined) return hold(snapshot, toMove, evacuating(first, toMove));
  const stays = leaving[0]?.stays;
  return stays === undefined ? PASS : { answer: "pass", warning: `Mooring does not hold this eviction: ${stays}` };
}

function decideKeeper(snapshot: EvictionSnapshot, { node, toMove }: KeeperFacts): EvictionDecision {
  if (isReleased(node)) return PASS;
  if (isUnreadable(node)) return holdUnread(snapshot, node);
  if (!isLeavingNode(node)) return PASS;
  if (isUnreadable(toMove)) return holdUnread(snapshot, toMove);
  const [first] = toMove;
  if (first === undefined) return PASS;
  const waiting = toMove.find((volume) => volume.arrives === true || !isCuttingOver(volume));
  return hold(snapshot, [], waiting === undefined ? changingOver(first) : evacuating(waiting, toMove));
}

interface HoldText {
  readonly why: string;
  readonly message: string;
}

/** `volumes`: those of the pod that are to leave their node. The request is about these only. */
function hold(snapshot: EvictionSnapshot, volumes: readonly PodVolumeFacts[], text: HoldText): EvictionDecision {
  const { gracePeriodSeconds, target } = snapshot;
  const keeper = target?.kind === "keeper" ? target.keeper : undefined;
  const record: AskRecord = {
    volumes: volumes.map(({ name, version }) => ({ name, ...version })),
    ...(keeper === undefined ? {} : { keeper: { namespace: keeper.namespace, name: keeper.name } }),
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
  };
  return { answer: "hold", ...text, record };
}

/**
 * Holds the eviction, because data that cannot be read may be the only copy of a volume. The
 * evictor asks again.
 */
function holdUnread(snapshot: EvictionSnapshot, { unreadable }: Unreadable): EvictionDecision {
  const why = `Mooring cannot find out now whether the eviction is safe for the pod's data: ${unreadable}`;
  return hold(snapshot, [], { why, message: `${why}. The next try checks again.` });
}

/** The descheduler looks for the words "Eviction triggered evacuation" in a 429. */
function evacuating(first: VolumeFacts, volumes: readonly VolumeFacts[]): HoldText {
  const { arrives, name, nodeName, node, mode, progress } = first;
  const more = volumes.length === 1 ? "" : ` and ${String(volumes.length - 1)} more`;
  const what = mode === "Rebuild" ? "must be rebuilt on another node" : "must leave with its data";
  const where = arrives === true ? `that is moving to node ${nodeName}` : `on node ${nodeName}`;
  const why = `volume ${name}${more} ${where} ${what} first`;
  const isCordoned = node !== undefined && !isUnreadable(node) && node.leaving === "cordon" && arrives !== true;
  // The message of the move may already have this command.
  const isSaid = progress?.includes("kubectl uncordon") === true;
  const uncordon = isCordoned && !isSaid ? ` To cancel the move: kubectl uncordon ${nodeName}.` : "";
  const how = progress ?? `its move has not begun yet (an event of node ${nodeName} says why, if it cannot be made)`;
  return { why, message: `Eviction triggered evacuation: ${why}; ${how}.${uncordon} ${toRelease(nodeName)}` };
}

function changingOver(volume: VolumeFacts): HoldText {
  const { name, move, progress } = volume;
  const from = sourceOf(volume);
  const by = move === undefined ? "" : ` (VolumeMove ${move.name})`;
  const why = `volume ${name} is being moved from node ${from}${by}, and its pods must not be disturbed now`;
  const how = progress === undefined ? "" : `; ${progress}`;
  return { why, message: `Evacuation in progress: ${why}${how}. ${toRelease(from)}` };
}

/** The node that a volume leaves which is cutting over. A volume with a fence is still there. */
function sourceOf({ move, nodeName }: VolumeFacts): string {
  return move?.from ?? nodeName;
}

function toRelease(nodeName: string): string {
  return `To end every hold on this node, even if its data is not copied: kubectl annotate node ${nodeName} ${RELEASE_ANNOTATION}=true`;
}

/**
 * True from Fenced until the commit has been written to the volume, or the move was undone. With an
 * old phase it is true for longer; the evictor then only has to ask once more.
 */
function isCuttingOver({ fenced, move }: VolumeFacts): boolean {
  return fenced || move?.phase === "Fenced" || move?.phase === "Sealed";
}

function isUnreadable<T extends object>(value: T | Unreadable | undefined): value is Unreadable {
  return value !== undefined && "unreadable" in value;
}

function isReleased(node: NodeFacts | Unreadable | undefined): boolean {
  return node !== undefined && !isUnreadable(node) && node.released;
}

function isLeavingNode(node: NodeFacts | Unreadable | undefined): boolean {
  return node !== undefined && !isUnreadable(node) && node.leaving !== undefined;
}
