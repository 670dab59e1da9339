// Workers that take keys from a work queue and reconcile them.
//
// What happens to a key depends on how its reconcile ends:
//   returns                    → forgotten; comes again only when it is added again
//   returns {requeueAfterMs}   → forgotten; comes again after that time
//   throws TerminalError       → logged, counted, forgotten; comes again only when it is added
//   again throws anything else       → logged, counted; comes again with back-off throws once
//   `signal` is aborted → goes back into the queue, for the next controller on it, and does not
//   count as a failure
//
// Invariants: no two workers have the same key (the queue guarantees it). No error of a reconcile
// ends a worker. runController ends only when none of its reconciles is running any more: it waits
// for a reconcile that ignores its signal, because otherwise two workers could have the same key.
import { deadline, type Clock } from "../../effects/clock.ts";
import type { Log } from "../../observe/log.ts";
import { manyListeners } from "../many-listeners.ts";
import type { KubeMetrics, ReconcileOutcome } from "../metrics.ts";
import type { WorkQueue } from "./work-queue.ts";

export type ReconcileResult = void | { readonly requeueAfterMs: number };

/**
 * A failure that a retry cannot fix. The key is not retried until the next event adds it.
 */
export class TerminalError extends Error {
  override readonly name: string = "TerminalError";
}

export interface ControllerDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics?: KubeMetrics;
}

export interface ControllerSpec {
  /** Label of the metrics and field `controller` of the log. */
  readonly name: string;
  readonly queue: WorkQueue;
  /** How many keys are reconciled at once. */
  readonly workers: number;
  /**
   * Reconciles one object. `signal` is aborted when the controller stops, and after `timeoutMs`.
   */
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<ReconcileResult>;
  /** Milliseconds that one reconcile may take. Unset: no limit. */
  readonly timeoutMs?: number;
}

/**
 * Reconciles the keys of the queue until `signal` is aborted (or the queue is shut down and empty);
 * resolves when the running reconciles have ended. Never rejects. It does not shut the queue down:
 * that is for the owner of the queue.
 */
export async function runController(deps: ControllerDeps, spec: ControllerSpec, signal: AbortSignal): Promise<void> {
  const log = deps.log.child({ controller: spec.name });
  const running = new Set<Promise<void>>();
  let freed: () => void = () => undefined;
  const work = async (key: string): Promise<void> => {
    try {
      // The key was handed out at the moment the signal was aborted: put it back.
      if (signal.aborted) spec.queue.add(key);
      else await reconcileOne({ ...deps, log }, spec, key, signal);
    } finally {
      spec.queue.done(key);
    }
  };
  // One loop hands out keys, so that a limit of ten thousand workers costs nothing while ten work.
  for (;;) {
    while (running.size >= spec.workers) {
      await new Promise<void>((resolve) => {
        freed = resolve;
      });
    }
    const key = await spec.queue.get(signal);
    if (key === undefined) break;
    const one = work(key).finally(() => {
      running.delete(one);
      freed();
    });
    running.add(one);
  }
  manyListeners(signal);
  await Promise.all(running);
}

async function reconcileOne(
  deps: ControllerDeps,
  spec: ControllerSpec,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  const { queue } = spec;
  const began = deps.clock.monotonic();
  const ended = (outcome: ReconcileOutcome): void => {
    deps.metrics?.reconciled(spec.name, outcome, (deps.clock.monotonic() - began) / 1000);
  };
  const limit = spec.timeoutMs === undefined ? undefined : deadline(deps.clock, spec.timeoutMs, signal);
  try {
    const result = await spec.reconcile(key, limit?.signal ?? signal);
    queue.forget(key);
    if (result === undefined) {
      ended("success");
    } else {
      queue.addAfter(key, result.requeueAfterMs);
      ended("requeue_after");
    }
  } catch (error) {
    if (signal.aborted) {
      deps.log.debug("reconcile interrupted", { key, err: error });
      queue.add(key);
    } else if (error instanceof TerminalError) {
      deps.log.error("reconcile failed for good", { key, err: error });
      queue.forget(key);
      ended("terminal_error");
    } else {
      deps.log.error("reconcile failed", { key, err: error, failures: queue.retries(key) + 1 });
      queue.addRateLimited(key);
      ended("error");
    }
  } finally {
    limit?.clear();
  }
}
