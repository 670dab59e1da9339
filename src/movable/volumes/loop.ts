/*
 * Brings LocalVolumes to where plan.ts says, one write at a time. Every write carries the
 * resourceVersion that was planned on; one that is refused for it is planned again.
 *
 * What a crash leaves: after each write, a volume whose next step the plan finds.
 */
import { localVolumes, type LocalVolume } from "../../api/kinds/local-volume.ts";
import { volumeCopies, type VolumeCopy } from "../../api/kinds/volume-copy.ts";
import { LOCAL_VOLUME_FINALIZER } from "../../api/names.ts";
import type { KubeClient } from "../../kube/client.ts";
import { runController, type ControllerDeps, type ReconcileResult } from "../../kube/queue/controller.ts";
import { isConflict, isNotFound } from "../../kube/errors.ts";
import type { Informer } from "../../kube/watch/informer.ts";
import type { Stored } from "../../kube/objects.ts";
import { WorkQueue } from "../../kube/queue/work-queue.ts";
import type { Recorder } from "../../provision/events.ts";
import * as events from "../events.ts";
import { planVolume, type VolumePlan } from "./plan.ts";

/** Index of VolumeCopies by volume. */
export const BY_VOLUME = "byVolume";
export const copyIndexes = { [BY_VOLUME]: ({ spec }: VolumeCopy): readonly string[] => [spec.volume] };

export interface VolumeLoopDeps extends ControllerDeps {
  readonly client: KubeClient;
  readonly volumes: Informer<LocalVolume>;
  /** With the indexes of `copyIndexes`. */
  readonly copies: Informer<VolumeCopy>;
  readonly recorder: Recorder;
}

const WORKERS = 16;
/** A refused write is planned again after this, should no event come before. */
const AGAIN_MS = 1000;

/** Runs until the signal is aborted. The informers must have synced. */
export async function runVolumeLoop(deps: VolumeLoopDeps, signal: AbortSignal): Promise<void> {
  const { clock, copies, volumes } = deps;
  const queue = new WorkQueue({ clock }, { name: "local-volumes" });
  const stops = [
    volumes.onChange(({ key }) => {
      queue.add(key);
    }),
    copies.onChange(({ object }) => {
      queue.add(object.spec.volume);
    }),
  ];
  const reconcile = async (name: string, stop: AbortSignal): Promise<ReconcileResult> => {
    const volume = volumes.store.get(name);
    if (volume === undefined) return undefined;
    const plan = planVolume(volume, copies.store.byIndex(BY_VOLUME, name));
    try {
      await carryOut(deps, volume, plan, stop);
      return undefined;
    } catch (error) {
      if (isConflict(error)) return { requeueAfterMs: AGAIN_MS };
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };
  try {
    await runController(deps, { name: "local-volumes", queue, workers: WORKERS, reconcile }, signal);
  } finally {
    for (const stop of stops) stop();
  }
}

async function carryOut(
  { client, recorder }: VolumeLoopDeps,
  volume: Stored<LocalVolume>,
  plan: VolumePlan,
  signal: AbortSignal,
): Promise<void> {
  const { name, uid, resourceVersion } = volume.metadata;
  const version = { uid, resourceVersion };
  switch (plan.step) {
    case "nothing":
      return;
    case "wait":
      recorder.record(events.aboutLocalVolume(volume), events.removalWaits(plan.nodes));
      return;
    case "explain-deletion":
      recorder.record(events.aboutLocalVolume(volume), events.deletionIsNoOrder(name));
      return;
    case "guard": {
      const finalizers = [...(volume.metadata.finalizers ?? []), LOCAL_VOLUME_FINALIZER];
      await client.patchMerge(localVolumes, { name }, { metadata: { ...version, finalizers } }, { signal });
      return;
    }
    case "forbid-creation":
      await client.patchMerge(localVolumes, { name }, { metadata: version, spec: { mayCreate: null } }, { signal });
      return;
    case "delete-copy": {
      const { metadata } = plan.copy;
      await client.delete(volumeCopies, { name: metadata.name }, { uid: metadata.uid, signal });
      return;
    }
    case "finish":
      // The cache may lack a copy that was made a moment ago.
      if ((await client.list(volumeCopies, { fieldSelector: `spec.volume=${name}`, signal })).length > 0) return;
      // Deleted first: without the finalizer, and not yet deleted, it would get the finalizer back.
      await client.delete(localVolumes, { name }, { uid, signal });
      await client.patchMerge(localVolumes, { name }, { metadata: { uid, finalizers: null } }, { signal });
      return;
    default:
      plan satisfies never;
  }
}
