/*
 * Attempts that ended without a PersistentVolume: the claim was deleted while its volume was being
 * made, or a leader died in between. Each driver keeps a record of its attempts on the cluster (the
 * classic driver: the helper pod). One sweep for all drivers goes through the records:
 *
 *   PersistentVolume stored            → the driver is told, and drops the record
 *   no PersistentVolume, claim alive   → the claim loop goes on from it
 *   no PersistentVolume, claim gone    → the driver removes what the attempt made
 *
 * A cache may be stale, so before a removal the API server is asked whether the claim is gone and
 * no PersistentVolume is there.
 *
 * - The claims are listed once for all attempts of a sweep. The list is newer than the attempts,
 *   and no claim gets the UID of an earlier one: a claim that is not in the list never comes back.
 * - The PersistentVolume is asked for once more by the driver, after all waiting: a leader that was
 *   stalled may store it late.
 *
 * A crash leaves the record, and the next leader's first sweep finds it.
 */
import type { Clock } from "../../effects/clock.ts";
import type { KubeClient } from "../../kube/client.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import {
  persistentVolumeClaims,
  persistentVolumes,
  type PersistentVolume,
  type PersistentVolumeClaim,
} from "../../kube/kinds.ts";
import { uidOf } from "../../kube/objects.ts";
import { background } from "../../observe/background.ts";
import type { Log } from "../../observe/log.ts";
import type { Driver } from "../driver.ts";
import type { KeyedLock } from "../../kube/queue/keyed-lock.ts";
import type { ProvisionMetrics } from "../metrics.ts";

const SWEEP_MS = 30_000;

/**
 * A removal that fails every time (a broken disk) costs the classic driver a helper pod each time.
 */
const LONGEST_PAUSE_MS = 5 * 60_000;

export interface AttemptSweepDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly volumes: Informer<PersistentVolume>;
  readonly locks: KeyedLock;
  /** As in the reclaim loop. */
  readonly isLeading: () => boolean;
  readonly metrics?: ProvisionMetrics | undefined;
}

/**
 * Sweeps at once, soon after every deleted claim that had no volume, and twice a minute, until the
 * signal is aborted.
 */
export async function runAttemptSweep(
  deps: AttemptSweepDeps,
  drivers: readonly Driver[],
  signal: AbortSignal,
): Promise<void> {
  const { clock, claims, log } = deps;
  let wake: () => void = () => undefined;
  const swept = drivers.map((driver) => ({ driver, pauses: new Pauses(clock) }));
  const stop = claims.onChange((change) => {
    if (change.type === "deleted" && !change.object.spec?.volumeName) wake();
  });
  try {
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      for (const { driver, pauses } of swept) {
        await sweep(deps, driver, pauses, signal).catch((error: unknown) => {
          if (!signal.aborted) log.error("sweeping attempts failed", { driver: driver.name, err: error });
        });
      }
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

/** When a removal that was tried is due again: after 30 s, 60 s … at most five minutes. */
class Pauses {
  readonly #clock: Clock;
  readonly #byName = new Map<string, { readonly pauseMs: number; readonly notBefore: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isDue(name: string): boolean {
    return (this.#byName.get(name)?.notBefore ?? 0) <= this.#clock.monotonic();
  }

  /**
   * Called at the end of each removal, however it ended: after a success there is no record any
   * more, and no next try.
   */
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

async function sweep(deps: AttemptSweepDeps, driver: Driver, pauses: Pauses, signal: AbortSignal): Promise<void> {
  const { claims, volumes, locks, metrics } = deps;
  const known = new Set(claims.store.list().map((claim) => uidOf(claim)));
  const names = driver.attempts();
  metrics?.attempts.set({ driver: driver.name }, names.length);
  pauses.keepOnly(names);
  const stored = names.filter((name) => volumes.store.get(name) !== undefined && !locks.busy(name));
  const orphaned = names.filter(
    (name) =>
      volumes.store.get(name) === undefined && !known.has(uidIn(name)) && pauses.isDue(name) && !locks.busy(name),
  );
  await Promise.all(stored.map((name) => driver.stored(name)));
  if (orphaned.length > 0) await removeOrphans(deps, driver, orphaned, pauses, signal);
}

/**
 * Removes what these attempts made. Our caches say that nobody wants it; the API server has the
 * last word.
 */
async function removeOrphans(
  deps: AttemptSweepDeps,
  driver: Driver,
  names: readonly string[],
  pauses: Pauses,
  signal: AbortSignal,
): Promise<void> {
  const { client, isLeading, locks, log } = deps;
  const confirm = async (name: string): Promise<boolean> =>
    (await client.find(persistentVolumes, { name }, { signal })) === undefined && isLeading();
  const living = await livingClaims(client, signal);
  for (const name of names.filter((candidate) => !living.has(uidIn(candidate)) && !locks.busy(candidate))) {
    const work = locks.run(
      name,
      async () => {
        if (!(await confirm(name))) return;
        log.info("removing what an abandoned attempt made", { volume: name });
        await driver
          .removeAttempt(name, () => confirm(name), signal)
          .finally(() => {
            pauses.ended(name);
          });
      },
      signal,
    );
    // Not awaited: one that hangs on a dead node must not delay the others.
    const failed = (error: unknown): void => {
      if (!signal.aborted) log.error("removing what an attempt made failed", { volume: name, err: error });
    };
    void background(log, "removal of an attempt", work.catch(failed));
  }
}

/**
 * UIDs of all claims, by uncached reads. One page at a time, so that ten thousand whole claims are
 * never in memory at once.
 */
async function livingClaims(client: KubeClient, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const uids = new Set<string>();
  for await (const { items } of client.pages(persistentVolumeClaims, { signal })) {
    for (const claim of items) uids.add(uidOf(claim));
  }
  return uids;
}

function uidIn(volumeName: string): string {
  return volumeName.replace(/^pvc-/, "");
}
