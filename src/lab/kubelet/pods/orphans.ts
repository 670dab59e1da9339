/*
 * What a kubelet does, once after its start, about pods that were removed from the API while it was
 * down: their containers run on, and their volumes are still published.
 *
 * A real kubelet unmounts first. Its volume manager reconstructs what is mounted from the disk,
 * finds no pod that wants it, and calls unpublish; the containers are killed by the housekeeping
 * that comes about three seconds later (docs/facts.md). So for a while a container writes to a
 * volume that no kubelet knows of. This lab does the same.
 */
import type { Clock } from "../../../effects/clock.ts";
import { background } from "../../../observe/background.ts";
import type { Log } from "../../../observe/log.ts";
import type { CsiDrivers } from "../csi-drivers.ts";
import type { ContainerRuntime } from "../runtimes/runtime.ts";

interface OrphansDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly csi: Pick<CsiDrivers, "pods" | "unpublishAll">;
  readonly runtime: Pick<ContainerRuntime, "pods" | "killPodOf">;
}

const KILL_AFTER_MS = 3_000;
const RETRY_MS = 500;
const LONGEST_RETRY_MS = 120_000;

/**
 * Unpublishes the volumes of pods that are not `present` (by UID), and ends their containers
 * later. Resolves when both is done, or the kubelet ends.
 */
export async function endOrphans(deps: OrphansDeps, present: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
  const { clock, csi, log, runtime } = deps;
  const isOrphan = (uid: string): boolean => !present.has(uid);
  const mounted = csi.pods().filter(isOrphan);
  const running = runtime.pods().filter(isOrphan);
  const kill = async (): Promise<void> => {
    if (running.length === 0) return;
    await clock.sleep(KILL_AFTER_MS, signal).catch(() => undefined);
    if (signal.aborted) return;
    for (const uid of running) runtime.killPodOf(uid);
  };
  const unmount = (uid: string): Promise<void> => background(log, "orphaned volumes", unpublish(deps, uid, signal));
  await Promise.all([background(log, "orphaned containers", kill()), ...mounted.map(unmount)]);
}

async function unpublish({ clock, csi, log }: OrphansDeps, uid: string, signal: AbortSignal): Promise<void> {
  for (let delay = RETRY_MS; !signal.aborted; delay = Math.min(2 * delay, LONGEST_RETRY_MS)) {
    try {
      await csi.unpublishAll(uid);
      return;
    } catch (error) {
      log.warn("orphaned volumes not unmounted, trying again", { podUID: uid, err: error });
      await clock.sleep(delay, signal).catch(() => undefined);
    }
  }
}
