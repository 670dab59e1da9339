/*
 * Unmounts targets that the kubelet has forgotten. If its vol_data.json is lost, the kubelet never
 * calls unpublish, and its bind mounts for subPaths stay. Such a volume could never be sealed.
 *
 * A crash leaves fewer mounts. The next process counts the minute from the beginning.
 */
import type { Clock } from "../../effects/clock.ts";
import type { KubeClient } from "../../kube/client.ts";
import { pods } from "../../kube/kinds.ts";
import type { Log } from "../../observe/log.ts";
import type { OnDisk } from "../copies/on-disk.ts";
import type { Publication } from "../mounts/publications.ts";
import { planSweep, UNUSED_MS, type Abandoned } from "./plan-sweep.ts";

export interface SweepDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly onDisk: OnDisk;
  readonly nodeName: string;
  /**
   * Whether a process of the pod still uses the volume. If that cannot be found out, it counts as
   * used.
   */
  readonly isUsed: (publication: Publication) => Promise<boolean>;
  /** Removes all mounts at a target, under the volume's lock. */
  readonly unpublish: (publication: Publication) => Promise<void>;
}

/** Runs until the signal is aborted. */
export async function runSweep(deps: SweepDeps, signal: AbortSignal): Promise<void> {
  const { clock, log } = deps;
  let abandoned: Abandoned = new Map();
  while (!signal.aborted) {
    try {
      abandoned = await sweepOnce(deps, abandoned, signal);
    } catch (error) {
      if (!signal.aborted) log.error("cannot look for forgotten mounts", { err: error });
    }
    await clock.sleep(UNUSED_MS, signal).catch(() => undefined);
  }
}

async function sweepOnce(deps: SweepDeps, before: Abandoned, signal: AbortSignal): Promise<Abandoned> {
  const { client, clock, isUsed, log, nodeName, onDisk, unpublish } = deps;
  const publications = onDisk.publications();
  if (publications.length === 0) return new Map();
  const listed = await client.list(pods, { fieldSelector: `spec.nodeName=${nodeName}`, signal });
  const present = new Set(listed.map(({ metadata }) => metadata.uid));
  const inUse = new Set<string>();
  for (const publication of publications) {
    if (present.has(publication.podUID)) continue;
    if (await isUsed(publication).catch(() => true)) inUse.add(publication.target);
  }
  const { abandoned, unmount } = planSweep(publications, present, inUse, before, clock.monotonic());
  for (const publication of unmount) {
    const { podUID, target, volume } = publication;
    log.warn("removing a mount whose pod is gone", { volume, target, podUID });
    await unpublish(publication).catch((error: unknown) => {
      log.error("cannot remove a mount whose pod is gone", { volume, target, err: error });
    });
  }
  return abandoned;
}
