import { volumeMoves, type MovePhase, type VolumeMove, type VolumeMoveStatus } from "../api/kinds/volume-move.ts";
import { aboutObject, type RecordedEvent } from "../kube/events/event-object.ts";
import { nodes, persistentVolumeClaims, pods, type Node } from "../kube/kinds.ts";
import { apiVersionOf } from "../kube/resource.ts";
import type { Stored } from "../kube/objects.ts";
import type { CodedError } from "../observe/errors.ts";
import type { AboutObject } from "../provision/events.ts";
import { whatRemains, type LivePasses } from "./plan/progress/live-passes.ts";
import { bytesOf } from "./plan/progress/progress.ts";
import { blockedBy, longDowntime } from "./plan/status.ts";

interface Named {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** The objects that people look at during a move. */
export interface Concerned {
  readonly pods: readonly Named[];
  readonly claims: readonly Named[];
  /** The source. Undefined: its Node object does not exist any more. */
  readonly node: Stored<Node> | undefined;
}

export interface ToldEvent {
  readonly about: AboutObject;
  readonly event: RecordedEvent;
}

/**
 * Phases with an event on pods and claims. Done has none, because the pods have started again by
 * then.
 */
const TOLD_PODS: ReadonlySet<MovePhase> = new Set(["Fenced", "Undoing", "Cancelled"]);
const TOLD_CLAIMS: ReadonlySet<MovePhase> = new Set(["Fenced", "Committed", "Undoing", "Cancelled"]);
/**
 * Phases with an event on the node. There are few of them, because a node may have many moves, and
 * only a few events per object are recorded in a burst.
 */
const TOLD_NODES: ReadonlySet<MovePhase> = new Set(["Committed", "Cancelled"]);

/** The scheduler does not say where the pods of a move can run. */
export function schedulerNotHeard(move: Stored<VolumeMove>, why: CodedError): ToldEvent {
  const message = `${why.message}. ${why.advice}`;
  return { about: aboutObject(volumeMoves, move), event: { type: "Warning", reason: "SchedulerNotHeard", message } };
}

/** About a leaving node: volumes of it have no VolumeMove, so its drain is held for ever. */
export function moveNotMade(volumes: readonly string[], why: string): RecordedEvent {
  const [first = ""] = volumes;
  const more = volumes.length === 1 ? "" : ` and ${String(volumes.length - 1)} more`;
  return {
    type: "Warning",
    reason: "MoveNotMade",
    message: `No VolumeMove could be made for volume ${first}${more}, so a drain of the node waits: ${why}. It is tried every 10 seconds. To let the node go without the data, annotate it: mooring.dev/release=true.`,
    dedupe: first,
  };
}

/** A live pass has ended, for all volumes of the move. */
export function livePassEnded(move: Stored<VolumeMove>, passes: LivePasses): ToldEvent {
  const { ended, read, sent } = passes;
  const reading = read === undefined ? "" : `${bytesOf(read)} read, `;
  const message = `Live pass ${String(ended)} has ended: ${reading}${bytesOf(sent)} sent. The final pass would take ${whatRemains(passes)}.`;
  return { about: aboutObject(volumeMoves, move), event: { type: "Normal", reason: "LivePassEnded", message } };
}

/** The events to record when a move's status changes to this one. */
export function eventsOf(move: Stored<VolumeMove>, status: VolumeMoveStatus, concerned: Concerned): ToldEvent[] {
  const { phase } = status;
  if (phase !== undefined && phase !== move.status?.phase) {
    const event = entered(phase, status.message ?? "");
    const others = spread(concerned, TOLD_PODS.has(phase), TOLD_CLAIMS.has(phase), TOLD_NODES.has(phase));
    return [...tell(move, event, others), ...longDowntimeOf(move, status, concerned)];
  }
  const blocked = blockedBy(status);
  if (blocked === undefined || blocked.reason === blockedBy(move.status)?.reason) return [];
  const { name } = move.metadata;
  const event: RecordedEvent = {
    type: "Warning",
    reason: "MoveWaits",
    message: status.message ?? blocked.message,
    dedupe: `${name}\n${blocked.reason}`,
  };
  return tell(move, event, spread(concerned, true, true, true));
}

/** Recorded once, when the live passes have ended. */
function longDowntimeOf(move: Stored<VolumeMove>, status: VolumeMoveStatus, concerned: Concerned): ToldEvent[] {
  const long = longDowntime(status);
  if (long === undefined || longDowntime(move.status) !== undefined) return [];
  const event: RecordedEvent = { type: "Warning", reason: "LongDowntime", message: long.message };
  return tell(move, event, spread(concerned, false, true, false));
}

function entered(phase: MovePhase, message: string): RecordedEvent {
  const isBad = phase === "Undoing" || phase === "Cancelled";
  return { type: isBad ? "Warning" : "Normal", reason: `Move${phase}`, message };
}

function spread({ claims, node, pods: of }: Concerned, toPods: boolean, toClaims: boolean, toNode: boolean) {
  return [
    ...(toPods ? of.map((pod) => ({ apiVersion: apiVersionOf(pods), kind: pods.kind, ...pod })) : []),
    ...(toClaims
      ? claims.map((claim) => ({
          apiVersion: apiVersionOf(persistentVolumeClaims),
          kind: persistentVolumeClaims.kind,
          ...claim,
        }))
      : []),
    ...(toNode && node !== undefined ? [aboutObject(nodes, node)] : []),
  ];
}

function tell(move: Stored<VolumeMove>, event: RecordedEvent, others: readonly AboutObject[]): ToldEvent[] {
  const named = { ...event, message: `VolumeMove ${move.metadata.name}: ${event.message}` };
  return [{ about: aboutObject(volumeMoves, move), event }, ...others.map((about) => ({ about, event: named }))];
}
