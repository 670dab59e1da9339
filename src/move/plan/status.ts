import type { Condition } from "../../api/kinds/fields.ts";
import type { MovePhase, VolumeMoveStatus } from "../../api/kinds/volume-move.ts";
import type { CodedError } from "../../observe/errors.ts";
import { readFirst } from "./parts.ts";
import type { MoveSnapshot } from "./snapshot.ts";
import type { MoveStep } from "./step.ts";
import { CORDONED } from "./target/leaving.ts";
import { timeOf } from "./timing.ts";

/** The conditions of a move: why it waits, was undone, or will keep its pods down for long. */
const BLOCKED = "Blocked";
const CANCELLED = "Cancelled";
const LONG_DOWNTIME = "LongDowntime";
const LONGEST_MESSAGE = 4096;

/** The condition that blocks the move, from its status. */
export function blockedBy(status: VolumeMoveStatus | undefined): Condition | undefined {
  return status?.conditions?.find(({ type }) => type === BLOCKED);
}

/** A field set to undefined is removed. */
type Changes = { readonly [K in keyof VolumeMoveStatus]?: VolumeMoveStatus[K] | undefined };

/** Why the pods will probably be down for longer than a volume allows, from the status. */
export function longDowntime(status: VolumeMoveStatus | undefined): Condition | undefined {
  return status?.conditions?.find(({ type }) => type === LONG_DOWNTIME);
}

/** The phases in which the condition LongDowntime stays: the pods will be down, or are down. */
const AHEAD: ReadonlySet<MovePhase> = new Set(["Prepared", "Fenced", "Sealed"]);

/**
 * Goes to another phase in one write. This also removes the condition Blocked. `long` is why the
 * pods will be down for long, if that is known now.
 */
export function enter(
  s: MoveSnapshot,
  phase: MovePhase,
  changes: Changes,
  { long, now }: { readonly long?: CodedError | undefined; readonly now: number } = { now: 0 },
): MoveStep {
  const message = changes.message === undefined ? undefined : withCommand(s, phase, changes.message);
  const status = unblocked(changed(s.move.status ?? {}, { retryAt: undefined, ...changes, message, phase }));
  const kept = AHEAD.has(phase) ? status : without(status, LONG_DOWNTIME);
  const said = long === undefined ? kept : withCondition(kept, LONG_DOWNTIME, long, now);
  return { step: "set-status", move: s.move, status: said };
}

/** Begins to undo the move. The reason stays in the status permanently. */
export function undo(s: MoveSnapshot, now: number, why: CodedError): MoveStep {
  const status = changed(s.move.status ?? {}, {
    phase: "Undoing",
    retryAt: undefined,
    message: `Undoing the move: ${why.message}. It ends by itself.`,
  });
  const rest = without(unblocked(status), LONG_DOWNTIME);
  return { step: "set-status", move: s.move, status: withCondition(rest, CANCELLED, why, now) };
}

export interface Waiting {
  /** What the move waits for, and how to cancel it. */
  readonly message: string;
  /** What blocks the move. Undefined: it is not blocked, only slow. */
  readonly why?: CodedError | undefined;
  /** Latest time of the next look (milliseconds). */
  readonly until?: number | undefined;
  /** Other fields to write with the message. */
  readonly also?: Changes;
}

/**
 * Waits. If the status does not have the message yet, it is written first, but not if it comes only
 * from the caches: see I12 in plan-move.ts.
 */
export function waiting(s: MoveSnapshot, now: number, { message, why, until, also }: Waiting): MoveStep {
  const before = s.move.status ?? {};
  const said = changed(before, { ...also, message: cut(message) });
  const status = why === undefined ? unblocked(said) : withCondition(said, BLOCKED, why, now);
  if (sameStatus(before, status)) return { step: "wait", until };
  return readFirst(s, ["volumes", "move"]) ?? { step: "set-status", move: s.move, status };
}

/** The sentence that ends every message of a move that can still be cancelled. */
export function howToCancel(s: MoveSnapshot, phase: MovePhase = s.move.status?.phase ?? "Planned"): string {
  const isEarly = phase === "Planned" || phase === "Copying" || phase === "Prepared";
  // Deleting a drain's move is not enough: the drain asks again, and gets another move.
  const isCordoned = s.source.leaving === CORDONED;
  if (isEarly && isCordoned && s.move.spec.reason === "Drain") return `To cancel: kubectl uncordon ${s.source.name}`;
  return `To cancel: kubectl delete volumemove ${s.move.metadata.name}`;
}

/** Adds the command that cancels the move, unless the message has a command already. */
function withCommand(s: MoveSnapshot, phase: MovePhase, message: string): string {
  if (phase === "Done" || phase === "Cancelled" || message.includes("kubectl ")) return message;
  if (phase === "Committed") return `${message} ${NO_WAY_BACK}`;
  return `${message} ${howToCancel(s, phase)}`;
}

/** The sentence that ends every message of a move that is committed. */
export const NO_WAY_BACK = "The move cannot be cancelled any more. It continues by itself.";

/** Why the move was undone, from the status. */
export function undoneBecause(status: VolumeMoveStatus): string | undefined {
  return status.conditions?.find(({ type }) => type === CANCELLED)?.message;
}

function changed(status: VolumeMoveStatus, changes: Changes): VolumeMoveStatus {
  const next: Record<string, unknown> = { ...status, ...changes };
  for (const [key, value] of Object.entries(next)) if (value === undefined) delete next[key];
  return next;
}

function withCondition(status: VolumeMoveStatus, type: string, why: CodedError, now: number): VolumeMoveStatus {
  const before = status.conditions?.find((condition) => condition.type === type);
  const condition: Condition = {
    type,
    status: "True",
    reason: why.code,
    message: cut(`${why.message}. ${why.advice}`),
    lastTransitionTime: before?.status === "True" ? before.lastTransitionTime : timeOf(now),
  };
  const others = (status.conditions ?? []).filter((one) => one.type !== type);
  return { ...status, conditions: [...others, condition].toSorted((a, b) => (a.type < b.type ? -1 : 1)) };
}

function unblocked(status: VolumeMoveStatus): VolumeMoveStatus {
  return without(status, BLOCKED);
}

/** The status without the condition of this type. */
function without(status: VolumeMoveStatus, removed: string): VolumeMoveStatus {
  const conditions = status.conditions?.filter(({ type }) => type !== removed);
  if (conditions === undefined || conditions.length === status.conditions?.length) return status;
  if (conditions.length > 0) return { ...status, conditions };
  const { conditions: _none, ...rest } = status;
  return rest;
}

function cut(message: string): string {
  return message.length <= LONGEST_MESSAGE ? message : `${message.slice(0, LONGEST_MESSAGE - 1)}…`;
}

/**
 * Compares as JSON. Most statuses differ in their message, or not at all, so the keys are sorted
 * only if those checks do not decide.
 */
function sameStatus(a: VolumeMoveStatus, b: VolumeMoveStatus): boolean {
  if (a.message !== b.message) return false;
  return JSON.stringify(a) === JSON.stringify(b) || stable(a) === stable(b);
}

function stable(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
