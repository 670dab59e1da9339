import type { Condition } from "../../api/kinds/fields.ts";
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { moveErrors } from "../../move/errors.ts";
import { blockedBy } from "../../move/plan/status.ts";
import type { MoveExplained } from "./explanation.ts";

/** A move, as its status describes it. */
export function explainMove(move: Stored<VolumeMove>): MoveExplained {
  const { from, reason } = move.spec;
  const { message, phase, progress } = move.status ?? {};
  const to = move.status?.target ?? move.spec.to;
  const blocked = blockedBy(move.status);
  return {
    name: nameOf(move),
    reason,
    phase: phase ?? "New",
    from,
    ...(to === undefined ? {} : { to }),
    ...(progress === undefined ? {} : { progress }),
    ...(message === undefined ? {} : { message }),
    ...(blocked === undefined ? {} : { blocked: described(blocked) }),
  };
}

/** Splits the text of the condition, which has both the problem and the advice. */
function described({ message, reason }: Condition): NonNullable<MoveExplained["blocked"]> {
  const advice = moveErrors.table.get(reason)?.advice ?? "";
  const why = advice !== "" && message.endsWith(advice) ? message.slice(0, -advice.length) : message;
  return { code: reason, message: why.replace(/[.\s]+$/, ""), advice };
}
