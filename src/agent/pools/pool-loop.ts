import type { StoragePool } from "../../api/kinds/storage-pool.ts";
import { runController, type ControllerDeps } from "../../kube/queue/controller.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import type { Node } from "../../kube/kinds.ts";
import type { WorkQueue } from "../../kube/queue/work-queue.ts";
import type { Pools } from "./pools.ts";

export interface PoolLoopDeps extends ControllerDeps {
  readonly pools: Pools;
  readonly definitions: Informer<StoragePool>;
  /** Has only this node. */
  readonly nodes: Informer<Node>;
  /** Its one key is ROUND. */
  readonly queue: WorkQueue;
  /** Called after each round. */
  readonly looked: () => void;
}

/** One key for all pools, because a round looks at every disk and writes one object. */
export const ROUND = "pools";
/** A failed round is tried again soon: nothing can be published before the first round succeeds. */
export const POOL_BACKOFF = { baseDelayMs: 500, maxDelayMs: 30_000 };

/** Runs rounds of `pools.refresh` until the signal is aborted. The informers must have synced. */
export async function runPoolLoop(deps: PoolLoopDeps, signal: AbortSignal): Promise<void> {
  const { definitions, looked, nodes, pools, queue } = deps;
  const add = (): void => {
    queue.add(ROUND);
  };
  const stops = [definitions.onChange(add), nodes.onChange(add)];
  add();
  const reconcile = async (_: string, end: AbortSignal) => {
    await pools.refresh(end);
    looked();
    return { requeueAfterMs: pools.untilRenewalMs() };
  };
  try {
    await runController(deps, { name: "pools", queue, workers: 1, reconcile }, signal);
  } finally {
    for (const stop of stops) stop();
  }
}
