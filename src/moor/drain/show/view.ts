/*
 * The view of a drain as it is now, and its changes since the last view. Pure. docs/moor.md
 * describes the lines of `-o json`, which are these objects.
 */
import type { MovePhase, VolumeMove } from "../../../api/kinds/volume-move.ts";
import { nameOf, type Stored } from "../../../kube/objects.ts";
import { isFinished } from "../../../move/drains/earlier-moves.ts";
import { blockedBy } from "../../../move/plan/status.ts";

export interface NodeLine {
  readonly node: string;
  /** Moving: before the cordon. Cordoned: after it. Drained: the last pod is gone. */
  readonly state: "Moving" | "Cordoned" | "Drained";
}

export interface VolumeLine {
  readonly node: string;
  /** `namespace/name` of the claim. */
  readonly claim: string;
  readonly volume: string;
  /** Waiting: it has no move yet. Stays: a drain does not move it. */
  readonly state: "Waiting" | "Stays" | MovePhase;
  readonly move?: string;
  readonly to?: string;
  /** Bytes of all volumes of the move. */
  readonly bytesDone?: number;
  readonly bytesTotal?: number;
  /** Estimated time until the copy is complete, such as `14 s`. */
  readonly eta?: string;
  /** Why it waits, or why it stays. */
  readonly why?: string;
  /** The code of the reason. */
  readonly code?: string;
  /** How long the volume was unavailable, as the VolumeMove has it: `0.6s`. */
  readonly downtime?: { readonly ours?: string | undefined; readonly kubelets?: string | undefined };
}

export interface PodLine {
  readonly node: string;
  /** `namespace/name`. */
  readonly pod: string;
  /** Held: the API server refuses the eviction for now. Left: a drain does not evict this pod. */
  readonly state: "Waiting" | "Held" | "Ending" | "Gone" | "Failed" | "Left";
  readonly why?: string;
}

export interface DrainView {
  readonly nodes: readonly NodeLine[];
  readonly volumes: readonly VolumeLine[];
  readonly pods: readonly PodLine[];
}

/** A line that is new or has changed. */
export type DrainEvent =
  | ({ readonly event: "node" } & NodeLine)
  | ({ readonly event: "volume" } & VolumeLine)
  | ({ readonly event: "pod" } & PodLine);

/** A volume that is to leave a node. */
export interface LeavingVolume {
  readonly node: string;
  readonly claim: string;
  readonly volume: string;
  /** Why it does not move at all, or not before the cordon. */
  readonly stays?: string;
  readonly later?: { readonly code: string; readonly message: string };
}

/** The line of a volume: its move that has not ended, otherwise the move that ended last. */
export function volumeLine(leaving: LeavingVolume, moves: readonly Stored<VolumeMove>[]): VolumeLine {
  const { claim, later, node, stays, volume } = leaving;
  const base = { node, claim, volume };
  if (stays !== undefined) return { ...base, state: "Stays", why: stays };
  const mine = moves.filter(({ spec }) => spec.from === node && spec.volumes.some(({ name }) => name === volume));
  const move =
    mine.find((one) => !isFinished(one) && blockedBy(one.status) === undefined) ??
    mine.find((one) => !isFinished(one)) ??
    mine.toSorted((a, b) => ((a.status?.finishedAt ?? "") < (b.status?.finishedAt ?? "") ? 1 : -1))[0];
  if (move !== undefined) return { ...base, ...ofMove(move) };
  return later === undefined
    ? { ...base, state: "Waiting" }
    : { ...base, state: "Waiting", why: later.message, code: later.code };
}

function ofMove(move: Stored<VolumeMove>) {
  const { bytesDone, bytesTotal, conditions, downtime, eta, message, phase = "Planned", target } = move.status ?? {};
  const to = target ?? move.spec.to;
  const reason = conditions?.find(({ type }) => type === (phase === "Cancelled" ? "Cancelled" : "Blocked"));
  const why = reason?.message ?? (phase === "Fenced" ? message?.replace(/ To c.*$/, "") : undefined);
  const isSaid = isFigure(phase, bytesDone);
  return {
    state: phase,
    move: nameOf(move),
    ...(to === undefined ? {} : { to }),
    ...(bytesDone === undefined || !isSaid ? {} : { bytesDone }),
    ...(bytesTotal === undefined || !(isSaid || phase === "Done") ? {} : { bytesTotal }),
    ...(eta === undefined || phase !== "Copying" ? {} : { eta }),
    ...(why === undefined ? {} : { why }),
    ...(reason === undefined ? {} : { code: reason.reason }),
    ...(downtime === undefined ? {} : { downtime }),
  };
}

/**
 * Whether `bytesDone` is the progress of the phase. The final pass counts from 0 again after the
 * seal, so 0 in Sealed only means that its agent has not reported yet.
 */
function isFigure(phase: MovePhase, bytesDone = 0): boolean {
  return phase === "Copying" || phase === "Prepared" || (phase === "Sealed" && bytesDone > 0);
}

/** The lines of a view that are new or have changed, in their order. */
export function changesOf(before: DrainView | undefined, now: DrainView): readonly DrainEvent[] {
  return [
    ...changed(before?.nodes, now.nodes, ({ node }) => node).map((line) => ({ event: "node" as const, ...line })),
    ...changed(before?.volumes, now.volumes, ({ volume }) => volume).map((line) => ({
      event: "volume" as const,
      ...line,
    })),
    ...changed(before?.pods, now.pods, ({ node, pod }) => `${node} ${pod}`).map((line) => ({
      event: "pod" as const,
      ...line,
    })),
  ];
}

function changed<T>(before: readonly T[] = [], now: readonly T[], keyOf: (line: T) => string): readonly T[] {
  const known = new Map(before.map((line) => [keyOf(line), JSON.stringify(line)]));
  return now.filter((line) => known.get(keyOf(line)) !== JSON.stringify(line));
}
