import { moveErrors } from "../../errors.ts";
import { silentAt } from "../target/agents.ts";
import { planAgain, planCheck } from "./before-fence.ts";
import { whyCalledOff, whyCancel } from "./cancel.ts";
import { withFailure } from "../target/failed-targets.ts";
import { answerOf, livePassesOf, whatRemains, whyLong } from "../progress/live-passes.ts";
import { existing, podsToEvict, readFirst, wordsOf } from "../parts.ts";
import { howFar, progressOf } from "../progress/progress.ts";
import type { MoveSnapshot } from "../snapshot.ts";
import { enter, howToCancel, undo, waiting } from "../status.ts";
import type { MoveStep } from "../step.ts";
import { isCutOff, isFinal } from "../target/target.ts";
import { msOf, PRECOPY_PATIENCE_MS, PROGRESS_EVERY_MS } from "../timing.ts";

/**
 * Copying. The pods run and write, nothing is closed to them, and the target's agent copies the
 * data in live passes. The result of a live pass is never committed: only the final pass after the
 * seal makes the copy. So if live passes fail, the move continues, and the copy is made while the
 * pods are down.
 *
 * A target that would fail in the final pass, too, is given up while the pods still run: its disk
 * is full or has failed, or it has not reached the source's agent for a while, or the two agents
 * are of different versions. It is tried again after a pause, like every target that was given up.
 *
 * When no pod runs there are no live passes, because they only shorten the downtime of pods.
 */
export function planCopying(s: MoveSnapshot, now: number): MoveStep {
  const end = whyCancel(s) ?? whyCalledOff(s);
  if (end !== undefined) return readFirst(s, ["move", "volumes", "nodes"]) ?? undo(s, now, end);
  const again = planAgain(s, now);
  if (again !== undefined) return again;
  if (podsToEvict(s).length === 0) return ready(s);
  const unchecked = planCheck(s, now);
  if (unchecked !== undefined) return unchecked;
  // A volume with mayCreate is skipped: it has perhaps not been made yet.
  const views = existing(s).filter(({ volume }) => volume.spec.mayCreate === undefined);
  const reports = views.map((view) => ({ name: view.name, report: answerOf(s, view) }));
  for (const { name, report } of reports) {
    if (report?.state !== "Refused" || !(isFinal(report) || isCutOff(report))) continue;
    const node = s.target?.name ?? "";
    const why = moveErrors.AGENT_REFUSED({ volume: name, node, why: wordsOf(report) });
    const read = readFirst(s, ["move", "copies", "nodes"]);
    if (read !== undefined) return read;
    if (s.source.leaving === undefined && !isCutOff(report)) return undo(s, now, why);
    const failedTargets = [...withFailure(s.move.status, node, why, now)];
    const message = `Another target is needed: ${why.message}.`;
    return enter(s, "Planned", { target: undefined, volumes: undefined, failedTargets, message });
  }
  const waits = reports.filter(({ report }) => report?.state !== "Precopied" && report?.state !== "Refused");
  const since = msOf(s.move.status?.copyingAt) ?? 0;
  const isLate = now - since > PRECOPY_PATIENCE_MS;
  const unheard = waits.every(({ report }) => report === undefined);
  if (waits.length === 0 || (unheard && isLate)) return readyAfterPasses(s, now);
  const progress = progressOf(s);
  const names = waits.map(({ name }) => name).join(", ");
  const message = `Copying to node ${s.target?.name ?? ""} while the pods run${whichPass(s)}${howFar(progress)}: ${names}. ${howToCancel(s)}`;
  const times = [
    s.target === undefined ? undefined : silentAt(s.target),
    unheard ? since + PRECOPY_PATIENCE_MS + 1 : undefined,
  ];
  const until = Math.min(...times.filter((time) => time !== undefined));
  if (s.notedAt !== undefined && now - s.notedAt < PROGRESS_EVERY_MS && s.move.status?.message === message) {
    return { step: "wait", until: s.notedAt + PROGRESS_EVERY_MS };
  }
  return waiting(s, now, { message, until: Number.isFinite(until) ? until : undefined, also: progress });
}

/** Which pass it is, from the second one on: the progress of each pass begins at zero again. */
function whichPass(s: MoveSnapshot): string {
  const passes = livePassesOf(s);
  return passes === undefined ? "" : `, pass ${String(passes.ended + 1)}`;
}

function ready(s: MoveSnapshot): MoveStep {
  const message = `Ready to move to node ${s.move.status?.target ?? ""}.`;
  return enter(s, "Prepared", { ...progressOf(s), eta: undefined, message });
}

function readyAfterPasses(s: MoveSnapshot, now: number): MoveStep {
  const passes = livePassesOf(s);
  if (passes === undefined) return ready(s);
  const message = `Ready to move to node ${s.move.status?.target ?? ""}. The final pass will probably take ${whatRemains(passes)}.`;
  return enter(s, "Prepared", { ...progressOf(s), eta: undefined, message }, { long: whyLong(s), now });
}
