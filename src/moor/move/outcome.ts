import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { moorErrors } from "../errors.ts";
import type { Ended } from "./follow.ts";

/** The result that `moor move` prints at the end. */
export interface MoveOutcome {
  readonly move: string;
  readonly volumes: readonly string[];
  readonly from: string;
  readonly to?: string;
  readonly phase: string;
  readonly message?: string;
  readonly downtime?: NonNullable<VolumeMove["status"]>["downtime"];
}

/** Throws for a move that did not end as Done. */
export function outcomeOf(name: string, ended: Ended): MoveOutcome {
  if (ended === undefined) throw moorErrors.MOVE_GONE({ move: name });
  const { status } = ended;
  if (status?.phase === "Cancelled") {
    const cancelled = status.conditions?.find(({ type }) => type === "Cancelled");
    throw moorErrors.MOVE_CANCELLED({
      move: name,
      why:
        cancelled === undefined
          ? (status.message ?? "no reason is given")
          : `${cancelled.reason}: ${cancelled.message}`,
    });
  }
  return stateOf(ended);
}

/** A move as it is now. */
export function stateOf(move: Stored<VolumeMove>): MoveOutcome {
  const { from, volumes } = move.spec;
  const { downtime, message, phase, target } = move.status ?? {};
  const to = target ?? move.spec.to;
  return {
    move: nameOf(move),
    volumes: volumes.map(({ name }) => name),
    from,
    ...(to === undefined ? {} : { to }),
    phase: phase ?? "New",
    ...(message === undefined ? {} : { message }),
    ...(downtime === undefined ? {} : { downtime }),
  };
}

export function outcomeText({ from, move, phase, to, volumes }: MoveOutcome): string {
  const where = to === undefined ? "" : ` to node ${to}`;
  return `VolumeMove ${move}: ${phase}, ${volumes.join(", ")} from node ${from}${where}`;
}
