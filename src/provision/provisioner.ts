import type { Clock } from "../effects/clock.ts";
import type { Random } from "../effects/random.ts";
import type { KubeClient } from "../kube/client.ts";
import type { Informer } from "../kube/watch/informer.ts";
import type { Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from "../kube/kinds.ts";
import type { KubeMetrics } from "../kube/metrics.ts";
import type { Log } from "../observe/log.ts";
import { runAttemptSweep } from "./reclaim/attempt-sweep.ts";
import { ClaimLoop, type PodReads, type PodWatch } from "./claims/claim-loop.ts";
import { classNameOf, selectedNodeOf } from "./claims/claims.ts";
import type { Driver } from "./driver.ts";
import type { Recorder } from "./events.ts";
import { Acknowledger } from "./express/acknowledger.ts";
import { Binder } from "./express/binder.ts";
import { AVAILABLE_BY_CLASS } from "./indexes.ts";
import { KeyedLock } from "../kube/queue/keyed-lock.ts";
import type { ProvisionMetrics } from "./metrics.ts";
import { ReclaimLoop } from "./reclaim/reclaim-loop.ts";

export interface ProvisionerDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly recorder: Recorder;
  readonly claims: Informer<PersistentVolumeClaim>;
  /** With the indexes of `volumeIndexes`. */
  readonly volumes: Informer<PersistentVolume>;
  readonly classes: Informer<StorageClass>;
  readonly nodes: Informer<Node>;
  /**
   * The pods of all namespaces, with the index of `podIndexes`. Only drivers with a ledger need it:
   * without it every claim is asked for alone.
   */
  readonly pods?: PodWatch | undefined;
  /** Whether this process leads at this very moment; always true without leader election. */
  readonly isLeading: () => boolean;
  readonly metrics?: ProvisionMetrics | undefined;
  readonly kubeMetrics?: KubeMetrics | undefined;
}

export interface ProvisionerOptions {
  /**
   * Bind claims ourselves where kube-controller-manager is behind. Needs the rights of
   * `EXPRESS_RIGHTS`.
   */
  readonly express: boolean;
  /** Tells this installation's canary from that of another one in the cluster. */
  readonly owner: string;
  /** The namespace of this installation: the canary is deleted with it. */
  readonly namespace: string;
  /**
   * The pods of a namespace as they are now, where they are not watched: read for claims whose node
   * the driver chooses. Must not reject. Without it nothing is known of their pods.
   */
  readonly podsIn?: PodReads | undefined;
}

/**
 * Serves the drivers' provisioner names until the signal is aborted: claims to volumes, binding,
 * reclaiming. All its state is on the cluster, so it may crash at any time.
 *
 * Per driver there is a claim loop and a reclaim loop. They share one lock per volume, one binder
 * with one canary, one sweep of attempts and one set of metrics. Throws a RangeError when two
 * drivers have the same name, or serve the same provisioner.
 */
export async function runProvisioner(
  deps: ProvisionerDeps,
  drivers: readonly Driver[],
  options: ProvisionerOptions,
  signal: AbortSignal,
): Promise<void> {
  checkDistinct(drivers);
  const { volumes } = deps;
  const locks = new KeyedLock();
  const acknowledger = options.express ? new Acknowledger(deps, options) : undefined;
  const mayBeMatched = (claim: PersistentVolumeClaim): boolean =>
    selectedNodeOf(claim) === undefined && volumes.store.byIndex(AVAILABLE_BY_CLASS, classNameOf(claim)).length > 0;
  const binder = acknowledger === undefined ? undefined : new Binder({ ...deps, acknowledger, mayBeMatched });
  const loops = drivers.flatMap((driver) => [
    new ClaimLoop({ ...deps, locks, binder, podsIn: options.podsIn }, driver),
    new ReclaimLoop({ ...deps, locks }, driver, { release: options.express }),
  ]);
  await Promise.all([
    ...loops.map((loop) => loop.run(signal)),
    runAttemptSweep({ ...deps, locks }, drivers, signal),
    binder?.run(signal),
    acknowledger?.run(signal),
  ]);
  await acknowledger?.removeCanaries();
}

/** Two loops for one provisioner would make each of its volumes twice. */
function checkDistinct(drivers: readonly Driver[]): void {
  for (const key of ["name", "provisioner"] as const) {
    const values = drivers.map((driver) => driver[key]);
    const twice = values.find((value, index) => values.indexOf(value) !== index);
    if (twice !== undefined) throw new RangeError(`two drivers have the ${key} ${twice}`);
  }
}
