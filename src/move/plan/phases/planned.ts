import type { CodedError } from "../../../observe/errors.ts";
import { MOVE_FINALIZER } from "../../../api/names.ts";
import { moveErrors } from "../../errors.ts";
import { whySilent } from "../target/agents.ts";
import { whyCalledOff, whyCancel, whyImpossible } from "./cancel.ts";
import { release, take } from "../change-volume.ts";
import { nextRetry } from "../target/failed-targets.ts";
import { groupTrouble } from "../group.ts";
import { whyInLine } from "../line.ts";
import { existing, isMine, readFirst } from "../parts.ts";
import type { MoveSnapshot, TargetChoice } from "../snapshot.ts";
import { enter, howToCancel, undo, waiting } from "../status.ts";
import type { MoveStep } from "../step.ts";
import { whyUnfit } from "../target/target.ts";
import { timeOf } from "../timing.ts";

type Asked = Extract<TargetChoice, { readonly asked: unknown }>;

/** The volumes are not one group any more: pods that use them have come or gone. */
const REGROUPED: ReadonlySet<string> = new Set([
  moveErrors.GROUP_INCOMPLETE({ missing: [] }).code,
  moveErrors.GROUPS_SEVERAL({ groups: [] }).code,
]);

/**
 * A VolumeMove without a phase. It gets the finalizer first, so that no volume is held for an
 * object that could vanish.
 */
export function planNew(s: MoveSnapshot, now: number): MoveStep {
  const { deletionTimestamp, finalizers } = s.move.metadata;
  if (finalizers?.includes(MOVE_FINALIZER) === true) {
    return enter(s, "Planned", { startedAt: timeOf(now), message: "Planning the move." });
  }
  if (deletionTimestamp !== undefined) return { step: "nothing", why: "the VolumeMove is gone before it began" };
  return { step: "add-finalizer", move: s.move };
}

/**
 * Planned. The move holds nothing while it waits, so that another move of the same volumes can go
 * first: it releases the volumes that it has taken before it waits.
 */
export function planPlanned(s: MoveSnapshot, now: number): MoveStep {
  const end = whyCancel(s) ?? whyImpossible(s) ?? whyCalledOff(s);
  if (end !== undefined) return readFirst(s, ["move", "volumes", "nodes"]) ?? undo(s, now, end);
  if (s.move.metadata.finalizers?.includes(MOVE_FINALIZER) !== true) return { step: "add-finalizer", move: s.move };
  const volumes = existing(s);
  const why = whyNotYet(s, now);
  // The drain makes other moves, one for each group. While this one is there, it makes none.
  if (s.move.spec.reason === "Drain" && why !== undefined && REGROUPED.has(why.code)) {
    return readFirst(s, ["move", "volumes", "pods"]) ?? undo(s, now, why);
  }
  if (why === undefined && "asked" in s.choice) return waitForAnswer(s, now, s.choice);
  if (why !== undefined) {
    const held = volumes.find(({ volume }) => isMine(s, volume));
    if (held !== undefined) return readFirst(s, ["volumes", "move"]) ?? release(s, held.volume);
    const message = `The move has not begun: ${why.message}. ${howToCancel(s)}`;
    return waiting(s, now, { message, why, until: nextRetry(s, now) });
  }
  const next = volumes.find(({ volume }) => !isMine(s, volume));
  if (next !== undefined) return take(s, next.volume);
  return enter(s, "Copying", {
    target: s.target?.name,
    volumes: volumes.map(({ name, volume: { spec } }) => ({ name, epoch: spec.epoch, incarnation: spec.incarnation })),
    failures: undefined,
    copyingAt: timeOf(now),
    progress: undefined,
    bytesTotal: undefined,
    bytesDone: undefined,
    eta: undefined,
    message: `Copying to node ${s.target?.name ?? ""}.`,
  });
}

/** Waits, without a condition Blocked, because the scheduler answers within a second or two. */
function waitForAnswer(s: MoveSnapshot, now: number, { asked, until }: Asked): MoveStep {
  const held = existing(s).find(({ volume }) => isMine(s, volume));
  if (held !== undefined) return readFirst(s, ["volumes", "move"]) ?? release(s, held.volume);
  const message = `Asking the scheduler where the pods can run: ${asked.join(", ")}. ${howToCancel(s)}`;
  return waiting(s, now, { message, until });
}

/**
 * Why a move cannot begin now. Undefined: it can, or the scheduler is being asked for its target.
 */
export function whyNotYet(s: MoveSnapshot, now: number): CodedError | undefined {
  const held = whyNotFree(s, now);
  if (held !== undefined) return held;
  if ("asked" in s.choice) return undefined;
  if (s.target === undefined) return moveErrors.NO_TARGET({ nodes: "none" in s.choice ? s.choice.none : [] });
  const unfit = whyUnfit(s, s.target, now, (volume) => s.volumes.find(({ name }) => name === volume)?.targetCopy);
  if (unfit !== undefined) return moveErrors.TARGET_UNFIT({ node: s.target.name, why: unfit });
  // This is checked last, because a move that is blocked by something else is not in the line.
  return whyInLine(s);
}

/** Why a move could not begin with any target: its group, its volumes or its source. */
export function whyNotFree(s: MoveSnapshot, now: number): CodedError | undefined {
  const group = groupTrouble(s);
  if (group !== undefined) return group;
  for (const { name, volume } of existing(s)) {
    const { activeMove } = volume.spec;
    if (activeMove === undefined || isMine(s, volume)) continue;
    return moveErrors.VOLUME_HELD({ volume: name, move: s.holders.get(activeMove.uid) ?? activeMove.name });
  }
  const silent = whySilent(s.source, now);
  return silent === undefined ? undefined : moveErrors.SOURCE_SILENT({ node: s.source.name, why: silent });
}
