import { moveErrors } from "../../errors.ts";
import { whyCalledOff, whyCancel } from "./cancel.ts";
import { unfence } from "../change-volume.ts";
import { planTrial } from "./evict.ts";
import { planAgain, planCheck } from "./before-fence.ts";
import { whyInLine } from "../line.ts";
import { existing, isFenced, podsToEvict, readFirst } from "../parts.ts";
import type { MoveSnapshot } from "../snapshot.ts";
import { blockedBy, enter, howToCancel, undo, waiting } from "../status.ts";
import type { MoveStep } from "../step.ts";
import { ASKED_RECENTLY_MS, msOf, timeOf } from "../timing.ts";

/**
 * Prepared. The pods run and must be able to restart on the source. So a fence that remains from
 * evictions without effect is removed first. This does not wait for the source: an agent that
 * sealed late unseals by itself. A move whose data cannot be copied is refused here, while the pods
 * still run. A move that a disruption budget does not allow waits here.
 */
export function planPrepared(s: MoveSnapshot, now: number): MoveStep {
  const fenced = existing(s).find(({ volume }) => isFenced(s, volume));
  if (fenced !== undefined) return readFirst(s, ["volumes", "move"]) ?? unfence(fenced.volume);
  const end = whyCancel(s) ?? whyCalledOff(s);
  if (end !== undefined) return readFirst(s, ["move", "volumes", "nodes"]) ?? undo(s, now, end);
  const again = planAgain(s, now);
  if (again !== undefined) return again;
  const retryAt = msOf(s.move.status?.retryAt);
  if (retryAt !== undefined && now < retryAt) return { step: "wait", until: retryAt };
  const unchecked = planCheck(s, now);
  if (unchecked !== undefined) return unchecked;
  if (s.move.spec.reason === "Drain" && (s.askedAt === undefined || now - s.askedAt > ASKED_RECENTLY_MS)) {
    const why = moveErrors.NOT_ASKED({ node: s.source.name });
    return waiting(s, now, { message: `Waiting for a drain: ${why.message}. ${howToCancel(s)}`, why });
  }
  const trial = planTrial(s, now);
  if (trial !== undefined) return trial;
  // A blocked move has no places in the line (line.ts), and must get them again.
  const line = blockedBy(s.move.status) === undefined ? undefined : whyInLine(s);
  if (line !== undefined) {
    return waiting(s, now, { message: `Waiting: ${line.message}. ${howToCancel(s)}`, why: line });
  }
  return (
    readFirst(s, ["move", "volumes", "pods", "nodes"]) ??
    enter(s, "Fenced", {
      sealing: (s.move.status?.sealing ?? 0) + 1,
      pods: podsToEvict(s).map(({ namespace, name, uid }) => ({ namespace, name, uid })),
      fencedAt: timeOf(now),
      evictedAt: undefined,
      closedAt: undefined,
      sealedAt: undefined,
      message: "Closing the volumes for new pods.",
    })
  );
}
