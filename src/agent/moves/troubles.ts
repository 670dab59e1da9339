/*
 * Errors that no step of a move expects, such as a damaged copy.json of another copy of the volume.
 * They are retried. But an agent that fails again and again says nothing to the move: to the
 * controller it looks like one that has not begun, and it would evict the pods for a target that
 * can never open the copy. So after a while the move is told.
 */
import type { VolumeMove } from "../../api/kinds/volume-move.ts";
import { KubeError } from "../../kube/errors.ts";
import { messageOf } from "../../observe/errors.ts";
import { agentErrors } from "../errors.ts";
import type { ReportContent } from "./view.ts";

/** For so long an error may go on before the move is told of it. */
export const TROUBLE_MS = 15_000;

/** Phases in which a refusal of the node still ends or changes the move. */
const SOURCE_PHASES: ReadonlySet<string> = new Set(["Planned", "Copying", "Prepared", "Fenced"]);
const TARGET_PHASES: ReadonlySet<string> = new Set(["Copying", "Prepared", "Sealed"]);

export class Troubles {
  /** Since when each volume fails (milliseconds, monotonic). */
  readonly #since = new Map<string, number>();

  over(volume: string): void {
    this.#since.delete(volume);
  }

  /** Whether the move must be told of this error. An API server that is away is waited for. */
  isLasting(volume: string, error: unknown, now: number): boolean {
    if (error instanceof KubeError) return false;
    const since = this.#since.get(volume) ?? now;
    this.#since.set(volume, since);
    return now - since >= TROUBLE_MS;
  }
}

/** What the node reports of an error to the move. Undefined: the move does not ask it now. */
export function refusalFor(
  { spec, status }: VolumeMove,
  { node, volume }: { readonly node: string; readonly volume: string },
  error: unknown,
): ReportContent | undefined {
  const phase = status?.phase ?? "";
  const { code, message } = agentErrors.MOVE_FAILED({ node, volume, why: messageOf(error) });
  if (spec.from === node && SOURCE_PHASES.has(phase)) return { role: "Source", state: "Refused", code, message };
  if (status?.target === node && TARGET_PHASES.has(phase)) return { role: "Target", state: "Refused", code, message };
  return undefined;
}
