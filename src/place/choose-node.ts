import type { Node } from "../kube/kinds.ts";
import { isTainted } from "../kube/nodes.ts";
import type { Look } from "./ledger.ts";

/** A node that may be chosen, and what its pool has. */
export interface Candidate {
  readonly node: Node;
  readonly look: Look;
}

export type Choice =
  | { readonly node: Node }
  /** Why each node will not do. */
  | { readonly node: undefined; readonly reasons: readonly string[] };

/**
 * The node for a volume that no pod waits for: the one with the most room. Nodes with a NoSchedule
 * or NoExecute taint come last, since most pods cannot run there.
 */
export function chooseNode(
  candidates: readonly Candidate[],
  asked: bigint,
  describe: (look: Extract<Look, { usable: true }>) => string,
): Choice {
  const reasons: string[] = [];
  const fitting: { readonly node: Node; readonly free: bigint }[] = [];
  for (const { node, look } of candidates) {
    const name = node.metadata?.name ?? "";
    if (!look.usable) reasons.push(`node ${name}: ${look.why}`);
    else if (look.room.free < asked) reasons.push(`node ${name}: ${describe(look)}`);
    else fitting.push({ node, free: look.room.free });
  }
  const best = fitting.toSorted(
    (a, b) => Number(isTainted(a.node)) - Number(isTainted(b.node)) || (a.free > b.free ? -1 : a.free < b.free ? 1 : 0),
  )[0];
  return best === undefined ? { node: undefined, reasons } : { node: best.node };
}
