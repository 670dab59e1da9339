import type { Clock } from "../effects/clock.ts";
import type { KubeClient } from "../kube/client.ts";
import { isNotFound } from "../kube/errors.ts";
import type { Informer } from "../kube/informer.ts";
import {
  persistentVolumeClaims,
  persistentVolumes,
  type PersistentVolume,
  type PersistentVolumeClaim,
} from "../kube/kinds.ts";
import { uidOf } from "../kube/objects.ts";
import type { Log } from "../observe/log.ts";
import type { Driver } from "./driver.ts";
import type { KeyedLock } from "./keyed-lock.ts";
import type { ProvisionMetrics } from "./metrics.ts";

/*
 * Attempts that ended without a PersistentVolume: the claim was deleted while its volume was being made, or a leader died in between. The driver keeps a record of each on the cluster (for the classic driver, the helper pod); this
 * sweep settles those whose PersistentVolume is there, leaves those whose claim lives to the claim loop, and has the rest removed.
 */

const SWEEP_MS = 30_000;
/** One that stays however often it is removed (a failing disk, a pod that may not be deleted) costs a helper pod each time. */
const LONGEST_PAUSE_MS = 5 * 60_000;

export interface LeftoverDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly driver: Driver;
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly volumes: Informer<PersistentVolume>;
  readonly locks: KeyedLock;
  /** As in the reclaim loop. */
  readonly isLeading: () => boolean;
  readonly metrics?: ProvisionMetrics | undefined;
}

/** Sweeps at once, soon after every deleted claim that had no volume, and twice a minute, until the signal is aborted. */
export async function runLeftoverSweep(deps: LeftoverDeps, signal: AbortSignal): Promise<void> {
  const { clock, claims, log } = deps;
  let wake: () => void = () => undefined;
  const attempts = new Attempts(clock);
  const stop = claims.onChange((change) => {
    if (change.type === "deleted" && (change.object.spec?.volumeName ?? "") === "") wake();
  });
  try {
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await sweep(deps, attempts, signal).catch((error: unknown) => {
        if (!signal.aborted) log.error("sweeping leftovers failed", { err: error });
      });
      const pause = new AbortController();
      await Promise.race([
        woken,
        clock.sleep(SWEEP_MS, AbortSignal.any([signal, pause.signal])).catch(() => undefined),
      ]);
      pause.abort();
    }
  } finally {
    stop();
  }
}

/** When what is removed again and again is next tried: after 30 s, 60 s … at most five minutes. */
class Attempts {
  readonly #clock: Clock;
  readonly #byName = new Map<string, { readonly pauseMs: number; readonly notBefore: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isDue(name: string): boolean {
    return (this.#byName.get(name)?.notBefore ?? 0) <= this.#clock.monotonic();
  }

  /** Called at the end of each, whatever came of it: what is gone is not asked for again. */
  ended(name: string): void {
    const before = this.#byName.get(name);
    const pauseMs = before === undefined ? SWEEP_MS : Math.min(before.pauseMs * 2, LONGEST_PAUSE_MS);
    this.#byName.set(name, { pauseMs, notBefore: this.#clock.monotonic() + pauseMs });
  }

  keepOnly(names: readonly string[]): void {
    const kept = new Set(names);
    for (const name of this.#byName.keys()) if (!kept.has(name)) this.#byName.delete(name);
  }
}

async function sweep(deps: LeftoverDeps, attempts: Attempts, signal: AbortSignal): Promise<void> {
  const { driver, claims, volumes, locks, metrics } = deps;
  const known = new Set(claims.store.list().map((claim) => uidOf(claim)));
  const names = driver.leftovers();
  metrics?.leftovers.set(names.length);
  attempts.keepOnly(names);
  const stored = names.filter((name) => volumes.store.get(name) !== undefined && !locks.busy(name));
  const orphaned = names.filter(
    (name) => volumes.store.get(name) === undefined && !known.has(uidIn(name)) && attempts.isDue(name),
  );
  await Promise.all(stored.map((name) => driver.settled(name)));
  if (orphaned.length > 0) await abandon(deps, orphaned, attempts, signal);
}

/** Our caches say that nobody wants these. Removing data on the word of a cache is how data is lost: the server is asked first, and again after all waiting. */
async function abandon(
  deps: LeftoverDeps,
  names: readonly string[],
  attempts: Attempts,
  signal: AbortSignal,
): Promise<void> {
  const { driver, isLeading, locks, log } = deps;
  const confirm = async (name: string): Promise<boolean> =>
    !(await livingClaims(deps, signal)).has(uidIn(name)) &&
    !(await volumeExists(deps.client, name, signal)) &&
    isLeading();
  const living = await livingClaims(deps, signal);
  for (const name of names.filter((candidate) => !living.has(uidIn(candidate)) && !locks.busy(candidate))) {
    const work = locks.run(
      name,
      async () => {
        if (!(await confirm(name))) return;
        log.info("removing what an abandoned attempt left", { volume: name });
        await driver
          .abandon(name, () => confirm(name), signal)
          .finally(() => {
            attempts.ended(name);
          });
      },
      signal,
    );
    // Not waited for: one that hangs on a dead node must not keep the others.
    void work.catch((error: unknown) => {
      if (!signal.aborted) log.error("removing leftovers failed", { volume: name, err: error });
    });
  }
}

/** UIDs of all claims there are, read past every cache. */
async function livingClaims(deps: LeftoverDeps, signal: AbortSignal): Promise<ReadonlySet<string>> {
  return new Set((await deps.client.list(persistentVolumeClaims, { signal })).map((claim) => uidOf(claim)));
}

async function volumeExists(client: KubeClient, name: string, signal: AbortSignal): Promise<boolean> {
  try {
    await client.get(persistentVolumes, { name }, { signal });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

function uidIn(volumeName: string): string {
  return volumeName.replace(/^pvc-/, "");
}
