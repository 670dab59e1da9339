import type { StoragePool } from "../../api/kinds/storage-pool.ts";
import { runController, type ControllerDeps } from "../../kube/queue/controller.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import type { Node } from "../../kube/kinds.ts";
import type { WorkQueue } from "../../kube/queue/work-queue.ts";
import { RENEW_MS, type Pools } from "./pools.ts";

export interface PoolLoopDeps extends ControllerDeps {
  readonly pools: Pools;
  readonly definitions: Informer<StoragePool>;
  /** Has only this node. */
  readonly nodes: Informer<Node>;
  /** Its one key is ROUND. */
  readonly queue: WorkQueue;
  /**
   * Called after each round. `all` means that every volume must be looked at, which reads two
   * objects for each. It is true when the round has found other pools than the previous one, and
   * otherwise every minute or two. Rounds are more frequent than that: each change of the Node
   * begins one, and each move of a volume changes the labels of two Nodes.
   */
  readonly looked: (all: boolean) => void;
}

/** One key for all pools, because a round looks at every disk and writes one object. */
export const ROUND = "pools";
/** A failed round is tried again soon: nothing can be published before the first round succeeds. */
export const POOL_BACKOFF = { baseDelayMs: 500, maxDelayMs: 30_000 };

/** Runs rounds of `pools.refresh` until the signal is aborted. The informers must have synced. */
export async function runPoolLoop(deps: PoolLoopDeps, signal: AbortSignal): Promise<void> {
  const { clock, definitions, looked, nodes, pools, queue } = deps;
  const add = (): void => {
    queue.add(ROUND);
  };
  const stops = [definitions.onChange(add), nodes.onChange(add)];
  add();
  let told: { readonly at: number; readonly found: string } | undefined;
  const reconcile = async (_: string, end: AbortSignal) => {
    await pools.refresh(end);
    const at = clock.monotonic();
    const found = JSON.stringify(
      pools.all().map(({ name, path, status: { ready, uuid } }) => [name, path, ready, uuid]),
    );
    const all = found !== told?.found || at - told.at >= RENEW_MS;
    if (all) told = { at, found };
    looked(all);
    return { requeueAfterMs: pools.untilRenewalMs() };
  };
  try {
    await runController(deps, { name: "pools", queue, workers: 1, reconcile }, signal);
  } finally {
    for (const stop of stops) stop();
  }
}
