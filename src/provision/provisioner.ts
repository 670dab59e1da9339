import { AVAILABLE_BY_CLASS } from "./indexes.ts";
import type { Clock } from "../effects/clock.ts";
import type { Random } from "../effects/random.ts";
import type { KubeClient } from "../kube/client.ts";
import type { Informer } from "../kube/informer.ts";
import type { Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from "../kube/kinds.ts";
import type { KubeMetrics } from "../kube/metrics.ts";
import type { Log } from "../observe/log.ts";
import { ClaimLoop } from "./claim-loop.ts";
import { classNameOf, selectedNodeOf } from "./claims.ts";
import type { Driver } from "./driver.ts";
import type { Recorder } from "./events.ts";
import { Acknowledger } from "./express/acknowledger.ts";
import { Binder } from "./express/binder.ts";
import { KeyedLock } from "./keyed-lock.ts";
import { runLeftoverSweep } from "./leftovers.ts";
import type { ProvisionMetrics } from "./metrics.ts";
import { ReclaimLoop } from "./reclaim-loop.ts";
import type { RetryPolicy } from "./retry-policy.ts";

export interface ProvisionerDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly driver: Driver;
  readonly recorder: Recorder;
  readonly claims: Informer<PersistentVolumeClaim>;
  /** With the indexes of `volumeIndexes`. */
  readonly volumes: Informer<PersistentVolume>;
  readonly classes: Informer<StorageClass>;
  readonly nodes: Informer<Node>;
  /** Whether this process leads at this very moment; always true without leader election. */
  readonly isLeading: () => boolean;
  readonly metrics?: ProvisionMetrics | undefined;
  readonly kubeMetrics?: KubeMetrics | undefined;
}

export interface ProvisionerOptions {
  readonly provisionRetry: RetryPolicy;
  readonly reclaimRetry: RetryPolicy;
  /** Claims, and volumes, in work at once. @default no limit of its own */
  readonly workers?: number | undefined;
  /** Bind claims ourselves where kube-controller-manager is behind. Needs the rights of `Rights.express`. */
  readonly express: boolean;
  /** Tells this installation's canary from others': namespace and provisioner name. */
  readonly owner: string;
}

/** Serves one provisioner name until the signal is aborted: claims to volumes, binding, reclaiming. Everything it knows it reads from the cluster; it may die at any instant. */
export async function runProvisioner(
  deps: ProvisionerDeps,
  options: ProvisionerOptions,
  signal: AbortSignal,
): Promise<void> {
  const { volumes } = deps;
  const locks = new KeyedLock();
  const acknowledger = options.express ? new Acknowledger(deps, options.owner) : undefined;
  const mayBeMatched = (claim: PersistentVolumeClaim): boolean =>
    selectedNodeOf(claim) === undefined && volumes.store.byIndex(AVAILABLE_BY_CLASS, classNameOf(claim)).length > 0;
  const binder = acknowledger === undefined ? undefined : new Binder({ ...deps, acknowledger, mayBeMatched });
  const claimLoop = new ClaimLoop(
    { ...deps, locks, binder },
    { retry: options.provisionRetry, workers: options.workers },
  );
  const reclaimLoop = new ReclaimLoop(
    { ...deps, locks },
    { retry: options.reclaimRetry, workers: options.workers, release: options.express },
  );
  await Promise.all([
    claimLoop.run(signal),
    reclaimLoop.run(signal),
    runLeftoverSweep({ ...deps, locks }, signal),
    binder?.run(signal),
    acknowledger?.run(signal),
  ]);
  await acknowledger?.removeCanaries();
}
