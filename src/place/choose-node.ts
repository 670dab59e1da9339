import type { Node } from "../kube/kinds.ts";
import type { Look } from "./ledger.ts";

/** A node that may be chosen, and what its pool has. */
export interface Candidate {
  readonly node: Node;
  readonly look: Look;
  /** How good the node is for the claim's pods; less is better. */
  readonly rank: number;
}

export type Choice =
  | { readonly node: Node }
  /** Why each node will not do. */
  | { readonly node: undefined; readonly reasons: readonly string[] };

/**
 * The node for a volume that the scheduler does not place: of those that are best
 * for its pods, the one with the most room.
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
