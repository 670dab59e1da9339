import { planCommitted } from "./committed.ts";
import { planFenced } from "./fenced.ts";
import { planFinished } from "./finished.ts";
import { planNew, planPlanned } from "./planned.ts";
import { planCopying, planPrepared } from "./prepared.ts";
import { planSealed } from "./sealed.ts";
import type { MoveSnapshot } from "./snapshot.ts";
import type { MoveStep } from "./step.ts";
import { planUndoing } from "./undoing.ts";

/** The next step of one move. */
export function planMove(s: MoveSnapshot, now: number): MoveStep {
  const phase = s.move.status?.phase;
  switch (phase) {
    case undefined:
      return planNew(s, now);
    case "Planned":
      return planPlanned(s, now);
    case "Copying":
      return planCopying(s, now);
    case "Prepared":
      return planPrepared(s, now);
    case "Fenced":
      return planFenced(s, now);
    case "Sealed":
      return planSealed(s, now);
    case "Committed":
      return planCommitted(s, now);
    case "Done":
    case "Cancelled":
      return planFinished(s, now);
    case "Undoing":
      return planUndoing(s, now);
    default:
      return phase satisfies never;
  }
}
