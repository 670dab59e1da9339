/*
 * A controller process: one of several replicas.
 *
 *   serving ── all informers synced ──▶ candidate ── lease acquired ──▶ leading
 *      └───────────────┴───────── signal aborted ────────────┴────────▶ ended
 *
 * Every replica watches, serves, and runs its per-replica work for the whole life of the process.
 * So a standby's caches are full when it takes over, and any replica can answer a webhook. Loops
 * that write belong to the term and get its signal. A process has one term: when the term ends, the
 * process ends.
 *
 * A replica whose informers have not synced does not compete for the lease: it could not work with
 * it.
 *
 * At the end these stop in this order: the term's work, `afterTerm`, the lease, the per-replica
 * work, the last events, the server. When one part fails, everything stops in the same order and
 * the process rejects with that part's error. The kubelet starts it again.
 */
import type { Clock } from "../effects/clock.ts";
import type { Random } from "../effects/random.ts";
import type { KubeClient } from "../kube/client.ts";
import type { EventRecorder } from "../kube/events/event-recorder.ts";
import type { InformerDeps } from "../kube/watch/informer.ts";
import { LeaseLost, runAsLeader, type LeaderElectionOptions, type Term } from "../kube/leader/leader-election.ts";
import { manyListeners } from "../kube/many-listeners.ts";
import type { KubeMetrics } from "../kube/metrics.ts";
import type { Log } from "../observe/log.ts";
import type { ListeningServer } from "../observe/server.ts";
import type { Driver } from "../provision/driver.ts";
import type { ProvisionMetrics } from "../provision/metrics.ts";
import { runProvisioner, type ProvisionerOptions } from "../provision/provisioner.ts";
import type { Watched } from "./watched.ts";

export interface ControllerDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly recorder: EventRecorder;
  readonly metrics: KubeMetrics;
  readonly provisionMetrics: ProvisionMetrics;
}

export interface ControllerParts<W extends Watched> {
  /**
   * undefined: this process always leads. Safe only with a single replica. A replica with a lease
   * would lead beside it, so `perTerm` must end the process once leases are allowed.
   */
  readonly lease: LeaderElectionOptions | undefined;

  /** Makes the informers; the process runs them. */
  readonly watch: (deps: InformerDeps) => W;

  /** Serves health, metrics, webhooks. Called before anything is watched; closed at the end. */
  readonly serve?: (watched: W) => Promise<ListeningServer | undefined>;

  /** Runs in every replica until the signal is aborted; the informers may not have synced yet. */
  readonly perReplica?: (watched: W, signal: AbortSignal) => Promise<unknown>;

  /** Makes the term's drivers. They are made anew for each term, so no state outlives it. */
  readonly drivers: (watched: W, term: Term) => readonly Driver[];
  readonly provisioner: ProvisionerOptions;

  /** The leader's other loops, until the term's signal is aborted. */
  readonly perTerm?: (watched: W, term: Term) => Promise<unknown>;

  /**
   * Called when the process stops, after the term's work has ended and while the lease is still
   * held. Not called after a lost lease. `Term.signal` is already aborted.
   */
  readonly afterTerm?: (watched: W) => Promise<unknown>;
}

/** How long writing the last events may take when the process ends. */
const FLUSH_MS = 2_000;

/**
 * Runs a replica until the signal is aborted. Rejects with LeaseLost, or with the error of the part
 * that failed.
 */
export async function runControllerProcess<W extends Watched>(
  deps: ControllerDeps,
  parts: ControllerParts<W>,
  signal: AbortSignal,
): Promise<void> {
  const { client, clock, log, metrics, random } = deps;
  const watched = parts.watch({ client, clock, log, metrics, random });
  const server = await parts.serve?.(watched);
  const led = new AbortController();
  try {
    await together(AbortSignal.any([signal, led.signal]), [
      (stop) => Promise.all(watched.informers.map((informer) => informer.run(stop))),
      async (stop) => parts.perReplica?.(watched, stop),
      async (stop) => {
        await Promise.all(watched.informers.map((informer) => informer.synced(stop)));
        await lead(deps, parts, watched, stop);
        // A process has one term.
        led.abort(new Error("the term has ended"));
      },
    ]);
  } finally {
    await flush(deps);
    await server?.close();
  }
}

/** Runs the term: at once without leader election, otherwise when we have the lease. */
async function lead<W extends Watched>(
  deps: ControllerDeps,
  parts: ControllerParts<W>,
  watched: W,
  signal: AbortSignal,
): Promise<void> {
  const { client, clock, log, metrics, random } = deps;
  const { lease } = parts;
  const work = (term: Term): Promise<void> => runTerm(deps, parts, watched, term, signal);
  if (lease === undefined) await work({ signal, transitions: 0, isHeld: () => true });
  else await runAsLeader({ client, clock, log, metrics, random }, lease, work, signal);
}

async function runTerm<W extends Watched>(
  deps: ControllerDeps,
  parts: ControllerParts<W>,
  watched: W,
  term: Term,
  stop: AbortSignal,
): Promise<void> {
  const { provisionMetrics, metrics: kubeMetrics } = deps;
  const { cluster, pods } = watched;
  manyListeners(term.signal);
  const isLeading = (): boolean => term.isHeld();
  const provisioner = { ...deps, ...cluster, pods, isLeading, metrics: provisionMetrics, kubeMetrics };
  await together(term.signal, [
    (signal) => runProvisioner(provisioner, parts.drivers(watched, term), parts.provisioner, signal),
    async (signal) => parts.perTerm?.(watched, { ...term, isHeld: isLeading, signal }),
  ]);
  const lost = term.signal.reason instanceof LeaseLost;
  if (stop.aborted && !lost) await parts.afterTerm?.(watched);
}

/**
 * Runs the parts until all of them have ended, at the latest when the signal is aborted. When one
 * fails, the signal of the others is aborted and their end is awaited. Rejects with the first error
 * that is not just the reason of the abort.
 */
async function together(
  signal: AbortSignal,
  parts: readonly ((signal: AbortSignal) => Promise<unknown>)[],
): Promise<void> {
  const failed = new AbortController();
  const either = manyListeners(AbortSignal.any([signal, failed.signal]));
  const errors: unknown[] = [];
  await Promise.all(
    parts.map(async (part) => {
      try {
        either.throwIfAborted();
        await part(either);
      } catch (error) {
        if (either.aborted && error === either.reason) return;
        errors.push(error);
        failed.abort(new Error("another part of the process has failed"));
      }
    }),
  );
  if (errors.length > 0) throw errors[0];
}

async function flush({ clock, recorder }: ControllerDeps): Promise<void> {
  const end = new AbortController();
  const cancel = clock.after(FLUSH_MS, () => {
    end.abort();
  });
  await recorder.flush(end.signal).catch(() => undefined);
  cancel();
}
