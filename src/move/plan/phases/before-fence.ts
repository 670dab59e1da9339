import { moveErrors } from "../../errors.ts";
import { silentAt, whySilent } from "../target/agents.ts";
import { groupTrouble } from "../group.ts";
import { currentReport, readFirst, refusalOf } from "../parts.ts";
import type { MoveSnapshot } from "../snapshot.ts";
import { enter, howToCancel, undo, waiting } from "../status.ts";
import type { MoveStep } from "../step.ts";
import { whyUnfitByNow } from "../target/target.ts";

/**
 * Goes back to Planned, where nothing is held, when the group has changed or the target cannot take
 * it any more. Otherwise undefined. Used only before the fence.
 */
export function planAgain(s: MoveSnapshot, now: number): MoveStep | undefined {
  const group = groupTrouble(s);
  const unfit = s.target === undefined ? "it was not chosen" : whyUnfitByNow(s, s.target, now);
  if (group === undefined && unfit === undefined) return undefined;
  const message = group?.message ?? `node ${s.target?.name ?? ""} cannot take the volumes: ${unfit ?? ""}`;
  const again = { target: undefined, volumes: undefined, message: `Planning again: ${message}.` };
  return readFirst(s, ["move", "volumes", "pods", "nodes"]) ?? enter(s, "Planned", again);
}

/**
 * Waits until the source's agent has checked the volumes, so that a file that cannot be copied is
 * refused while the pods still run. Undefined when everything can be copied.
 */
export function planCheck(s: MoveSnapshot, now: number): MoveStep | undefined {
  const silent = whySilent(s.source, now);
  if (silent !== undefined) {
    const why = moveErrors.SOURCE_SILENT({ node: s.source.name, why: silent });
    return waiting(s, now, { message: `Waiting: ${why.message}. ${howToCancel(s)}`, why });
  }
  const refused = refusalOf(s);
  if (refused !== undefined) return readFirst(s, ["copies", "move"]) ?? undo(s, now, refused);
  const unchecked = s.volumes.filter(({ sourceCopy }) => currentReport(s, sourceCopy, "Source")?.state !== "Checked");
  if (unchecked.length === 0) return undefined;
  const names = unchecked.map(({ name }) => name).join(", ");
  const message = `Waiting until the agent of node ${s.source.name} has checked ${names}. ${howToCancel(s)}`;
  return waiting(s, now, { message, until: silentAt(s.source) });
}
