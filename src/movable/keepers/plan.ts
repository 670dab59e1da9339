/*
 * A keeper is a tiny pod on each node with volumes. It stands for the data in a drain:
 * `kubectl drain` evicts it like any other pod, and its eviction is held until nothing of the node
 * is to move. So a drain does not end before the data is safe, even when no pod uses the volumes.
 *
 *   node                             live keeper   a keeper that is ending or failed
 *   stays, has volumes               one           goes once a live one is there
 *   leaves, something is to move     one           stays: its finalizer holds it
 *   anything else                    none          goes
 *
 * A volume that a move brings counts as the target's from Copying on (arriving.ts): before it is
 * there its keeper is, so that a drain of the target sees it and waits.
 *
 * Before a finalizer goes the server is asked once more (`check`): a node that is being cordoned in
 * this moment must not lose its last keeper, nor one that has got a volume in this moment. And
 * before a leaving node gets another one: the last volume may just have gone, and then the other
 * controller has let the last keeper's eviction through already, which ends the drain.
 *
 * Rules that look odd:
 *   - cluster-autoscaler does not count failed pods, nor pods that have been ending for a minute,
 *     so a live one stands beside those;
 *   - a drain that deletes (`--disable-eviction`) lists the pods once and waits for those alone, so
 *     on a leaving node none that is ending goes. That its containers have ended says nothing: the
 *     kubelet makes every pod that it has ended Failed or Succeeded;
 *   - of those that failed by themselves the oldest stays, for every drain has seen it, and the
 *     newest, which tells when the next one is due. What is between them would pile up.
 */

/** A keeper pod. */
export interface Keeper {
  readonly name: string;
  readonly uid: string;
  readonly ending: boolean;
  readonly failed: boolean;
  readonly hasFinalizer: boolean;
  readonly createdAt: string;
}

export interface KeeperSnapshot {
  /** undefined: there is no such Node. */
  readonly node: { readonly leaving: boolean } | undefined;
  /** A LocalVolume names the node, or is about to: one is made there, or a move brings it. */
  readonly hasVolumes: boolean;
  /** The node is leaving, and a volume that is on it or will arrive there must move first. */
  readonly toMove: boolean;
  readonly keepers: readonly Keeper[];
}

export type KeeperPlan =
  | { readonly step: "nothing" }
  /** `isLeaving`: only if the server, asked once more, still knows something that is to move. */
  | { readonly step: "create"; readonly isLeaving: boolean }
  | { readonly step: "delete"; readonly keeper: Keeper }
  /** Take the finalizer off, after the check. */
  | { readonly step: "let-go"; readonly keeper: Keeper; readonly check: "node-stays" | "nothing-to-move" | "none" };

export function planKeepers({ node, hasVolumes, toMove, keepers }: KeeperSnapshot): KeeperPlan {
  const live = keepers.filter(({ ending, failed }) => !ending && !failed);
  const wanted = node !== undefined && (node.leaving ? toMove : hasVolumes);
  if (wanted && live.length === 0) return { step: "create", isLeaving: node.leaving };
  const surplus = wanted ? live.toSorted(byAge).slice(1) : live;
  const failed = keepers.filter((keeper) => keeper.failed && !keeper.ending).toSorted(byAge);
  if (wanted && node.leaving) return planHolding(surplus, failed.slice(1, -1));
  // Before any deletion: a drain waits for a keeper that is ending, and a deletion may be refused.
  const keeper = keepers.find(({ ending, hasFinalizer }) => ending && hasFinalizer);
  const unneeded = [...surplus, ...failed][0];
  if (keeper === undefined) return unneeded === undefined ? { step: "nothing" } : { step: "delete", keeper: unneeded };
  if (node === undefined) return { step: "let-go", keeper, check: "none" };
  if (node.leaving) return { step: "let-go", keeper, check: "nothing-to-move" };
  return { step: "let-go", keeper, check: hasVolumes ? "node-stays" : "nothing-to-move" };
}

/** A drain may be waiting. What is let go before it is deleted is never one that is ending. */
function planHolding(surplus: readonly Keeper[], between: readonly Keeper[]): KeeperPlan {
  const keeper = surplus[0] ?? between[0];
  if (keeper === undefined) return { step: "nothing" };
  const held = keeper.failed && keeper.hasFinalizer;
  return held ? { step: "let-go", keeper, check: "none" } : { step: "delete", keeper };
}

function byAge(a: Keeper, b: Keeper): number {
  return a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : a.name < b.name ? -1 : 1;
}
