import type { Node } from "../kube/kinds.ts";
import type { Look } from "./ledger.ts";

/** A node that may be chosen, and the state of the pool on it. */
export interface Candidate {
  readonly node: Node;
  readonly look: Look;
  /** How well the node suits the claim's pods; lower is better. */
  readonly rank: number;
}

export type Choice =
  | { readonly node: Node }
  /** Why each node cannot be used. */
  | { readonly node: undefined; readonly reasons: readonly string[] };

/**
 * Chooses the node for a volume that the scheduler does not place: among the nodes with the best
 * rank, the one with the most free room.
 */
export function chooseNode(
  candidates: readonly Candidate[],
  asked: bigint,
  describe: (look: Extract<Look, { usable: true }>) => string,
): Choice {
  const reasons: string[] = [];
  const fitting: { readonly node: Node; readonly rank: number; readonly free: bigint }[] = [];
  for (const { node, look, rank } of candidates) {
    const name = node.metadata?.name ?? "";
    if (!look.usable) reasons.push(`node ${name}: ${look.why}`);
    else if (look.room.free < asked) reasons.push(`node ${name}: ${describe(look)}`);
    else fitting.push({ node, rank, free: look.room.free });
  }
  const best = fitting.toSorted((a, b) => a.rank - b.rank || (a.free > b.free ? -1 : a.free < b.free ? 1 : 0))[0];
  return best === undefined ? { node: undefined, reasons } : { node: best.node };
}
