import type { VolumeMove } from "../../../api/kinds/volume-move.ts";
import type { Clock } from "../../../effects/clock.ts";
import type { Stored } from "../../../kube/objects.ts";

/**
 * A fence counts for this time. The pods that it waits for may have a grace period of hours, and
 * nothing is read or sent meanwhile.
 */
const FENCE_MS = 120_000;

/** The parts of a move that say whether it is in its cut-over, and on which nodes. */
export type CutOverOf = Pick<Stored<VolumeMove>, "metadata" | "spec" | "status">;

/**
 * The moves whose pods are down, or about to be. All other reads, transfers and writes on their two
 * nodes make the downtime longer, because they use the same disk and the same limit (--bandwidth).
 */
export class CutOvers {
  readonly #moves: () => readonly CutOverOf[];
  readonly #clock: Pick<Clock, "monotonic">;
  /** When each fence was first seen (milliseconds, monotonic). */
  readonly #fences = new Map<string, number>();

  constructor(moves: () => readonly CutOverOf[], clock: Pick<Clock, "monotonic">) {
    this.#moves = moves;
    this.#clock = clock;
  }

  /** Whether a move from or to one of these nodes is in its cut-over. */
  isAt(nodes: readonly string[]): boolean {
    const moves = this.#moves();
    const fences = new Set(moves.filter((move) => move.status?.phase === "Fenced").map((move) => fenceOf(move)));
    for (const fence of this.#fences.keys()) if (!fences.has(fence)) this.#fences.delete(fence);
    return moves.filter((move) => this.#isOne(move)).some((move) => isMoveAt(move, nodes));
  }

  #isOne(move: CutOverOf): boolean {
    if (move.status?.phase !== "Fenced") return move.status?.phase === "Sealed";
    const now = this.#clock.monotonic();
    const since = this.#fences.get(fenceOf(move)) ?? now;
    this.#fences.set(fenceOf(move), since);
    return now - since < FENCE_MS;
  }
}

/** Whether a move may be in its cut-over on one of these nodes. */
export function mayCutOver(move: CutOverOf, nodes: readonly string[]): boolean {
  const phase = move.status?.phase;
  return (phase === "Fenced" || phase === "Sealed") && isMoveAt(move, nodes);
}

function isMoveAt({ spec, status }: CutOverOf, nodes: readonly string[]): boolean {
  return nodes.includes(spec.from) || (status?.target !== undefined && nodes.includes(status.target));
}

function fenceOf({ metadata, status }: CutOverOf): string {
  return `${metadata.uid}/${String(status?.sealing ?? 0)}`;
}
