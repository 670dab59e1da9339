/*
 * Follows one VolumeMove until it has ended, and prints the changes.
 *
 * It reads the object twice a second, which is cheap and fast enough for a move that takes seconds
 * to hours. If the API server does not answer for a while, it waits: the move does not depend on
 * this program.
 */
import { volumeMoves, type VolumeMove } from "../../api/kinds/volume-move.ts";
import type { Clock } from "../../effects/clock.ts";
import type { KubeClient } from "../../kube/client.ts";
import { isNoAnswer } from "../../kube/errors.ts";
import { nameOf, type Stored } from "../../kube/objects.ts";
import { moorErrors } from "../errors.ts";

const EVERY_MS = 500;
/** Longer than a restart of an API server takes. */
const NO_ANSWER_MS = 120_000;

export interface FollowEffects {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly tell: (line: string) => void;
}

/** The move after its end. Undefined: the object is gone. */
export type Ended = Stored<VolumeMove> | undefined;

/**
 * Resolves when the move is Done or Cancelled, or gone; with `untilGone` only when it is gone.
 * Rejects with MOOR_TIMED_OUT after `timeoutMs`.
 */
export async function follow(
  effects: FollowEffects,
  move: Stored<VolumeMove>,
  { timeoutMs, untilGone }: { readonly timeoutMs: number; readonly untilGone: boolean },
  signal: AbortSignal,
): Promise<Ended> {
  const { client, clock, tell } = effects;
  const began = clock.monotonic();
  let answeredAt = began;
  let said = "";
  let last = move;
  for (;;) {
    try {
      const found = await client.find(volumeMoves, { name: nameOf(move) }, { signal });
      answeredAt = clock.monotonic();
      if (found?.metadata.uid !== move.metadata.uid) return untilGone ? last : undefined;
      last = found;
      const line = lineOf(found);
      if (line !== said && found.status?.phase !== undefined) tell(line);
      said = line;
      if (!untilGone && hasEnded(found)) return found;
    } catch (error) {
      if (!isNoAnswer(error) || clock.monotonic() - answeredAt > NO_ANSWER_MS) throw error;
    }
    if (clock.monotonic() - began > timeoutMs) {
      throw moorErrors.TIMED_OUT({ seconds: Math.round(timeoutMs / 1000), what: lineOf(last) });
    }
    await clock.sleep(EVERY_MS, signal);
  }
}

/** A move in one line: its phase and its message. */
export function lineOf({ metadata, status }: Stored<VolumeMove>): string {
  const { message, phase = "New" } = status ?? {};
  return message === undefined ? `${metadata.name}: ${phase}` : `${metadata.name}: ${phase}: ${message}`;
}

function hasEnded({ status }: VolumeMove): boolean {
  return status?.phase === "Done" || status?.phase === "Cancelled";
}
