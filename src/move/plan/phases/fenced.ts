import { moveErrors } from "../../errors.ts";
import { silentAt, whySilent } from "../target/agents.ts";
import { whyCancel } from "./cancel.ts";
import { fence } from "../change-volume.ts";
import { whyGivenUp } from "../target/failed-targets.ts";
import { currentReport, existing, isFenced, podName, podsToEvict, readFirst, refusalOf } from "../parts.ts";
import { planEviction, someEvicted } from "./evict.ts";
import type { MoveSnapshot } from "../snapshot.ts";
import { enter, howToCancel, undo, waiting } from "../status.ts";
import type { MoveStep } from "../step.ts";
import { whyLost } from "../target/target.ts";
import { msOf, timeOf } from "../timing.ts";

/**
 * Fenced. The order is: the fence on every volume, the labels that follow from it, the evictions,
 * the seals. A pod that was evicted before its volume is fenced would come back to the source.
 */
export function planFenced(s: MoveSnapshot, now: number): MoveStep {
  const end = whyCancel(s);
  if (end !== undefined) return readFirst(s, ["move", "volumes"]) ?? undo(s, now, end);
  const lost = targetLost(s, now);
  if (lost !== undefined) return readFirst(s, ["move", "volumes", "pods", "nodes"]) ?? afterLoss(s, now, lost);
  const open = existing(s).find(({ volume }) => !isFenced(s, volume));
  if (open !== undefined) return readFirst(s, ["volumes", "move"]) ?? fence(s, open.volume);
  const labels = s.volumes.find(({ labelsPending }) => labelsPending !== undefined)?.labelsPending;
  if (labels !== undefined) {
    return waiting(s, now, { message: `Waiting for the labels of the nodes: ${labels}. ${howToCancel(s)}` });
  }
  if (podsToEvict(s).length > 0) return planEviction(s, now);
  const refused = refusalOf(s);
  if (refused !== undefined) return readFirst(s, ["move", "copies"]) ?? undo(s, now, refused);
  const retryAt = msOf(s.move.status?.retryAt);
  if (retryAt !== undefined && now < retryAt) return { step: "wait", until: retryAt };
  if (!allSealed(s)) return waitForSeals(s, now);
  return (
    readFirst(s, ["move", "volumes", "pods", "copies"]) ??
    enter(s, "Sealed", {
      closedAt: timeOf(now - Math.max(...s.volumes.map((one) => sealMsOf(s, one)))),
      sealedAt: timeOf(now),
      // From here on `failures` counts failed copies.
      failures: s.move.status?.sealedAt === undefined ? undefined : s.move.status.failures,
      message: `Nobody can write to the volumes. Copying to node ${s.move.status?.target ?? ""}.`,
    })
  );
}

/** Why the target is lost. While the pods still run, a target that is leaving counts as lost. */
function targetLost(s: MoveSnapshot, now: number): string | undefined {
  if (s.target === undefined) return "it was not chosen";
  return (
    whyLost(s, s.target, now) ?? whyGivenUp(s, s.target.name, now) ?? (someEvicted(s) ? undefined : s.target.leaving)
  );
}

/**
 * If the source stays, the move is undone, because its evicted pods can start again there soonest.
 * If the source is leaving, they need another target.
 */
function afterLoss(s: MoveSnapshot, now: number, why: string): MoveStep {
  const error = moveErrors.TARGET_LOST({ node: s.target?.name ?? "", why });
  if (someEvicted(s) && s.source.leaving === undefined) return undo(s, now, error);
  return enter(s, "Prepared", { message: `Another target is needed: ${error.message}.` });
}

/** Duration of the seal, as its agent measured it. 0: the agent was restarted meanwhile. */
function sealMsOf(s: MoveSnapshot, { sourceCopy }: MoveSnapshot["volumes"][number]): number {
  return currentReport(s, sourceCopy, "Source")?.sealMs ?? 0;
}

function allSealed(s: MoveSnapshot): boolean {
  return s.volumes.every(({ sourceCopy }) => currentReport(s, sourceCopy, "Source")?.state === "Sealed");
}

function waitForSeals(s: MoveSnapshot, now: number): MoveStep {
  const since = `since ${s.move.status?.evictedAt ?? s.move.status?.fencedAt ?? timeOf(now)}`;
  const silent = whySilent(s.source, now);
  if (silent !== undefined) {
    const why = moveErrors.SOURCE_SILENT({ node: s.source.name, why: silent });
    return waiting(s, now, { message: `Waiting for the source ${since}: ${why.message}. ${howToCancel(s)}`, why });
  }
  const until = silentAt(s.source);
  const ending = s.pods.filter((pod) => pod.nodeName === s.source.name && pod.deletionTimestamp !== undefined);
  if (ending.length > 0) {
    const whom = ending.map(
      (pod) =>
        `${podName(pod)} (asked to end at ${pod.deletionTimestamp ?? ""}, grace period ${String(pod.deletionGracePeriodSeconds ?? 30)} s)`,
    );
    return waiting(s, now, { message: `Waiting for pods to end: ${whom.join(", ")}. ${howToCancel(s)}`, until });
  }
  const open = s.volumes.flatMap(({ name, sourceCopy }) => {
    const report = currentReport(s, sourceCopy, "Source");
    return report?.state === "Sealed" ? [] : [`${name}${report?.message === undefined ? "" : ` (${report.message})`}`];
  });
  const message = `Waiting ${since} until nobody on node ${s.source.name} can write to ${open.join(", ")}. ${howToCancel(s)}`;
  return waiting(s, now, { message, until });
}
